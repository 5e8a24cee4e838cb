"""The one base of all errors that a user may see.

A command catches `UserError` (see core/command.py), the page shows its message. Whatever else is raised is a fault of
the program.
"""

from __future__ import annotations


class UserError(Exception):
    """Something that the user can mend; the message says what was given, what is allowed, what to do."""


class SettingsError(UserError):
    """A setting is outside its range; the message says what was given and what is allowed."""
