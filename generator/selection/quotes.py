"""Passage sentences as parts of an answer: found, judged, and put together so that each can be understood.

It knows passages, sentences and their probabilities. It knows no writing model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.records import Found, Retrieved
from core.sentences import is_complete, split_sentences
from core.words import leans
from generator.grounding import says_new, word_list, word_pairs
from generator.selection.ranker import Sentence, SentenceRanker
from retriever.corpus import article_ranks

Embed = Callable[[Sequence[str]], np.ndarray]
# Questions that compare: the answer speaks of all that they name.
_COMPARING = re.compile(
    r"\b(?:differ\w*|compar\w*|versus|vs|same|both|than|between|or|(?:old|young|big|small|tall|larg|great|fast)\w*er)\b",
    re.IGNORECASE,
)
# A shorter sentence, or one that begins in small letters, is what a bad cut or a lost formula has left.
_SHORTEST_SENTENCE = 5
# A sentence of which a smaller share of the words is new says the same again.
_LEAST_NEW = 0.4
_LONGEST_SENTENCE = 70


@dataclass(frozen=True)
class Quote:
    """A passage sentence.

    Attributes:
        passage: its passage's number among those read, from 0.
        position: in the passage, from 0.
        title: of the passage.
        text: the sentence.
        probability: that it belongs into the answer, 0 to 1.
    """

    passage: int
    position: int
    title: str
    text: str
    probability: float

    @property
    def place(self) -> tuple[int, int]:
        """Passage and position: the reading order."""
        return self.passage, self.position

    @property
    def leans(self) -> bool:
        """Whether it says "it", "this" or the like of something in the sentence before it."""
        return leans(self.text)


@dataclass(frozen=True)
class Asked:
    """A question, and its vector, float32 (dimensions,)."""

    question: str
    vector: np.ndarray


class Quoter:
    """Finds the passage sentences that belong into the answer to a question."""

    def __init__(self, ranker: SentenceRanker, embed_questions: Embed, embed_texts: Embed) -> None:
        """Hold a ranker and the two encoders: questions or texts → float32 (n, dimensions), rows of unit length."""
        self._ranker = ranker
        self._embed_questions = embed_questions
        self._embed_texts = embed_texts

    def asked(self, retrieved: Retrieved) -> Asked:
        """The question with its vector, which the search has mostly made already."""
        vector = retrieved.vector
        return Asked(retrieved.question, self._embed_questions([retrieved.question])[0] if vector is None else vector)

    def quotes(self, asked: Asked, passages: Sequence[Found]) -> list[Quote]:
        """Every whole sentence of what was read, in reading order."""
        parts = [
            (number, position, passage.passage.title, text)
            for number, passage in enumerate(passages)
            for position, text in enumerate(split_sentences(passage.text))
            if _is_whole(text)
        ]
        ranks = article_ranks([passage.passage.title for passage in passages])
        probabilities = self.probabilities(asked, [(title, text, ranks[number]) for number, _, title, text in parts])
        return [Quote(*part, float(chance)) for part, chance in zip(parts, probabilities, strict=True)]

    def nearness(self, asked: Asked, texts: Sequence[str]) -> list[float]:
        """The cosine of a question and each text."""
        return (self._embed_texts(texts) @ asked.vector).tolist() if texts else []

    def probabilities(self, asked: Asked, sentences: Sequence[tuple[str, str, int]]) -> np.ndarray:
        """How likely sentences, (title, text, rank of the article), belong into the answer: float64 (n,)."""
        if not sentences:
            return np.zeros(0)
        near = self._embed_texts([text for _, text, _ in sentences]) @ asked.vector
        rows = [Sentence(*row, float(value)) for row, value in zip(sentences, near, strict=True)]
        return self._ranker.probabilities(asked.question, rows)


def best_opening(quotes: Sequence[Quote]) -> Quote | None:
    """The likeliest sentence that can stand first; None when there are no sentences.

    One that leans on nothing and says what it is about, by a word of its title, comes before others.
    """
    standing = [quote for quote in quotes if not quote.leans]
    named = [quote for quote in standing if set(word_list(quote.title)) & set(word_list(quote.text))]
    return max(named or standing or list(quotes), key=lambda quote: quote.probability, default=None)


def place_of(sentence: str, quotes: Sequence[Quote]) -> Quote | None:
    """The passage sentence that a written one owes most of its word pairs to; None when it owes fewer than half."""
    own = word_pairs(word_list(sentence))
    shares = [len(own & word_pairs(word_list(quote.text))) / max(1, len(own)) for quote in quotes]
    best = max(range(len(quotes)), key=shares.__getitem__, default=None)
    return quotes[best] if best is not None and shares[best] >= 0.5 else None


@dataclass(frozen=True)
class Room:
    """How much may follow an opening.

    Attributes:
        enough: no sentence is begun once the answer has so many words.
        most: the longest answer, in words.
        least: sentences less likely than this only follow while the answer is shorter than `short`.
        short: in words.
    """

    enough: int = 60
    most: int = 120
    least: float = 0.22
    short: int = 40


def following(question: str, opening: str, stands_on: Quote | None, quotes: Sequence[Quote], room: Room) -> list[Quote]:
    """The quotes that follow an opening, in the order in which they are to be read.

    Of each passage whose title a question names, when it names several, the likeliest sentence comes in, so that
    comparisons speak of both sides; then the likeliest of all. One that leans comes only behind the sentence that it
    leans on, which is taken along where it is not there yet.

    Args:
        question: as asked.
        opening: the answer so far.
        stands_on: the passage sentence that it retells.
        quotes: the passages' sentences.
        room: how much may follow.
    """
    at = {quote.place: quote for quote in quotes}
    there = {stands_on.place} if stands_on else set()
    taken: list[Quote] = []
    said, words = set(word_list(opening)), len(opening.split())
    asked_for = _asked_for(question, quotes, there)
    for quote in [*asked_for, *sorted(quotes, key=lambda quote: -quote.probability)]:
        wanted = quote in asked_for
        if not wanted and (words >= room.enough or (quote.probability < room.least and words >= room.short)):
            break
        group = _with_antecedents(quote, at, there)
        if not group or not all(says_new(part.text, said, _LEAST_NEW) for part in group):
            continue
        length = sum(len(part.text.split()) for part in group)
        if words + length > room.most or any(len(part.text.split()) > _LONGEST_SENTENCE for part in group):
            continue
        taken += group
        there |= {part.place for part in group}
        said |= {word for part in group for word in word_list(part.text)}
        words += length
    first = stands_on.passage if stands_on else -1
    return sorted(taken, key=lambda quote: (quote.passage != first, not _goes_on(quote, stands_on), quote.place))


def _asked_for(question: str, quotes: Sequence[Quote], there: set[tuple[int, int]]) -> list[Quote]:
    """The likeliest sentence of each passage that a comparing question names and of which there is none yet."""
    if not _COMPARING.search(question):
        return []
    words = set(word_list(question))
    titles = {quote.passage: set(word_list(re.sub(r"\s*\(.*?\)", "", quote.title))) for quote in quotes}
    named = [passage for passage in titles if _names(words, passage, titles)]
    lacking = set(named) - {passage for passage, _ in there} if len(named) > 1 else set()
    best = [best_opening([quote for quote in quotes if quote.passage == passage]) for passage in sorted(lacking)]
    return [quote for quote in best if quote]


def _names(words: set[str], passage: int, titles: Mapping[int, set[str]]) -> bool:
    """Whether words name a passage: by its whole title, or by what no other title has of it."""
    own = titles[passage].difference(*(title for other, title in titles.items() if other != passage))
    return bool(titles[passage]) and titles[passage] <= words or bool(own) and own <= words


def _is_whole(sentence: str) -> bool:
    """Whether a piece of a passage is a sentence.

    >>> _is_whole("is 1, by convention."), _is_whole("Bees live in wooden hives.")
    (False, True)
    """
    first = next((character for character in sentence if character.isalnum()), "")
    return is_complete(sentence) and not first.islower() and len(sentence.split()) >= _SHORTEST_SENTENCE


def _with_antecedents(quote: Quote, at: dict[tuple[int, int], Quote], there: set[tuple[int, int]]) -> list[Quote]:
    """A quote behind those that it leans on and that are not there; [] when it is there, or leans on nothing."""
    if quote.place in there:
        return []
    group = [quote]
    while group[0].leans:
        before = (group[0].passage, group[0].position - 1)
        if before in there:
            break
        if before not in at or len(group) == 2:
            return []
        group.insert(0, at[before])
    return group


def _goes_on(quote: Quote, stands_on: Quote | None) -> bool:
    """Whether a quote comes behind the sentence that the opening retells."""
    return stands_on is not None and quote.place > stands_on.place
