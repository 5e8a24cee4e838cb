"""The one base of all errors that a user may see.

A command catches `UserError` (see core/command.py), the page shows its message. Whatever else is raised is a fault of
the program.
"""

from __future__ import annotations


class UserError(Exception):
    """Something that the user can mend; the message says what was given, what is allowed, what to do."""


class SettingsError(UserError):
    """A setting is outside its range; the message says what was given and what is allowed."""


def first_line(error: BaseException) -> str:
    r"""What another library's error says, in one line: its first one, or its kind where it says nothing.

    >>> first_line(OSError("404: no such name\nTraceback …")), first_line(KeyError())
    ('404: no such name', 'KeyError')
    """
    said = str(error).strip()
    return said.splitlines()[0] if said else type(error).__name__
