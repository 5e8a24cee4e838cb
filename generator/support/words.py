"""Sentences as words: content words, names, numbers, and the stems by which two texts are compared.

It knows English spelling. It knows nothing of passages or models.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)?", re.UNICODE)
_NUMBER_WORDS = dict(
    zip(
        (
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
            "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand "
            "million billion"
        ).split(),
        "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 30 40 50 60 70 80 90 100 1000 1000000 1000000000".split(),
        strict=True,
    )
)
# Words that carry no fact of their own. Negations, quantities and comparisons are not among them.
STOP_WORDS = frozenset(
    "a about after again also am an and any are as at be because been before being both but by can could did do does "
    "doing during each either even for from further had has have having he her here hers him his how however i if in "
    "instead into is it its itself just like may me might more most much must my nor of off often on once one only or "
    "other others our out over own rather s same several she should so some someone something such t than that the "
    "their theirs them themselves then there these they this those though through thus to too up upon us usually very "
    "was we well were what when where whereas whether which while who whom whose why will with within would you your "
    "called known named used make makes made many people way thing things".split()
)
NEGATIONS = frozenset(
    "no not never none nothing neither nor cannot without n't hardly rarely seldom lack lacks".split()
)
_SUFFIXES = (
    ("isations", ""), ("izations", ""), ("isation", ""), ("ization", ""), ("ically", ""), ("ations", ""),
    ("fulness", ""), ("ation", ""), ("ments", ""), ("ement", ""), ("ness", ""), ("ities", ""), ("ingly", ""),
    ("ising", ""), ("izing", ""), ("ment", ""), ("ity", ""), ("ies", "y"), ("ied", "y"), ("ions", ""),
    ("ised", ""), ("ized", ""), ("ives", ""), ("ally", ""), ("ion", ""), ("ise", ""), ("ize", ""),
    ("ive", ""), ("ing", ""), ("ers", ""), ("ors", ""), ("est", ""), ("ful", ""), ("ous", ""), ("ual", ""),
    ("ial", ""), ("ic", ""), ("al", ""), ("ed", ""), ("er", ""), ("or", ""), ("es", ""), ("ly", ""),
    ("s", ""), ("e", ""), ("y", ""),
)  # fmt: skip


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """A word without its endings, cut hard: two words of one family mostly get the same stem.

    Numbers written as words become digits, so that "seven" meets "7".

    >>> [stem(word) for word in ("organised", "organization", "Tides", "tidal", "seven", "10,000")]
    ['organ', 'organ', 'tid', 'tid', '7', '10000']
    """
    word = word.lower().replace("’", "'").removesuffix("'s")
    if word[:1].isdigit():
        return word.replace(",", "")
    if word in _NUMBER_WORDS:
        return _NUMBER_WORDS[word]
    for _ in range(2):
        for suffix, instead in _SUFFIXES:
            if word.endswith(suffix) and len(word) - len(suffix) >= (4 if len(suffix) > 2 else 3):
                word = word[: -len(suffix)] + instead
                break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiou":
        return word[:-1]
    return word[:-1] + "i" if word.endswith("y") and len(word) > 3 else word


@dataclass(frozen=True)
class Words:
    """The words of a text, compared by their stems.

    Attributes:
        text: the text.
    """

    text: str

    @cached_property
    def tokens(self) -> list[str]:
        """Words and numbers as written, in order."""
        return _WORD.findall(self.text)

    @cached_property
    def stems(self) -> list[str]:
        """The stem of every token, in order."""
        return [stem(token) for token in self.tokens]

    @cached_property
    def content(self) -> list[str]:
        """Stems of the words that carry facts, each once, in order."""
        kept = (self.stems[place] for place, token in enumerate(self.tokens) if token.lower() not in STOP_WORDS)
        return list(dict.fromkeys(kept))

    @cached_property
    def lower(self) -> frozenset[str]:
        """All words in lower case."""
        return frozenset(token.lower() for token in self.tokens)

    @cached_property
    def numbers(self) -> set[str]:
        """Stems of what is written in digits or is a number word above one."""
        return {piece for piece in self.stems if piece[:1].isdigit() and piece != "1"}

    @cached_property
    def names(self) -> set[str]:
        """Stems of capitalised words, the first word of the text left out."""
        return {
            self.stems[place]
            for place, token in enumerate(self.tokens)
            if place and token[:1].isupper() and token.lower() not in STOP_WORDS
        }

    @cached_property
    def negations(self) -> int:
        """How many words deny."""
        lower = [token.lower().replace("’", "'") for token in self.tokens]
        return sum(token in NEGATIONS or token.endswith("n't") for token in lower)

    @cached_property
    def pairs(self) -> set[tuple[str, str]]:
        """Neighbouring stems."""
        return set(zip(self.stems, self.stems[1:], strict=False))

    @cached_property
    def stem_set(self) -> frozenset[str]:
        """All stems."""
        return frozenset(self.stems)
