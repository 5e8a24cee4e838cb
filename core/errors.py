"""The one base of all errors that a user may see.

A command catches `UserError` (see core/command.py), the page shows its message. Whatever else is raised is a fault of
the program.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class UserError(Exception):
    """Something that the user can mend; the message says what was given, what is allowed, what to do."""


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


def first_line(error: BaseException) -> str:
    r"""What another library's error says, in one line: its first one, or its kind where it says nothing.

    >>> first_line(OSError("404: no such name\nTraceback …")), first_line(KeyError())
    ('404: no such name', 'KeyError')
    """
    said = str(error).strip()
    return said.splitlines()[0] if said else type(error).__name__
