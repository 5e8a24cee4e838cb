"""How a command ends: what a user can mend is one line, and Ctrl-C says how to go on.

The one place where a command catches errors.
"""

from __future__ import annotations

from collections.abc import Callable

from core.errors import UserError
from core.terminal import log_to_stderr, remark


def exit_status(work: Callable[[], int | None], stopped: str = "stopped") -> int:
    """Do a command's work; warnings go to the standard error.

    Args:
        work: what the command does; what it returns is the status, None stands for 0.
        stopped: what is said after Ctrl-C.

    Returns:
        0, 1 after a failure that the user can mend, 130 after Ctrl-C.

    >>> exit_status(lambda: None)
    0
    """
    log_to_stderr()
    try:
        return work() or 0
    except UserError as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"{error.strerror or error}: {error.filename or 'no file named'}")
    except KeyboardInterrupt:
        remark(f"\n{stopped}\n")
        return 130


def fail(message: str) -> int:
    """Say what is wrong; the status of a command that failed."""
    remark(f"error: {message}\n")
    return 1
