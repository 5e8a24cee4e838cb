"""A command's first moments: Ctrl-C while it is still imported, and standard streams that are closed.

Imports take seconds, and Ctrl-C among them gives a traceback. So this module comes before them and imports next to
nothing. What the interpreter does before the first line of a command is out of its reach.
"""

from __future__ import annotations

import os
import signal
import sys

INTERRUPTED = 130  # the status of a command that Ctrl-C ended


def start() -> None:
    """From now on, Ctrl-C ends the process without a traceback, and no file gets the number of a standard stream.

    For the beginning of a command's file, before its imports; a module that is only imported never calls it.
    """
    # In the background, a shell may have told its commands to hear no Ctrl-C.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, leave)
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")


def leave(number: int, frame: object) -> None:
    """End at once, as the answer to a signal: nothing was begun that could be left half done."""
    os.write(2, b"\nstopped\n")
    os._exit(INTERRUPTED)
