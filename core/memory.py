"""Freed memory, given back, and less of it kept. What knows glibc does nothing elsewhere."""

from __future__ import annotations

import contextlib
import ctypes
import os

_M_ARENA_MAX = -8  # of glibc's malloc.h


def give_back_memory() -> None:
    """Return what is kept of freed memory: an answer takes 200 MB in passing, spread over its threads."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def share_arenas(most: int = 2) -> None:
    """Let all threads take memory from so many places; by default each has its own, and keeps what it had at most."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, most)


def bound_shape_caches(most: int = 32) -> None:
    """Let oneDNN, and torch above it, keep what they prepared for so many shapes; before a process's first product.

    Each keeps 1,024, and nearly every question brings new lengths: some 3 MB a question, for hundreds of questions.
    """
    for name in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
        os.environ.setdefault(name, str(most))
