"""Claims made by rule, to begin the training on: supported sentences, and the same with one thing made wrong.

A supported sentence comes from an answer, a hand-written claim or a passage. What is made wrong is what the hard
claims get wrong too: a number, a name, a subject, a word for its opposite or its sibling, the order of a comparison,
a negation, a quantity; or the passage sentences that support it are taken away. It knows texts; it knows no models.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from core.sentences import split_sentences
from core.words import STOP_WORDS, Words, stem
from generator.support.plain import opposites

_QUANTITIES = {
    "some": "all", "many": "all", "most": "all", "several": "all", "often": "always", "usually": "always",
    "sometimes": "always", "typically": "always", "generally": "always", "commonly": "always", "can": "must",
    "may": "must", "could": "must", "mainly": "only", "mostly": "only", "largely": "only", "about": "exactly",
    "nearly": "more than", "almost": "more than", "all": "only some", "every": "almost no", "always": "only sometimes",
    "never": "sometimes", "only": "not only", "both": "neither", "one": "none", "part": "all", "partly": "wholly",
}  # fmt: skip
_TOKEN = re.compile(r"\w+(?:['’]\w+)?|[^\w\s]", re.UNICODE)
_NUMBER = re.compile(r"\d[\d,.]*\d|\d")
_NAME = re.compile(r"(?:[A-Z][\w’'-]+)(?:\s+(?:of|the|de|and)\s+[A-Z][\w’'-]+|\s+[A-Z][\w’'-]+)*")
_VERB = re.compile(r"\b(is|are|was|were|can|may|has|have|had|could|will|began|became|consists?|includes?|occurs?)\b")
_COMPARED = re.compile(r"\b(than|rather than|followed by|whereas|unlike|instead of|from .{3,30}? to|compared with)\b")

Siblings = Callable[[str], Sequence[str]]
# A sentence made wrong, and the characters that were changed.
Change = tuple[str, tuple[tuple[int, int], ...]]


HAND_WRITTEN = ("hard", "sentence")


@dataclass(frozen=True)
class ClaimExample:
    """A claim beside passages, and whether they support it.

    Attributes:
        claim: one sentence.
        titles: the titles of the passages.
        supported: whether the claim follows from them.
        wrong: the (start, end) characters that were made wrong; () where all is right or it is not known.
        source: where it comes from: "hard", "sentence", "written", "close", "quoted", "other", "removed" or what was
            changed. The first two were written by hand: beside whole passages, and beside their evidence alone.
        group: examples of one group share their passages.
    """

    claim: str
    titles: tuple[str, ...]
    supported: bool
    wrong: tuple[tuple[int, int], ...] = ()
    source: str = "hard"
    group: str = ""


class Spoiler:
    """Makes one thing in a supported sentence wrong.

    Attributes:
        rng: what is chosen.
        siblings: a word → words of the same sort that mean something else.
    """

    def __init__(self, rng: random.Random, siblings: Siblings) -> None:
        """Hold a source of chance and of sibling words."""
        self.rng = rng
        self.siblings = siblings
        self._opposites = opposites()
        self._ways = {
            "number": (self._number, 2.0),
            "name": (self._name, 2.0),
            "subject": (self._subject, 2.0),
            "opposite": (self._opposite, 2.0),
            "sibling": (self._sibling, 2.5),
            "negation": (self._negation, 0.6),
            "quantity": (self._quantity, 0.7),
            "order": (self._order, 1.5),
            "weld": (self._weld, 2.5),
        }

    def spoil(self, sentence: str, own: str, titles: Sequence[str], texts: Sequence[str]) -> ClaimExample | None:
        """The sentence with one thing wrong; None when nothing in it could be changed.

        Args:
            sentence: what the passages support.
            own: the title of the passage that it is about, or "".
            titles: of the passages at hand.
            texts: of the same passages.
        """
        ways = list(self._ways)
        order = sorted(ways, key=lambda way: self.rng.random() ** (1 / self._ways[way][1]), reverse=True)
        for way in order:
            made = self._ways[way][0](sentence, own, titles, texts)
            if made is not None and made[0] != sentence and 4 <= len(made[0].split()) <= 60:
                return ClaimExample(made[0], tuple(titles), False, made[1], way)
        return None

    def _swap(self, sentence: str, start: int, end: int, new: str) -> Change:
        """The sentence with a stretch replaced, first letter as it was at its beginning."""
        if start == 0:
            new = new[:1].upper() + new[1:]
        return sentence[:start] + new + sentence[end:], ((start, start + len(new)),)

    def _number(self, sentence: str, own: str, titles: Sequence[str], texts: Sequence[str]) -> Change | None:
        found = list(_NUMBER.finditer(sentence))
        if not found:
            return None
        place = self.rng.choice(found)
        old = place.group()
        others = [n for text in texts for n in _NUMBER.findall(text) if n != old and len(n) == len(old)]
        if others and self.rng.random() < 0.6:
            return self._swap(sentence, place.start(), place.end(), self.rng.choice(others))
        digits = list(old)
        at = self.rng.choice([i for i, digit in enumerate(digits) if digit.isdigit()])
        digits[at] = self.rng.choice([d for d in "123456789" if d != digits[at]])
        return self._swap(sentence, place.start(), place.end(), "".join(digits))

    def _name(self, sentence: str, own: str, titles: Sequence[str], texts: Sequence[str]) -> Change | None:
        found = [name for name in _NAME.finditer(sentence) if name.start() > 0]
        others = {
            name.group() for text in texts for name in _NAME.finditer(text) if name.start() > 0 and len(name[0]) > 3
        }
        if not found or not others:
            return None
        place = self.rng.choice(found)
        options = sorted(name for name in others if name not in sentence and place.group() not in name)
        return self._swap(sentence, *place.span(), self.rng.choice(options)) if options else None

    def _subject(self, sentence: str, own: str, titles: Sequence[str], texts: Sequence[str]) -> Change | None:
        bare = [re.sub(r"\s*\(.*\)", "", title) for title in titles]
        mentioned = [
            (place, title)
            for title in bare
            for place in re.finditer(rf"\b{re.escape(title)}\b", sentence, re.IGNORECASE)
        ]
        options = [title for title in bare if title.lower() not in sentence.lower()]
        if not mentioned or not options:
            return None
        place, _ = self.rng.choice(mentioned)
        new = self.rng.choice(options)
        kept = new if place.group()[:1].isupper() and place.start() else new[:1].lower() + new[1:]
        return self._swap(sentence, *place.span(), kept)

    def _opposite(self, sentence: str, own: str, titles: Sequence[str], texts: Sequence[str]) -> Change | None:
        found = [word for word in _TOKEN.finditer(sentence) if word.group().lower() in self._opposites]
        if not found:
            return None
        place = self.rng.choice(found)
        return self._swap(sentence, *place.span(), self.rng.choice(self._opposites[place.group().lower()]))

    def _sibling(self, sentence: str, own: str, titles: Sequence[str], texts: Sequence[str]) -> Change | None:
        found = [
            word for word in _TOKEN.finditer(sentence)
            if word.group().islower() and len(word.group()) > 3 and word.group() not in STOP_WORDS
        ]  # fmt: skip
        self.rng.shuffle(found)
        for place in found[:4]:
            options = [word for word in self.siblings(place.group()) if stem(word) != stem(place.group())]
            if options:
                near = Words(" ".join(texts)).stem_set
                here = [word for word in options if stem(word) in near]
                chosen = here if here and self.rng.random() < 0.6 else options
                return self._swap(sentence, *place.span(), self.rng.choice(chosen))
        return None

    def _negation(self, sentence: str, own: str, titles: Sequence[str], texts: Sequence[str]) -> Change | None:
        place = _VERB.search(sentence)
        if place is None:
            return None
        if sentence[place.end() : place.end() + 4] == " not":
            return sentence[: place.end()] + sentence[place.end() + 4 :], (place.span(),)
        if place.group() not in {"is", "are", "was", "were", "can", "may", "could", "will"}:
            return None
        return self._swap(sentence, *place.span(), place.group() + " not")

    def _quantity(self, sentence: str, own: str, titles: Sequence[str], texts: Sequence[str]) -> Change | None:
        found = [word for word in _TOKEN.finditer(sentence) if word.group().lower() in _QUANTITIES]
        if not found:
            return None
        place = self.rng.choice(found)
        return self._swap(sentence, *place.span(), _QUANTITIES[place.group().lower()])

    def _order(self, sentence: str, own: str, titles: Sequence[str], texts: Sequence[str]) -> Change | None:
        pivot = _COMPARED.search(sentence)
        if pivot is None:
            return None
        before = [w for w in _content_places(sentence, 0, pivot.start())]
        after = [w for w in _content_places(sentence, pivot.end(), len(sentence))]
        if not before or not after:
            return None
        left, right = self.rng.choice(before[-3:]), self.rng.choice(after[:3])
        (a, b), (c, d) = left, right
        if sentence[a:b].lower() == sentence[c:d].lower():
            return None
        made = sentence[:a] + sentence[c:d] + sentence[b:c] + sentence[a:b] + sentence[d:]
        shift = (d - c) - (b - a)
        return made, ((a, a + d - c), (c + shift, c + shift + b - a))

    def _weld(self, sentence: str, own: str, titles: Sequence[str], texts: Sequence[str]) -> Change | None:
        """The beginning of the sentence with the rest of one from another passage."""
        others = [s for title, text in zip(titles, texts, strict=True) if title != own for s in split_sentences(text)]
        self.rng.shuffle(others)
        here = _VERB.search(sentence)
        if here is None or here.start() < 3:
            return None
        for other in others:
            there = _VERB.search(other)
            if there is not None and there.group() == here.group() and len(other) - there.end() > 15:
                made = sentence[: here.end()] + other[there.end() :]
                return made, ((here.end() + 1, len(made)),)
        return None


def _content_places(sentence: str, start: int, end: int) -> list[tuple[int, int]]:
    """Where the words that carry facts stand, between two characters."""
    return [
        word.span() for word in _TOKEN.finditer(sentence, start, end)
        if word.group().lower() not in STOP_WORDS and len(word.group()) > 2
    ]  # fmt: skip


def spoiled(example: ClaimExample, own: str, texts: Mapping[str, str], spoiler: Spoiler) -> ClaimExample | None:
    """A supported example with one thing made wrong, its passages and group kept."""
    made = spoiler.spoil(example.claim, own, example.titles, [texts[title] for title in example.titles])
    return None if made is None else replace(made, group=example.group)
