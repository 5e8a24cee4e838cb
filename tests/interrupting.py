"""Ctrl-C for the commands under test."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_HEARS_CTRL_C = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
)


def interruptible(command: Sequence[str]) -> list[str]:
    """The same command, in the same process, ended by SIGINT as from a terminal.

    What a shell starts in the background ignores SIGINT, and so does all that it starts in turn: without this, no
    command of a suite that runs in the background would hear its Ctrl-C.
    """
    return [sys.executable, "-c", _HEARS_CTRL_C, *command]
