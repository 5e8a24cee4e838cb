"""Answers that say that the passages lack the answer: telling them from the others by their first sentence.

It knows words only.
"""

from __future__ import annotations

import re

from core.sentences import split_sentences

_PASSAGES = re.compile(r"\bpassages?\b", re.IGNORECASE)
_NEGATION = re.compile(r"n['’]t\b|\b(?:not|no|none|nothing|never|neither|nor|lack|without)\b", re.IGNORECASE)


def says_lacking(answer: str) -> bool:
    """Whether an answer begins by saying that the passages do not hold what was asked.

    Of the written answers of `data/lfqa`, all but one of those to unanswerable questions do, and none of the others.

    >>> says_lacking("The passages don't say why bees hum. They say that bees live in hives.")
    True
    >>> says_lacking("Bees hum because their wings beat fast. The passages don't say how fast.")
    False
    """
    first = next(iter(split_sentences(answer)), "")
    return bool(_PASSAGES.search(first) and _NEGATION.search(first))
