"""What is searched, behind one interface, and what a search finds: a folder, the embedded passages, a wiki.

Every corpus is a `Corpus`; `retriever.registry` knows the kinds. It knows passages, scores and vectors. It knows
nothing of where passages lie, or of generators.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from core.errors import SettingsError
from core.records import Found, Passage, Retrieved
from core.settings import METHODS
from core.texts import as_given

if TYPE_CHECKING:
    import numpy as np

    from retriever.encode import Encoder

# The weight of BM25's score beside the cosine, chosen on training questions; see retriever/README.md.
BM25_WEIGHT = 0.02
# Below these, the best hit likely misses the question: of the answerable development questions all have a best hit
# above (lowest 0.48 dense, 0.60 mixed, 5.1 sparse).
_LOW_SCORE = {"dense": 0.45, "random": 0.45, "mixed": 0.50, "sparse": 4.0}


class Corpus(ABC):
    """Passages that are searched for a question; loaded, and safe to use from several threads.

    A kind of corpus says how it is searched (`find`) and what it is (`card`); the rest is the same for all.

    Attributes:
        encoder: questions, passages and sentences → vectors.
    """

    encoder: Encoder

    @abstractmethod
    def find(
        self, question: str, k: int = 4, method: str = "mixed", seed: int = 0, also: Sequence[Passage] = ()
    ) -> Retrieved:
        """Find passages for a question.

        Args:
            question: any text.
            k: how many; none below 1, and at most what there is.
            method: one of `METHODS`.
            seed: of random retrieval; the same seed and question give the same passages.
            also: passages of this corpus that are candidates, whatever else is: those of the answer before.

        Raises:
            core.errors.SettingsError: there is no such method.
            core.errors.UserError: it cannot be searched, or not by this method.
        """

    @abstractmethod
    def card(self) -> dict[str, Any]:
        """What is searched.

        Returns:
            "index" (what it was opened by, "" for the embedded passages), "passages" (how many; 0 where that is not
            known), "model" (the encoder's name), "date" (YYYY-MM-DD), "source" and "licence" (each "" if not known).
        """

    @property
    def has_words(self) -> bool:
        """Whether it is searched by words, too; where not, mixed search is dense search."""
        return True

    def unknown_words(self, question: str) -> list[str]:
        """Words of a question that no passage has in any form, as far as that is known."""
        return []

    def search(self, question: str, k: int = 4, method: str = "mixed", seed: int = 0) -> list[Found]:
        """Only the hits of `find`."""
        return list(self.find(question, k, method, seed).found)

    def score_name(self, method: str) -> str:
        """What the scores of a method are called."""
        similarity = self.encoder.score_name
        names = {"sparse": "BM25", "mixed": f"{similarity} + {BM25_WEIGHT:g} × BM25", "none": ""}
        return names.get(self._done(method), similarity)

    def low_scores(self, hits: Sequence[Found], method: str) -> bool:
        """Whether even the best hit scores so low that the passages likely miss the question."""
        lowest = _LOW_SCORE.get(self._done(method))
        if lowest is None or self.encoder.score_name != "cosine":
            return False
        return not hits or hits[0].score < lowest

    def embed_questions(self, questions: Sequence[str]) -> np.ndarray:
        """Questions → float32 (n, dimensions), to compare them with passages or sentences."""
        return self.encoder.encode_questions(questions)

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Passages or sentences → float32 (n, dimensions), to compare them with questions and with one another."""
        return self.encoder.encode_passages(texts)

    def _result(
        self, question: str, method: str, hits: Sequence[Found], vector: np.ndarray, note: str = ""
    ) -> Retrieved:
        """What `find` returns, with the facts about its scores."""
        facts = self.score_name(method), self.low_scores(hits, method), note
        return Retrieved(question, tuple(hits), vector, *facts)

    def _done(self, method: str) -> str:
        """The method that a search really follows."""
        return "dense" if method == "mixed" and not self.has_words else method


class CorpusPlan(Protocol):
    """A corpus that can be had, and is not loaded yet: what is missing was fetched, and nothing takes memory."""

    def card(self) -> dict[str, Any]:
        """What will be searched; see `Corpus.card`."""
        ...

    def open(self) -> Corpus:
        """Load it.

        Raises:
            core.errors.UserError: it cannot be had after all.
        """
        ...


def check_method(method: str) -> None:
    """Raise SettingsError unless a retrieval method is known."""
    if method not in METHODS:
        raise SettingsError(f"retrieval is {as_given(method)}; allowed are {', '.join(METHODS)}")


def article_ranks(titles: Sequence[str]) -> list[int]:
    """The rank of each passage's article among those read, from 0: several passages of one article share its best.

    >>> article_ranks(["Albedo", "Moon", "Albedo", "Snow"])
    [0, 1, 0, 2]
    """
    articles = list(dict.fromkeys(titles))
    return [articles.index(title) for title in titles]
