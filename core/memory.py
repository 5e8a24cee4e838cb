"""Freed memory, given back, and less of it kept. Both know glibc and do nothing elsewhere."""

from __future__ import annotations

import contextlib
import ctypes

_M_ARENA_MAX = -8  # of glibc's malloc.h


def give_back_memory() -> None:
    """Return what is kept of freed memory: an answer takes 200 MB in passing, spread over its threads."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def share_arenas(most: int = 2) -> None:
    """Let all threads take memory from so many places; by default each has its own, and keeps what it had at most."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, most)
