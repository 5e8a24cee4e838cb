"""Files that are whole or not there: written beside their place, flushed to the disk, then renamed; and their hashes.

It knows bytes and names, not what a file holds.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.texts import as_given


class PathError(UserError):
    """A path cannot be used as it is written."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file or folder written whole: what the block writes to the path it gets takes the place of `path` at its end.

    When the block fails, the part is removed and what stood there stays. A file replaces a file; a folder only takes a
    place that is free or holds an empty folder.

    Args:
        path: where it shall be; missing folders above it are made.

    Yields:
        A path beside it that does not exist yet.

    Raises:
        OSError: it cannot be written; the error names a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.part")
    try:
        yield part
        for file in [part] if part.is_file() else sorted(p for p in part.rglob("*") if p.is_file()):
            _flush(file)
        os.replace(part, path)
        _flush(path.parent)
    except OSError as error:
        if error.filename is None:  # so says a full disk
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        raise
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


def at_home(path: str, named: str) -> Path:
    """A path in which "~" is the user's home folder.

    Args:
        path: as given.
        named: what names it; the message begins with it.

    Raises:
        PathError: it begins with "~" and the name of no user, or could be no path.
    """
    said = f"{named} is {as_given(path)}"
    try:
        found = Path(path).expanduser()
        found.is_dir()
    except RuntimeError:
        raise PathError(f"{said}, and there is no user of that name: write the path in full") from None
    except (OSError, ValueError) as error:
        raise PathError(f"{said}, which is no path ({getattr(error, 'strerror', None) or error})") from None
    return found


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file whole or not at all."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any, indent: int | None = 2) -> None:  # noqa: ANN401 - whatever JSON holds
    """Write a value as JSON, whole or not at all."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=indent) + "\n")


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    """See a file's bytes, or a folder's names, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        # Some file systems refuse to flush a folder; its names follow with their journal.
        if not path.is_dir():
            raise
    finally:
        os.close(handle)
