"""Files and folders that a command is told to write: never somebody else's, never by two at once.

What stands at the path already is only replaced, or gone on with, when it is known to be ours by how it begins. It
knows files and bytes; what ours looks like is said by whoever writes it. For POSIX systems.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from core.errors import UserError
from core.files import replacing, write_json, write_text

# A file is told by so much of its beginning.
_START = 1 << 16
# What a folder of ours is known by.
MARK = "run.json"
PROGRAM = "long-form-qa"
_CURE = "name another file, or move it away first"

# Whether a file that begins so is ours.
Ours = Callable[[bytes], bool]


class OutputError(UserError):
    """What is to be written is somebody else's, or being written; nothing was changed, the message says what to do."""


class Figure(Protocol):
    """What matplotlib draws."""

    def savefig(self, fname: Path, *, dpi: int, format: str, metadata: dict[str, str]) -> None:  # noqa: A002
        """Write it to a file."""
        ...


def beginning(start: bytes, *parts: bytes) -> Ours:
    """Tells a file by how it begins, and by what else its first 64 kB hold."""
    return lambda content: content.startswith(start) and all(part in content for part in parts)


PICTURE = beginning(b"\x89PNG\r\n\x1a\n", b"Software\0" + PROGRAM.encode())


def check_replaceable(output: Path, ours: Ours, *inputs: Path | None) -> None:
    """See that a file may be written: there is none, an empty one, or one of ours.

    Args:
        output: the file to be written.
        ours: tells it.
        inputs: files that are read, None for none.

    Raises:
        OutputError: it is somebody else's, no file, or one of the inputs.
    """
    check_apart(output, *inputs)
    _check_file(output)
    if output.is_file():
        with output.open("rb") as file:
            start = file.read(_START)
        if start and not ours(start):
            raise OutputError(f"{output} exists and was not written by this command; it stays as it is: {_CURE}")


def check_apart(output: Path, *inputs: Path | None) -> None:
    """See that what is written is none of the files that are read, by any name or link.

    Raises:
        OutputError: it is one.
    """
    for path in inputs:
        with suppress(OSError):
            if path is not None and (output == path or output.samefile(path)):
                raise OutputError(f"{output} is both read and written (as {path}); name another file to write")


def write_own_text(output: Path, text: str, ours: Ours, *inputs: Path | None) -> None:
    """Write a text file whole, where `check_replaceable` allows it."""
    check_replaceable(output, ours, *inputs)
    write_text(output.resolve(), text)


def write_own_json(output: Path, value: Any, ours: Ours, indent: int | None = 2) -> None:  # noqa: ANN401
    """Write a value as JSON, where `check_replaceable` allows it."""
    check_replaceable(output, ours)
    write_json(output.resolve(), value, indent)


def write_picture(figure: Figure, output: Path, dpi: int = 120) -> None:
    """Write a PNG picture whole, with the program's name in it; it replaces only one that has it, too."""
    check_replaceable(output, PICTURE)
    with replacing(output.resolve()) as part:
        figure.savefig(part, dpi=dpi, format="png", metadata={"Software": PROGRAM})


@contextmanager
def sole_writer(output: Path) -> Iterator[BinaryIO]:
    """Open a file to read it and to append to it, as the only process that does.

    The lock is the system's: it ends with the process, however that ends. A file that was made and is left empty goes.

    Args:
        output: the file; it and the folders above it are made where missing.

    Yields:
        The file, unbuffered, at its start; every write goes to its end.

    Raises:
        OutputError: another process writes it, or it is no file.
    """
    _check_file(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    new = not output.exists()
    with _locked(output) as file:
        try:
            yield file
        finally:
            if new and not os.fstat(file.fileno()).st_size:
                output.unlink(missing_ok=True)


def append_line(file: BinaryIO, value: Any, name: Path) -> None:  # noqa: ANN401
    """Add a value as a line of JSON to a file that `sole_writer` opened: whole and on the disk, or not at all.

    Raises:
        OSError: the disk is full, for example; `name` is in it.
    """
    end, line = os.fstat(file.fileno()).st_size, (json.dumps(value, ensure_ascii=False) + "\n").encode()
    left = memoryview(line)
    try:
        while left:
            left = left[file.write(left) :]
        os.fsync(file.fileno())
    except OSError as error:
        with suppress(OSError):
            os.ftruncate(file.fileno(), end)
        raise OSError(error.errno, error.strerror, str(name)) from error


@contextmanager
def own_folder(folder: Path, begun: Callable[[Path], bool] = lambda folder: False) -> Iterator[None]:
    """A folder that a command fills, for it alone: new, empty, or marked as ours; then it is marked.

    Args:
        folder: made where missing.
        begun: whether a folder without the mark is ours all the same.

    Raises:
        OutputError: it holds other things, or another process fills it.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is no folder: name another one")
    mark = folder / MARK
    # A kill may leave the mark empty.
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    strangers = [name for name in names if name != MARK or mark.stat().st_size]
    if strangers and not _is_mark(mark) and (mark.exists() or not begun(folder)):
        raise OutputError(
            f"{folder} holds other files ({', '.join(strangers[:3])}{', …' if strangers[3:] else ''}) and no run of "
            "this program; they stay as they are: name an empty folder or a new one"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(mark) as file:
        if not os.fstat(file.fileno()).st_size:
            append_line(file, {"program": PROGRAM}, mark)
        yield


def _is_mark(path: Path) -> bool:
    """Whether a file is our mark of a folder."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("program") == PROGRAM


def _check_file(path: Path) -> None:
    """Refuse folders, devices, and links that lead nowhere."""
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file to write")
    if (path.exists() or path.is_symlink()) and not path.is_file():
        raise OutputError(f"{path} is no regular file and cannot be written; name another one")


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """A file, opened to append and locked."""
    while True:
        # No truncation: whose the file is, is yet to be seen.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        with os.fdopen(handle, "r+b", buffering=0) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN):
                    raise
                raise OutputError(
                    f"{path} is being written by {_holder(handle)}: wait for it, end it, or name another"
                ) from error
            # Its last writer may have removed it, left empty, between the two.
            if path.exists() and os.path.samestat(os.fstat(handle), path.stat()):
                yield file
                return


def _holder(handle: int) -> str:
    """Which process holds the lock of a file, where the system tells (Linux: proc_locks(5))."""
    inode = str(os.fstat(handle).st_ino)
    with suppress(OSError):
        for line in Path("/proc/locks").read_text(encoding="ascii", errors="replace").splitlines():
            fields = line.split()
            if len(fields) > 5 and fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == inode and fields[4] > "0":
                return f"process {fields[4]}"
    return "another process"
