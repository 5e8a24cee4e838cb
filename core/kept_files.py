"""Files that can be made again, kept for the next start: written whole with their hashes, checked when they are opened.

A note beside them holds the hash of every block. Each opening compares sizes, times and a few blocks, drawn anew; every
block is read where a time has changed, and once a day. What is not what was written is made again, and that is said.
It knows bytes and names, not what the files hold.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock

from core.files import replacing, write_json

logger = logging.getLogger(__name__)

_BLOCK = 1 << 18  # bytes
_SAMPLED = 8  # blocks of a file, beside its first and its last
_DAY = 86_400.0


def kept(path: Path, make: Callable[[Path], None]) -> Path:
    """A file or folder that is whole; it is made where it is missing or not what was written.

    Safe to kill at any moment and to run in several processes at once: one makes it while the others wait.

    Args:
        path: where it is kept; missing folders above it are made.
        make: writes it to the path that it is given.

    Returns:
        `path`.

    Raises:
        OSError: it cannot be written.
    """
    if not fault(path):
        return path
    with making(path):
        # Another process may have made it while this one waited.
        problem = fault(path)
        if not problem:
            return path
        if path.exists():
            logger.warning("%s %s: it is made again", path, problem)
        for part in path.parent.glob(f".{path.name}.*.part"):
            _remove(part)
        with replacing(path) as part:
            make(part)
            _remove(path)
            # Before the file: whoever is killed in between leaves a note of nothing.
            note(path, part)
    return path


@contextlib.contextmanager
def making(path: Path) -> Iterator[None]:
    """Hold the lock of a kept file or folder; folders above it are made where they are missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        yield


def note(path: Path, written: Path | None = None, label: str = "", pattern: str = "**/*") -> None:
    """Note what a file or folder holds, to be compared by `fault`.

    Args:
        path: what will be compared.
        written: where it lies now, if elsewhere.
        label: what else must be the same.
        pattern: which files of a folder count.

    Raises:
        OSError: the note cannot be written.
    """
    files = {name: _facts(file) for name, file in _files(written or path, pattern).items()}
    write_json(_note_path(path), {"label": label, "checked": time.time(), "files": files}, indent=None)


def fault(path: Path, label: str = "", pattern: str = "**/*") -> str:
    """Why a file or folder is not what was noted, to follow its name; "" if it is. Arguments as of `note`."""
    try:
        files = _files(path, pattern)
        known = _read_note(path)
        if known is None or known["label"] != label:
            return "has no note of its hash"
        if set(files) != set(known["files"]):
            return "does not hold the files that were written"
        whole = not 0 <= time.time() - known["checked"] < _DAY
        for name, file in files.items():
            facts = known["files"][name]
            whole = whole or file.stat().st_mtime_ns != facts["changed"]
            if problem := _differs(file, facts, whole):
                return f"holds {name}, which {problem}" if name else problem
    except FileNotFoundError:
        return "is missing"
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        return f"cannot be compared with its note ({type(error).__name__})"
    if whole:
        with contextlib.suppress(OSError):  # a read-only folder: it is read whole at each start
            note(path, None, label, pattern)
    return ""


def forget(path: Path) -> None:
    """Remove a file or folder with its note."""
    _remove(path)
    _note_path(path).unlink(missing_ok=True)


def _note_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.checked")


def _read_note(path: Path) -> dict[str, Any] | None:
    """The note of a file or folder; None where there is none that can be read."""
    try:
        known = json.loads(_note_path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return known if isinstance(known, dict) and known.keys() >= {"label", "checked", "files"} else None


def _files(path: Path, pattern: str) -> dict[str, Path]:
    """The files of a folder by their names below it; a file alone has the name ""."""
    if path.is_dir():
        return {file.relative_to(path).as_posix(): file for file in sorted(path.glob(pattern)) if file.is_file()}
    path.stat()
    return {"": path}


def _facts(file: Path) -> dict[str, Any]:
    """What a note says of a file."""
    status = file.stat()
    with file.open("rb") as content:
        blocks = [_hashed(block) for block in iter(lambda: content.read(_BLOCK), b"")]
    return {"bytes": status.st_size, "changed": status.st_mtime_ns, "blocks": blocks}


def _differs(file: Path, facts: dict[str, Any], whole: bool) -> str:
    """How a file differs from its note, by all or some of its blocks; "" where it does not."""
    size, blocks = file.stat().st_size, facts["blocks"]
    if size != facts["bytes"] or len(blocks) != -(-size // _BLOCK):
        return f"has {size:,} bytes and had {facts['bytes']:,}"
    numbers = range(len(blocks))
    if not whole and len(blocks) > _SAMPLED:
        numbers = sorted({0, len(blocks) - 1, *random.sample(numbers, _SAMPLED)})  # type: ignore[assignment]
    with file.open("rb") as content:
        for number in numbers:
            content.seek(number * _BLOCK)
            if _hashed(content.read(_BLOCK)) != blocks[number]:
                return "is not what was written"
    return ""


def _hashed(block: bytes) -> str:
    return hashlib.sha256(block).hexdigest()[:32]


def _remove(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
