"""Texts that say the same: read once.

Two texts are near-duplicates where most triples of words of the shorter one stand in the longer one (the containment of
Broder 1997, "On the resemblance and containment of documents"). It knows words only.
"""

from __future__ import annotations

from collections.abc import Sequence

_SHINGLE = 3  # words
SAME = 0.7  # of the shorter text's triples


def distinct(texts: Sequence[str], most: int) -> list[int]:
    """Where the first `most` texts stand that are no near-duplicates of one before them.

    >>> distinct(["The sea rises and falls.", "Each day the sea rises and falls.", "The Moon pulls it."], 2)
    [0, 2]
    """
    kept: list[int] = []
    seen: list[set[tuple[str, ...]]] = []
    for place, text in enumerate(texts):
        if len(kept) == most:
            break
        own = _shingles(text)
        if any(_contained(own, other) >= SAME for other in seen):
            continue
        kept.append(place)
        seen.append(own)
    return kept


def _shingles(text: str) -> set[tuple[str, ...]]:
    words = text.casefold().split()
    return {tuple(words[start : start + _SHINGLE]) for start in range(max(1, len(words) - _SHINGLE + 1))}


def _contained(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> float:
    """How much of the smaller set stands in the larger one, 0 to 1."""
    return len(one & other) / max(1, min(len(one), len(other)))
