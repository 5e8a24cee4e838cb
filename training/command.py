"""How a training command ends: what a user can mend is one line, and Ctrl-C says how to go on.

It knows failures by their types, not what was trained.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from core.errors import UserError


def exit_status(work: Callable[[], None], failures: tuple[type[Exception], ...], stopped: str) -> int:
    """Do a command's work.

    Args:
        work: what the command does.
        failures: exceptions whose message tells the user what to do.
        stopped: what is said after Ctrl-C.

    Returns:
        0, 1 after a failure, 130 after Ctrl-C.

    >>> exit_status(lambda: None, (), "stopped")
    0
    """
    known: tuple[type[Exception], ...] = (UserError, *failures)
    try:
        work()
    except known as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(f"\n{stopped}\n")
        return 130
    return 0
