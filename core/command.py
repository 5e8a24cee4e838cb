"""How a command reads its arguments and ends: what a user can mend is one line, and Ctrl-C says how to go on.

The one place where a command catches errors.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from core.errors import UserError, in_short
from core.starting import INTERRUPTED, leave
from core.terminal import log_to_stderr, remark, say


class Parser(argparse.ArgumentParser):
    """Reads a command's arguments; what it prints goes the way of all else, so that a full disk is told."""

    def print_help(self, file: object = None) -> None:
        """Print the help to the standard output; what prevents that is told, and ends the command."""
        if status := exit_status(lambda: say(self.format_help())):
            sys.exit(status)

    def error(self, message: str) -> NoReturn:
        """Say in short what is wrong with the arguments; the status is 2."""
        remark(f"{self.format_usage()}{self.prog}: error: {in_short(message)}\n")
        sys.exit(2)


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
        with listening():
            return work() or 0
    except UserError as error:
        return fail(str(error))
    except BrokenPipeError:
        return 1  # whoever read what was printed has seen enough
    except OSError as error:
        return fail(f"{error.strerror or error}: {error.filename or 'no file named'}")
    except KeyboardInterrupt:
        remark(f"\n{stopped}\n")
        return INTERRUPTED


@contextmanager
def listening() -> Iterator[None]:
    """A block in which Ctrl-C raises KeyboardInterrupt, even where a library makes another error of it."""
    heard: list[int] = []

    def interrupt(number: int, frame: object) -> None:
        heard.append(number)
        raise KeyboardInterrupt

    started = signal.getsignal(signal.SIGINT) is leave
    if started:
        signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except Exception as error:
        if heard:
            raise KeyboardInterrupt from error
        raise
    finally:
        if started:
            signal.signal(signal.SIGINT, leave)


def fail(message: str) -> int:
    """Say what is wrong; the status of a command that failed."""
    remark(f"error: {in_short(message)}\n")
    return 1
