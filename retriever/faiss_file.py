"""Whether a FAISS file holds an index of ours, of the size that it should have: looked at before FAISS reads it.

FAISS believes what a file says of itself: it reserves the memory that is asked for, and follows links to wherever they
point. Here every length is compared with the file's, every link with the number of vectors. The layout is that of
faiss/impl/index_write.cpp (https://github.com/facebookresearch/faiss). It knows bytes; it searches nothing.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

_INNER_PRODUCT, _HALF_PRECISION = 0, 4


class _Reader:
    """A file that is mapped, and how far it was read."""

    def __init__(self, path: Path) -> None:
        self._bytes = np.memmap(path, np.uint8, "r")
        self._at = 0

    def values(self, layout: str) -> tuple[int, ...]:
        """Whole numbers; `layout` is one of the module struct."""
        size = struct.calcsize(f"<{layout}")
        return struct.unpack(f"<{layout}", self._taken(size).tobytes())

    def name(self, *allowed: str) -> str:
        """The four letters that name a part, one of those allowed."""
        found = self._taken(4).tobytes()
        if found not in [name.encode() for name in allowed]:
            raise ValueError(f"it holds {found!r} where {' or '.join(allowed)} should stand")
        return found.decode()

    def array(self, kind: str, count: int | None = None) -> np.ndarray:
        """An array with its length before it, which must be `count` where that is given."""
        (length,) = self.values("Q")
        if count is not None and length != count:
            raise ValueError(f"it holds an array of {length:,} where {count:,} are needed")
        return self.plain(kind, length)

    def plain(self, kind: str, length: int) -> np.ndarray:
        """So many numbers, mapped."""
        return self._taken(length * np.dtype(kind).itemsize).view(kind)

    def end(self) -> None:
        """Nothing may follow."""
        if self._at != len(self._bytes):
            raise ValueError(f"{len(self._bytes) - self._at:,} bytes follow its end")

    def _taken(self, size: int) -> np.ndarray:
        if size > len(self._bytes) - self._at:
            raise ValueError(f"it asks for {size:,} bytes more and has {len(self._bytes) - self._at:,}")
        self._at += size
        return self._bytes[self._at - size : self._at]


def check_faiss(path: Path, kind: str, count: int, dimensions: int) -> None:
    """See that a file holds an index of this kind, see `retriever.index_kinds`, over `count` vectors.

    Links between vectors (HNSW) are all read; of the other kinds, only what says how large they are.

    Raises:
        ValueError: it does not; the message says where.
        OSError: it cannot be read.
    """
    file = _Reader(path)
    {"flat": _flat, "hnsw": _hnsw, "ivfpq": _ivfpq}[kind](file, count, dimensions)
    file.end()


def _header(file: _Reader, count: int, dimensions: int) -> None:
    """What every index begins with."""
    found_dimensions, found, _, _, _, metric = file.values("iqqqBi")
    if (found, found_dimensions) != (count, dimensions):
        raise ValueError(
            f"it has {found:,} vectors of {found_dimensions:,}, and {count:,} of {dimensions:,} are needed"
        )
    if metric != _INNER_PRODUCT:
        raise ValueError(f"it measures by {metric}, not by inner products")


def _flat(file: _Reader, count: int, dimensions: int) -> None:
    """Vectors in half precision."""
    file.name("IxSQ")
    _header(file, count, dimensions)
    kind, _, _, width, code = file.values("iifQQ")
    if (kind, width, code) != (_HALF_PRECISION, dimensions, 2 * dimensions):
        raise ValueError("its vectors are not in half precision")
    file.array("<f4", 0)
    file.array("u1", count * code)


def _hnsw(file: _Reader, count: int, dimensions: int) -> None:
    """A graph, and its vectors."""
    file.name("IHNs")
    _header(file, count, dimensions)
    file.array("<f8")
    room = file.array("<i4").astype(np.int64)  # for links, summed up to each level
    levels = file.array("<i4", count)
    starts, links = file.array("<u8", count + 1).astype(np.int64), file.array("<i4")
    entry, top, _, _, _ = file.values("iiiii")
    if not len(room) or room[0] or (np.diff(room) < 0).any() or (levels < 1).any() or (levels >= len(room)).any():
        raise ValueError("its levels are not those of a graph")
    if starts[0] or starts[-1] != len(links) or not np.array_equal(np.diff(starts), room[levels]):
        raise ValueError("its links are not where they should be")
    if count and (not 0 <= entry < count or not 0 <= top < levels[entry]):
        raise ValueError("its entry is none of its vectors")
    if len(links) and not (-1 <= links.min() and links.max() < count):
        raise ValueError("a link leads to none of its vectors")
    for level in range(1, len(room) - 1):
        own = np.flatnonzero(levels > level)
        places = starts[own, None] + np.arange(room[level], room[level + 1])
        ends = links[places.ravel()]
        if (levels[ends[ends >= 0]] <= level).any():
            raise ValueError("a link leads to a vector that is not on its level")
    _flat(file, count, dimensions)


def _ivfpq(file: _Reader, count: int, dimensions: int) -> None:
    """A rotation, then lists of codes."""
    file.name("IxPT")
    _header(file, count, dimensions)
    if file.values("i") != (1,):
        raise ValueError("it has not one rotation")
    file.name("LTra")
    file.values("B")
    file.array("<f4", dimensions * dimensions)
    if len(file.array("<f4")) not in (0, dimensions) or file.values("iiB")[:2] != (dimensions, dimensions):
        raise ValueError("its rotation is not one of its dimensions")
    file.name("IwPQ")
    _header(file, count, dimensions)
    lists, _ = file.values("QQ")
    file.name("IxFI")
    _header(file, lists, dimensions)
    file.array("<f4", lists * dimensions)
    if file.values("B") != (0,):
        raise ValueError("it has a table of its vectors' places, which is not used")
    file.array("<i8", 0)
    _, code, width, parts, bits = file.values("BQQQQ")
    if bits not in (4, 8) or width != dimensions or not parts or dimensions % parts or code != -(-parts * bits // 8):
        raise ValueError("its codes are not those of its dimensions")
    file.array("<f4", dimensions << bits)
    file.name("ilar")
    if file.values("QQ") != (lists, code):
        raise ValueError("its lists are not as many, or not as wide, as it says")
    if file.name("full", "sprs") == "full":
        sizes = file.array("<u8", lists)
    else:
        pairs = file.array("<u8")
        sizes = pairs[1::2]
        if len(pairs) % 2 or (pairs[::2] >= lists).any():
            raise ValueError("its lists have numbers that it does not know")
    if (sizes > count).any() or int(sizes.sum()) != count:
        raise ValueError("its lists do not hold as many vectors as it has")
    file.plain("u1", count * (code + 8))
