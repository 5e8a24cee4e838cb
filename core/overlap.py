"""How much of a text's wording stands in other texts: a count of words in shared runs.

It knows words only. The count follows the extractive fragments of Grusky et al. 2018 (Newsroom, arXiv 1804.11283),
but asks for runs of several words, so that common words alone are no copy.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.words import folded_words

RUN = 5  # words; shorter runs are shared by chance


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
    copied, count = copied_words(folded_words(text), [folded_words(source) for source in sources], run)
    return copied / count if count else 0.0


def copied_words(words: Sequence[str], sources: Sequence[Sequence[str]], run: int = RUN) -> tuple[int, int]:
    """How many of a text's words lie in a run of at least `run` words which a source holds too, and how many it has.

    >>> copied_words("a b c d".split(), ["x a b".split(), "c d".split()], run=2)
    (4, 4)
    """
    known = {ngram for source in sources for ngram in ngrams(source, run)}
    copied = [False] * len(words)
    for start, ngram in enumerate(ngrams(words, run)):
        if ngram in known:
            copied[start : start + run] = [True] * run
    return sum(copied), len(words)


def ngrams(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """Every n words that follow one another, in order; none in a shorter text."""
    return [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]
