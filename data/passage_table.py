"""Passages in Arrow files: written in shards, read from a memory map one at a time, never all at once.

Each file is an Arrow IPC file of one record batch with the five columns of a passage. It knows files and passages; it
does not know where they come from.
"""

from __future__ import annotations

import bisect
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import reading
from core.files import replacing
from data.passages import Passage, PassageSequence, SourceError

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ("id", "title", "section", "text", "url")
_FACTS = b"facts"
SUFFIX = ".arrow"
_CURE = "build the index again"


def shard_path(folder: Path, number: int, suffix: str = SUFFIX) -> Path:
    """The file of a shard.

    >>> shard_path(Path("passages"), 7).as_posix()
    'passages/00007.arrow'
    """
    return folder / f"{number:05d}{suffix}"


class PassageTable(PassageSequence):
    """The passages of a list of Arrow files, in order, as a sequence.

    Example:
        >>> table = PassageTable([Path("0.arrow")], [8192])  # opens nothing yet
        >>> len(table)
        8192
    """

    def __init__(self, files: Sequence[Path], rows: Sequence[int]) -> None:
        """Hold files and how many passages each has; a file is opened when one of its passages is read."""
        self._files = list(files)
        self._ends = list(accumulate(rows))
        self._batches: dict[int, pa.RecordBatch] = {}

    def __len__(self) -> int:
        """How many passages there are."""
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[Passage]:
        """All passages, shard by shard; a shard that was read is let go."""
        for shard in range(len(self._files)):
            batch = self._whole(shard)
            for row in range(batch.num_rows):
                yield _passage(batch, row)

    def _read(self, rows: Sequence[int]) -> list[Passage]:
        found = []
        for row in rows:
            shard = bisect.bisect_right(self._ends, row)
            start = self._ends[shard - 1] if shard else 0
            found.append(_passage(self._batch(shard), row - start))
        return found

    def _batch(self, shard: int) -> pa.RecordBatch:
        if shard not in self._batches:
            self._batches[shard] = self._whole(shard)
        return self._batches[shard]

    def _whole(self, shard: int) -> pa.RecordBatch:
        """The rows of a shard, as many as it should have."""
        path, rows = self._files[shard], self._ends[shard] - (self._ends[shard - 1] if shard else 0)
        batch = read_shard(path)[0]
        if batch.num_rows != rows:
            raise SourceError(f"{path} has {batch.num_rows:,} passages, {rows:,} expected; {_CURE}")
        return batch


def write_shard(path: Path, passages: Sequence[Passage], facts: Mapping[str, Any]) -> None:
    """Write passages to an Arrow file that gets its name only when it is whole and on disk.

    Args:
        path: of the file.
        passages: its rows.
        facts: anything JSON holds, kept in the file beside them.

    Raises:
        OSError: it cannot be written.
    """
    import pyarrow as pa

    schema = pa.schema([(name, pa.string()) for name in COLUMNS], {_FACTS: json.dumps(facts, ensure_ascii=False)})
    columns = [pa.array([getattr(passage, name) for passage in passages], pa.string()) for name in COLUMNS]
    with replacing(path) as part, pa.OSFile(str(part), "wb") as file, pa.ipc.new_file(file, schema) as writer:
        writer.write_batch(pa.record_batch(columns, schema=schema))


def read_shard(path: Path) -> tuple[pa.RecordBatch, dict[str, Any]]:
    """The rows of an Arrow file, on a memory map, and the facts beside them.

    Raises:
        SourceError: it is missing or damaged.
    """
    import pyarrow as pa

    with reading(path, "file of passages", SourceError, _CURE):
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        batch = reader.get_batch(0)
        if batch.schema != pa.schema([(name, pa.string()) for name in COLUMNS]):
            raise ValueError(f"its columns are not {', '.join(COLUMNS)}")
        # Arrow believes where a text says that it begins and ends, and would read beyond the file.
        batch.validate(full=True)
        if any(column.null_count for column in batch.columns):
            raise ValueError("a text is missing")
        facts = json.loads(reader.schema.metadata[_FACTS])
    return batch, facts


def _passage(batch: pa.RecordBatch, row: int) -> Passage:
    return Passage(*(batch.column(place)[row].as_py() for place in range(len(COLUMNS))))
