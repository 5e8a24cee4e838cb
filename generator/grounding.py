"""Whether a sentence stands on one passage, or welds the facts of several: told by its words alone.

It knows words and passages, no model. A cheap check while an answer is written; how well a finished sentence is
supported is judged elsewhere.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_PLAIN_WORDS = Path(__file__).with_name("plain_words.txt")
# A sentence that owes at least this share of its word pairs to another passage, without naming it, is welded.
_WELDED = 0.2
# From this share of its word pairs on, a sentence counts as taken from a passage, and must be about its subject.
_TAKEN = 0.5

Pair = tuple[str, str]


@dataclass(frozen=True)
class Source:
    """A passage as words.

    Attributes:
        title: the rare words of its title.
        words: those of title and text.
        pairs: of neighbouring words.
    """

    title: frozenset[str]
    words: frozenset[str]
    pairs: frozenset[Pair]

    @classmethod
    def of(cls, title: str, text: str) -> Source:
        """The words of a passage."""
        in_title, in_text = word_list(title), word_list(text)
        # What stands in brackets tells articles apart; sentences do not repeat it.
        named = frozenset(word_list(re.sub(r"\s*\(.*?\)", "", title))) or frozenset(in_title)
        rare = named - common() or named
        return cls(rare, frozenset(in_title + in_text), frozenset(word_pairs(in_text)))


@dataclass(frozen=True)
class Grounding:
    """Where a sentence stands.

    Attributes:
        passage: the number of the passage that it is nearest to, from 0; None when there is none.
        share: of its word pairs, how many stand there, 0 to 1.
        sound: whether it is about what that passage is about, and owes nothing to another that it does not name.
    """

    passage: int | None
    share: float
    sound: bool


def ground(sentence: str, sources: Sequence[Source], before: int | None = None) -> Grounding:
    """Find the passage that a sentence stands on.

    Args:
        sentence: one sentence of an answer.
        sources: the passages read.
        before: the passage of the sentence before it: one that leaves that passage must say of what it speaks, with a
            word of the new one's title. None at the beginning.

    >>> tide = Source.of("Tide", "Tides are the rise and fall of the sea caused by the Moon.")
    >>> flute = Source.of("Flute", "The flute is a woodwind instrument without a reed.")
    >>> ground("Tides are the rise and fall of the sea.", [flute, tide])
    Grounding(passage=1, share=1.0, sound=True)
    >>> ground("Tides are a woodwind instrument without a reed.", [flute, tide]).sound
    False
    >>> ground("It is a woodwind instrument without a reed.", [flute, tide], before=1).sound
    False
    """
    words = word_list(sentence)
    pairs = word_pairs(words)
    if not pairs or not sources:
        return Grounding(None, 0.0, sound=False)
    shares = [len(pairs & source.pairs) / len(pairs) for source in sources]
    best = max(range(len(sources)), key=lambda number: (shares[number], number == before))
    if before is not None and shares[before] > shares[best] - 0.1:
        best = before
    named = [number for number in range(len(sources)) if _names(set(words), number, sources)]
    # A sentence that names its own passage may compare it with others, if it says enough of them too.
    rest = pairs - sources[best].pairs
    compared = [
        number for number in named if best in named and len(rest & sources[number].pairs) >= _WELDED * len(pairs)
    ]
    known = sources[best].words.union(*(sources[number].words for number in compared))
    elsewhere = before not in (None, best) and not sources[best].title & set(words)
    strays = elsewhere or _strays(words, known, shares[best])
    sound = not strays and not _welds(pairs, sources, best, named)
    return Grounding(best, shares[best], sound)


def _names(words: set[str], number: int, sources: Sequence[Source]) -> bool:
    """Whether a sentence has those title words of a passage that no other title has, or the whole title."""
    title = sources[number].title
    own = title.difference(*(other.title for place, other in enumerate(sources) if place != number))
    return bool(own) and own <= words or title <= words


def _welds(pairs: set[Pair], sources: Sequence[Source], best: int, named: Sequence[int]) -> bool:
    """Whether much of a sentence comes from a passage that is not the best one and not named."""
    rest = pairs - sources[best].pairs
    others = [number for number in range(len(sources)) if number != best and number not in named]
    return any(len(rest & sources[number].pairs) >= _WELDED * len(pairs) for number in others)


def _strays(words: Sequence[str], known: frozenset[str], share: float) -> bool:
    """Whether a sentence taken from a passage is about something else.

    Args:
        words: of the sentence.
        known: the words that its subject may have.
        share: of the sentence's word pairs that the passage has.
    """
    # The subject, which stands among the first words, must be one that the passage knows.
    return share >= _TAKEN and any(word not in known | common() for word in words[:6])


def word_list(text: str) -> list[str]:
    """The words of a text in small letters, in order, plural and possessive endings taken off.

    >>> word_list("The Moon's tides")
    ['the', 'moon', 'tide']
    """
    words = re.findall(r"\w+(?=['’]s\b)|\w+", re.sub(r"['’]s\b", "", text.lower()))
    return [word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word for word in words]


def word_pairs(words: Sequence[str]) -> set[Pair]:
    """The neighbouring words of a list of words.

    >>> sorted(word_pairs(["the", "moon", "tide"]))
    [('moon', 'tide'), ('the', 'moon')]
    """
    return set(zip(words, words[1:], strict=False))


def says_new(sentence: str, said: Iterable[str], least: float) -> bool:
    """Whether at least this share of a sentence's words is not among those that were said.

    >>> says_new("The Moon pulls.", word_list("The sea rises."), 0.6)
    True
    """
    words = set(word_list(sentence))
    return len(words.difference(said)) >= least * len(words)


@functools.cache
def common() -> frozenset[str]:
    """The words that anything may be said with."""
    return frozenset(word_list(_PLAIN_WORDS.read_text(encoding="utf-8")))
