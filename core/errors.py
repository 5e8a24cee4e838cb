"""The one base of all errors that a user may see.

A command catches `UserError` (see core/command.py), the page shows its message. Whatever else is raised is a fault of
the program.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UserError(Exception):
    """Something that the user can mend; the message says what was given, what is allowed, what to do."""


_LONGEST = 1500  # characters of a message
_END = 500  # of which these are its last, which say what to do


def in_short(message: str) -> str:
    """A message that repeats something long, without its middle.

    >>> len(in_short("x" * 5000)), in_short("short")
    (1501, 'short')
    """
    return message if len(message) <= _LONGEST else f"{message[: _LONGEST - _END]}…{message[-_END:]}"


class SettingsError(UserError):
    """A setting is outside its range; the message says what was given and what is allowed."""


@contextmanager
def needing(requirements: str, what: str, failure: type[UserError] = UserError) -> Iterator[None]:
    """A block that needs packages which not everybody installs: where one is missing, say what to install.

    Args:
        requirements: the file that brings them.
        what: what needs them; the message begins with it.
        failure: the error that is raised.
    """
    try:
        yield
    except ImportError as error:
        raise failure(
            f"{what} needs a package that is missing ({first_line(error)}): python -m pip install -r {requirements}"
        ) from error


@contextmanager
def reading(path: Path | str, what: str, failure: type[UserError], cure: str) -> Iterator[None]:
    """A block that reads a file which somebody else may have written, through another library.

    Args:
        path: of the file; the message begins with it.
        what: what it should be, such as "FAISS index".
        failure: the error that is raised for whatever the library raises.
        cure: what to do, as the message's end.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # of many kinds: what a damaged file brings about, nobody has listed
        if "pickle" in str(error).lower() or "Python objects" in str(error):  # as NumPy says it
            raise failure(f"{path} holds pickled objects, which are never opened; {cure}") from error
        raise failure(f"{path} is no {what} that can be read ({first_line(error)}); {cure}") from error


def first_line(error: BaseException) -> str:
    r"""What another library's error says, in one line: its first one, or its kind where it says nothing.

    >>> first_line(OSError("404: no such name\nTraceback …")), first_line(KeyError())
    ('404: no such name', 'KeyError')
    """
    said = str(error).strip()
    return said.splitlines()[0] if said else type(error).__name__
