"""How much of an answer's wording stands in other texts: a count of words in shared runs.

It knows words only. The count follows the extractive fragments of Grusky et al. 2018 (Newsroom, arXiv 1804.11283),
but asks for runs of several words, so that common words alone are no copy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

RUN = 5  # words; shorter runs are shared by chance
_WORD = re.compile(r"\w+(?:['’]\w+)*")


def words(text: str) -> list[str]:
    """Lower-case words without punctuation.

    >>> words("The Moon's pull, 2 times!")
    ['the', "moon's", 'pull', '2', 'times']
    """
    return [word.lower() for word in _WORD.findall(text)]


def share_copied(text: str, sources: Sequence[str], run: int = RUN) -> float:
    """The share of a text's words that lie in a run of at least `run` words which one of the sources holds too.

    Args:
        text: an answer.
        sources: passages, or another answer.
        run: in words, at least 1.

    Returns:
        0 to 1; 0 for a text without words.

    >>> share_copied("We know that the sea rises twice a day", ["They say the sea rises twice a day there."])
    0.6666666666666666
    """
    own = words(text)
    known = {gram for source in sources for gram in _grams(words(source), run)}
    copied = [False] * len(own)
    for start, gram in enumerate(_grams(own, run)):
        if gram in known:
            copied[start : start + run] = [True] * run
    return sum(copied) / len(own) if own else 0.0


def _grams(tokens: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """Every stretch of `size` words, in order."""
    return [tuple(tokens[start : start + size]) for start in range(len(tokens) - size + 1)]
