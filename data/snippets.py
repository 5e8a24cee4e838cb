"""The first stage of a build: a source → shards of passages, each with the place in the source where it ends.

A build that was killed reads the last whole shard to know where to go on, so the shards of any number of interrupted
runs are, byte for byte, those of one run. It knows sources and Arrow files. It knows no vectors.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from data.passage_table import read_shard, shard_path, write_shard
from data.passages import Passage, SourceError
from data.sources import PageError, Record, Source

logger = logging.getLogger(__name__)

_AHEAD = 64  # records in other processes' hands, for each of them
_TOLD = 5  # records that repeat an id are told one by one up to so many, then counted
Parsed = tuple[Record, list[Passage] | str]


@dataclass(frozen=True, slots=True)
class Place:
    """How far a source is read.

    Attributes:
        record: the record to go on with, and `part`, how many of its passages are written already.
        skipped: records that were no usable page, so far.
        ended: whether there is nothing after it.
    """

    record: int = 0
    part: int = 0
    skipped: int = 0
    ended: bool = False


@dataclass
class Shards:
    """What the stage has written.

    Attributes:
        rows: of each shard, in order.
        place: where the last one ends.
        skipped: [record number, title, why] of each skipped record.
    """

    rows: list[int] = field(default_factory=list)
    place: Place = field(default_factory=Place)
    skipped: list[list[Any]] = field(default_factory=list)


class _Ids:
    """Which passages' ids were given out, of one source: 60 bytes for each."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._given: set[int] = set()
        self._repeated = 0

    def add(self, ids: Iterable[str]) -> None:
        """These are given out."""
        self._given.update(map(hash, ids))

    def own(self, record: Record, passages: list[Passage], resumed: bool) -> list[Passage]:
        """The passages of a record with ids that no other record has: where it repeats one, its number is put behind.

        Args:
            record: the record.
            passages: its passages.
            resumed: whether some of them were given out already, in an earlier run.
        """
        if not passages:
            return passages
        renamed = [replace(passage, id=f"{passage.id}~{record.number + 1}") for passage in passages]
        if resumed:
            return renamed if hash(renamed[0].id) in self._given else passages
        repeats = any(hash(passage.id) in self._given for passage in passages)
        if repeats:
            self._repeated += 1
            if self._repeated <= _TOLD:
                logger.warning(
                    '%s, record %d (%s): the id "%s" is another\'s already, so it became "%s"',
                    self._name, record.number + 1, record.title, passages[0].id, renamed[0].id,
                )  # fmt: skip
            passages = renamed
        self.add(passage.id for passage in passages)
        return passages

    def tell(self) -> None:
        """How many records repeated an id, where not all were told."""
        if self._repeated > _TOLD:
            logger.warning(
                "%s: %d records in all repeat an id; each got its own, with its number behind it",
                self._name, self._repeated,
            )  # fmt: skip


def read_shards(folder: Path, first: int = 0) -> Shards:
    """The whole shards that a folder holds, from number `first` on."""
    found = Shards()
    number = first
    while not found.place.ended and shard_path(folder, number).is_file():
        try:
            batch, facts = read_shard(shard_path(folder, number))
            place = Place(**facts["place"])
        except (SourceError, KeyError, TypeError):
            break
        found.rows.append(batch.num_rows)
        found.skipped += facts["skipped"]
        found.place = place
        number += 1
    return found


def write_snippets(
    source: Source,
    folder: Path,
    shard_rows: int,
    first: int = 0,
    prefix: str = "",
    workers: int = 1,
    on_shard: Callable[[int], None] = lambda rows: None,
) -> Shards:
    """Write all passages of a source, going on where an earlier run stopped.

    Args:
        source: what to read.
        folder: where the shards go; made if missing.
        shard_rows: passages in a shard, at least 1.
        first: the number of this source's first shard.
        prefix: put before every passage's id, where the folder holds other sources too.
        workers: processes that make passages of records; with 1 it is this one.
        on_shard: told how many passages were written, after each shard; first of all how many were there.

    Returns:
        All shards of the source.

    Raises:
        SourceError: the source is broken beyond going on.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shards = read_shards(folder, first)
    on_shard(sum(shards.rows))
    if shards.place.ended:
        return shards
    buffer: list[Passage] = []
    skipped: list[list[Any]] = []
    place = shards.place

    def flush(rows: list[Passage], at: Place) -> None:
        nonlocal skipped
        facts = {"place": asdict(at), "skipped": skipped}
        write_shard(shard_path(folder, first + len(shards.rows)), rows, facts)
        shards.rows.append(len(rows))
        shards.skipped += skipped
        shards.place, skipped = at, []
        on_shard(len(rows))

    ids, start = _Ids(source.name), place.part
    for number in range(len(shards.rows)):
        ids.add(read_shard(shard_path(folder, first + number))[0].column(0).to_pylist())
    for record, parsed in _parsed(source, place.record, workers):
        if isinstance(parsed, str):
            logger.warning("skipped %s: %s", record.title, parsed)
            skipped.append([record.number, record.title, parsed])
            place = Place(record.number + 1, 0, place.skipped + 1)
            continue
        parsed = [replace(passage, id=prefix + passage.id) for passage in parsed]
        parsed = ids.own(record, parsed, resumed=start > 0)
        for part, passage in enumerate(parsed[start:], start=start + 1):
            buffer.append(passage)
            if len(buffer) == shard_rows:
                whole = part == len(parsed)
                flush(buffer, Place(record.number + whole, 0 if whole else part, place.skipped))
                buffer = []
        start = 0
        place = Place(record.number + 1, 0, place.skipped)
    ids.tell()
    # The last shard may be empty: it says that the source ended.
    flush(buffer, replace(place, ended=True))
    return shards


def _parsed(source: Source, start: int, workers: int) -> Iterator[Parsed]:
    """Each record with its passages, or why it has none, in order."""
    records = source.records(start)
    if workers == 1:
        for record in records:
            yield record, _parse(source, record)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting: deque[tuple[Record, Future[list[Passage] | str]]] = deque()
        for record in records:
            waiting.append((record, pool.submit(_parse, source, record)))
            if len(waiting) >= _AHEAD * workers:
                done, future = waiting.popleft()
                yield done, future.result()
        for done, future in waiting:
            yield done, future.result()


def _parse(source: Source, record: Record) -> list[Passage] | str:
    """The passages of a record, or why there are none."""
    try:
        return source.passages(record)
    except PageError as error:
        return str(error)


def skipped_lines(skipped: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """The skipped records as objects for a file of JSON lines."""
    return [{"record": number, "title": title, "reason": reason} for number, title, reason in skipped]
