"""Vectors in float16 files, one for each shard of passages, read through memory maps.

Float16 halves the disk; the rounding moves a cosine by less than 0.001. It knows arrays and files only.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import numpy as np

from core.errors import reading
from core.files import replacing
from retriever.errors import REBUILD, IndexFolderError

SUFFIX = ".npy"


class VectorShards:
    """The vectors of a list of .npy files, in order, as one array that is never all in memory."""

    def __init__(self, files: Sequence[Path], rows: Sequence[int], dimensions: int) -> None:
        """Hold files and how many vectors each has; a file is mapped when one of its vectors is read."""
        self._files = list(files)
        self._ends = list(accumulate(rows))
        self._maps: dict[int, np.memmap] = {}
        self.dimensions = dimensions

    def __len__(self) -> int:
        """How many vectors there are."""
        return self._ends[-1] if self._ends else 0

    def rows(self, numbers: np.ndarray) -> np.ndarray:
        """The vectors of these rows, int64 (n,) → float32 (n, dimensions).

        Raises:
            IndexError: a row is below 0 or beyond the last.
            IndexFolderError: a file is damaged.
        """
        numbers = np.asarray(numbers, dtype=np.int64)
        if len(numbers) and not (0 <= numbers.min() and numbers.max() < len(self)):
            raise IndexError(f"rows {numbers.min()} to {numbers.max()} of {len(self):,} vectors")
        found = np.empty((len(numbers), self.dimensions), np.float32)
        shards = np.searchsorted(self._ends, numbers, side="right")
        for shard in np.unique(shards):
            here = shards == shard
            start = self._ends[shard - 1] if shard else 0
            mapped = self._map(int(shard))
            found[here] = mapped[numbers[here] - start]
            _let_go(mapped)
        return found

    def blocks(self, size: int = 65536) -> Iterator[tuple[int, np.ndarray]]:
        """All vectors in order, as (first row, float32 (up to `size`, dimensions)); files are read, not mapped."""
        first, waiting = 0, np.empty((0, self.dimensions), np.float32)
        for shard in range(len(self._files)):
            waiting = np.concatenate([waiting, self._loaded(shard).astype(np.float32)])
            while len(waiting) >= size:
                yield first, waiting[:size]
                first, waiting = first + size, waiting[size:]
        if len(waiting):
            yield first, waiting

    def sample(self, count: int, seed: int = 0) -> np.ndarray:
        """Vectors drawn evenly from all shards, float32 (up to `count`, dimensions); all of them where they are few."""
        if count >= len(self):
            return self.rows(np.arange(len(self)))
        drawn = np.random.default_rng(seed).choice(len(self), size=count, replace=False)
        return self.rows(np.sort(drawn))

    def _map(self, shard: int) -> np.memmap:
        if shard not in self._maps:
            self._maps[shard] = self._loaded(shard, "r")
        return self._maps[shard]

    def _loaded(self, shard: int, mode: Literal["r"] | None = None) -> Any:  # noqa: ANN401 - mapped, or not
        """The vectors of a shard, as many as it should have."""
        path, rows = self._files[shard], self._ends[shard] - (self._ends[shard - 1] if shard else 0)
        with reading(path, "file of vectors", IndexFolderError, REBUILD):
            vectors = np.load(path, mmap_mode=mode)
            if vectors.shape != (rows, self.dimensions) or vectors.dtype != np.float16:
                raise ValueError(f"{vectors.dtype} {vectors.shape}, not float16 {(rows, self.dimensions)}")
        return vectors


def _let_go(mapped: np.memmap) -> None:
    """Take the pages that were read off this process, or search would come to hold the whole file.

    The system's cache keeps them.
    """
    if hasattr(mmap, "MADV_DONTNEED"):
        mapped._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]


def write_vectors(path: Path, vectors: np.ndarray) -> None:
    """Write vectors (n, dimensions) as float16; the file gets its name only when it is whole and on disk.

    Raises:
        OSError: it cannot be written.
    """
    with replacing(path) as part, part.open("wb") as file:
        np.save(file, vectors.astype(np.float16))


def is_whole(path: Path, rows: int, dimensions: int) -> bool:
    """Whether a file of vectors is there with this many rows, none cut off."""
    try:
        return np.load(path, mmap_mode="r").shape == (rows, dimensions)
    except (OSError, ValueError, EOFError):
        return False
