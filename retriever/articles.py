"""Passages by way of articles: for what is too large to index, or belongs to others.

A library finds articles that may hold the answer and reads some of them; here their introductions are ranked, the best
are read, and their passages are ranked like those of any index. It knows no wiki and no file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.deadline import Deadline
from core.errors import UserError
from core.records import Found, Passage, Retrieved
from retriever.cache import Cache
from retriever.corpus import BM25_WEIGHT, Corpus, check_method
from retriever.encode import Encoder
from retriever.kept_vectors import KeptVectors
from retriever.near_duplicates import distinct
from retriever.ranking import best
from retriever.sparse import Bm25

SECONDS = 8.0
WORDS = 100  # in a passage
_INTRODUCTION = 120  # words of it that are ranked


@dataclass(frozen=True, slots=True)
class Candidate:
    """An article that may hold the answer.

    Attributes:
        key: what the library finds it by.
        title: its title.
        introduction: how it begins, plain text; "" where that is not known.
        revision: which of its versions; "" where there is one only.
        matched: how many words of the question its title is, 0 where it was only found by searching.
        place: among what searching found, from 0; -1 where only its title was met.
    """

    key: str
    title: str
    introduction: str
    revision: str = ""
    matched: int = 0
    place: int = -1


@dataclass(frozen=True, slots=True)
class Reading:
    """How much is read for a question; chosen by measurement, see docs/wikipedia.md.

    Attributes:
        articles: read whole.
        passages: of them that are embedded, the best by words.
        title_weight: what a title that is a stretch of the question counts, beside the cosine, for each of its words.
        search_weight: what the first place among the wiki's own results counts; the tenth counts nothing.
        gap: an article that scores so much less than the best one is not read.
    """

    articles: int = 3
    passages: int = 40
    title_weight: float = 0.05
    search_weight: float = 0.5
    gap: float = 0.4


class Library(ABC):
    """Articles that can be found and read, not searched by passages; safe to use from several threads.

    Attributes:
        spec: what it was opened by.
    """

    spec: str

    @abstractmethod
    def find(self, question: str, rarity: Callable[[str], float], until: Deadline) -> tuple[list[Candidate], str]:
        """Articles that may hold the answer, with what a reader should know of how they were found.

        Args:
            question: any text.
            rarity: of a word; only its order counts.
            until: when to have ended, with what there is.

        Raises:
            core.errors.UserError: nothing can be found.
        """

    @abstractmethod
    def read(self, candidate: Candidate, until: Deadline) -> list[Passage]:
        """The passages of an article, in order.

        Raises:
            core.errors.UserError: it cannot be read.
        """

    def sample(self, count: int) -> list[Passage]:
        """How some articles begin, for example questions; none where asking for them would cost requests."""
        return []

    @abstractmethod
    def card(self) -> dict[str, Any]:
        """What a card says of it: passages, date, source, licence; see `Corpus.card`."""


class ArticleCorpus(Corpus):
    """A corpus that is searched by finding articles, reading the best and ranking their passages."""

    def __init__(
        self,
        encoder: Encoder,
        library: Library,
        cache: Cache,
        seconds: float = SECONDS,
        reading: Reading | None = None,
    ) -> None:
        """Search a library, within so many seconds a question."""
        self._vectors = KeptVectors(encoder, cache)
        self.encoder = encoder
        self.library = library
        self.seconds = seconds
        self.reading = reading or Reading()

    def find(
        self, question: str, k: int = 4, method: str = "mixed", seed: int = 0, also: Sequence[Passage] = ()
    ) -> Retrieved:
        """See `Corpus.find`; what came in time is searched, and the note says where more was wanted."""
        check_method(method)
        vector = self.embed_questions([question])[0]
        if k < 1 or method == "none":
            return self._result(question, method, [], vector)
        until = Deadline(self.seconds)
        candidates, note = self.library.find(question, self._rarity, until)
        passages, later = self._read(self._ranked(question, vector, candidates), until)
        passages += [passage for passage in also if passage not in passages]
        hits = self._hits(question, vector, passages, k, method, seed)
        return self._result(question, method, hits, vector, note or later)

    def card(self) -> dict[str, Any]:
        """See `Corpus.card`."""
        return {"index": self.library.spec, "model": self.encoder.name} | self.library.card()

    def _rarity(self, word: str) -> float:
        """How rare a word is: its place in the tokenizer's vocabulary, where frequent words come first."""
        tokenizer = self.encoder.tokenizer
        pieces = tokenizer(word.lower(), add_special_tokens=False, verbose=False)["input_ids"]
        return float(pieces[0] if len(pieces) == 1 else tokenizer.vocab_size + len(word))

    def _ranked(self, question: str, vector: np.ndarray, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The candidates that are read, best first."""
        if not candidates:
            return []
        beginnings = [" ".join(candidate.introduction.split()[:_INTRODUCTION]) for candidate in candidates]
        texts = [f"{candidate.title}: {text}" for candidate, text in zip(candidates, beginnings, strict=True)]
        scores = self._vectors.of(texts) @ vector
        scores += [
            self.reading.title_weight * candidate.matched + self.reading.search_weight * _nearness(candidate.place)
            for candidate in candidates
        ]
        order = best(scores, self.reading.articles)
        return [candidates[place] for place in order if scores[place] >= scores[order[0]] - self.reading.gap]

    def _read(self, candidates: Sequence[Candidate], until: Deadline) -> tuple[list[Passage], str]:
        """The passages of articles, as far as they can be read in time; an error only where none can."""
        passages: list[Passage] = []
        problem: UserError | None = None
        for candidate in candidates:
            try:
                passages += self.library.read(candidate, until)
            except UserError as error:
                problem = problem or error
        if problem and not passages:
            raise problem
        return passages, f"Not all was read: {problem}." if problem else ""

    def _hits(
        self, question: str, vector: np.ndarray, passages: list[Passage], k: int, method: str, seed: int
    ) -> list[Found]:
        """The best passages by a method."""
        if not passages:
            return []
        if method == "random":
            drawn = np.random.default_rng([seed, *question.encode()]).permutation(len(passages))[:k]
            passages = [passages[row] for row in drawn]
        bm25, rows = Bm25.build(passages).search(
            question, len(passages) if method == "sparse" else self.reading.passages
        )
        some = [passages[row] for row in rows]
        if method == "sparse":
            scores = bm25
        else:
            scores = self._vectors.of([encoder_text(passage) for passage in some]) @ vector
            scores = scores + BM25_WEIGHT * bm25 if method == "mixed" else scores
        order = best(scores, len(some))
        kept = distinct([some[place].text for place in order], k)
        return [Found(rank, some[order[at]], float(scores[order[at]])) for rank, at in enumerate(kept, start=1)]


def _nearness(place: int) -> float:
    """1 for the first place, evenly down to 0 for the tenth; 0 where there is none.

    >>> _nearness(0), _nearness(5), _nearness(30), _nearness(-1)
    (1.0, 0.5, 0.0, 0.0)
    """
    return max(0.0, 1 - place / 10) if place >= 0 else 0.0


def encoder_text(passage: Passage) -> str:
    """What the encoder reads of a passage: a section's, which seldom names its subject, with title and headings."""
    if not passage.section:
        return passage.text
    return f"{passage.title}, {passage.section.replace(' & ', ', ')}: {passage.text}"
