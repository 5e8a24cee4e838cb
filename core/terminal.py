r"""Texts from outside on a terminal: control characters are shown, not obeyed.

A title or a file's name may hold escapes that move the cursor, rename the window or turn the line around. Whatever a
command prints goes through here. It knows characters, and nothing of what is said.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from contextlib import suppress
from typing import Any

from core.errors import UserError

# C0 but for tab and line feed, DEL, C1; marks that change the direction of what follows; halves of a sign.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class TerminalError(UserError):
    """Nothing can be printed."""


def shown(text: str) -> str:
    r"""A text whose control characters stand there as "\x1b".

    >>> print(shown("a\x1b[2Jb"))
    a\x1b[2Jb
    """
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def shown_json(value: Any, indent: int | None = 2) -> str:  # noqa: ANN401 - whatever JSON holds
    r"""A value as JSON that a terminal can be given; it is read back as it was.

    >>> shown_json("a\x9bb")
    '"a\\u009bb"'
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def say(text: str) -> None:
    r"""Print to the standard output; what its encoding lacks stands there as "\u2192", which JSON reads back.

    Raises:
        TerminalError: it is closed.
        OSError: it cannot be written; the error names it.
    """
    if sys.stdout is None:
        raise TerminalError("the standard output is closed, so nothing can be printed; open it, or send it to a file")
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(_encodable(shown(text), encoding))
        sys.stdout.flush()
    except OSError as error:
        _drop_what_is_left()
        if isinstance(error, BrokenPipeError):
            raise
        raise OSError(error.errno, error.strerror, "the standard output") from error


def _encodable(text: str, encoding: str) -> str:
    """A text whose signs all have a place in an encoding."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(sign if sign.encode(encoding, "ignore") else json.dumps(sign)[1:-1] for sign in text)
    return text


def _drop_what_is_left() -> None:
    """Let nothing of what could not be printed be tried again at the end of the process."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def remark(text: str) -> None:
    """Print to the standard error, at once."""
    sys.stderr.write(shown(text))
    sys.stderr.flush()


class ShownFormatter(logging.Formatter):
    """Log records as lines whose control characters are shown."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        return shown(super().format(record))


def log_to_stderr() -> None:
    """Let warnings be said on the standard error, where nothing else takes them."""
    if logging.getLogger().handlers:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.WARNING)  # on the handler: some libraries set their own loggers to DEBUG
    handler.setFormatter(ShownFormatter("%(levelname)s %(message)s"))
    logging.getLogger().addHandler(handler)
