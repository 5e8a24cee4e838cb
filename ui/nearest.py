"""The written question nearest to the one asked, and random written questions; both from `data/lfqa`.

A handful of candidates is found without a model: questions about the articles that dense search finds, and questions
that share rare words. Only those are embedded and compared. It knows the question set and the retriever; it does not
know Gradio.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Protocol

import numpy as np

from core.records import Found, Retrieved
from core.words import folded_words
from data.questions import Question, load_questions
from retriever.articles import ArticleCorpus
from retriever.encode import Encoder
from ui.markup import escape, is_wikipedia, waiting

# Questions chosen by hand from the development split: fit for all ages, and no model was trained on them.
_PICKED = Path(__file__).with_name("random_questions.json")
_ARTICLES = 12
_BY_WORDS = 12
_SUGGESTED_FROM = 24  # articles
_NEAR = 0.45  # cosine of a question that is suggested; those of nonsense have less (read: 10 questions, 30 suggestions)


class Searcher(Protocol):
    """What is needed of a retriever."""

    encoder: Encoder

    def search(self, question: str, k: int = 4, method: str = "mixed", seed: int = 0) -> list[Found]:
        """Hits for a question, best first."""
        ...

    def embed_questions(self, questions: Sequence[str]) -> np.ndarray:
        """Questions → float32 (n, dimensions)."""
        ...


@dataclass(frozen=True)
class Nearest:
    """A written question and how near it is.

    Attributes:
        question: with its written answer.
        similarity: cosine of the two questions' vectors, -1 to 1; exactly 1 for the same words.
    """

    question: Question
    similarity: float


class NearestQuestions:
    """Finds the nearest of a set of written questions."""

    def __init__(self, searcher: Callable[[], Searcher], questions: Sequence[Question]) -> None:
        """Hold the questions; their vectors are computed when they are first candidates, and kept.

        Args:
            searcher: gives what finds articles; called only when something is to be found.
            questions: any number.
        """
        self._searcher = searcher
        self._questions = list(questions)
        self._tokens = [set(folded_words(item.question)) for item in self._questions]
        counts = Counter(token for tokens in self._tokens for token in tokens)
        self._weight = {token: log(1 + len(self._questions) / count) for token, count in counts.items()}
        self._by_title: dict[str, list[int]] = {}
        for row, item in enumerate(self._questions):
            for title in {item.topic, *item.titles[:1]}:
                self._by_title.setdefault(title, []).append(row)
        # By encoder, too.
        self._vectors: dict[tuple[str, int], np.ndarray] = {}
        self._lock = threading.Lock()

    def find(self, question: str, searcher: Searcher | None = None) -> Nearest | None:
        """The nearest written question; None when there is none to compare.

        Args:
            question: as asked.
            searcher: what the question was asked of; None for the one given at the beginning.
        """
        asked = folded_words(question)
        searcher = searcher or self._searcher()
        rows = sorted({*self._about_found_articles(question, searcher), *self._sharing_words(asked)})
        if not rows:
            return None
        cosines = self._cosines(question, rows, searcher)
        best = int(cosines.argmax())
        item = self._questions[rows[best]]
        same = folded_words(item.question) == asked
        return Nearest(item, 1.0 if same else float(cosines[best]))

    def suggest(self, retrieved: Retrieved, searcher: Searcher, count: int = 3) -> list[str]:
        """Written questions that what was searched answers: all their articles stand in it; nearest first.

        Args:
            retrieved: what was asked, and found.
            searcher: what was asked; of a wiki only the articles that were found are known to stand in it.
            count: how many at most.
        """
        hits = list(retrieved.found)
        if not isinstance(searcher, ArticleCorpus):
            hits += searcher.search(retrieved.whole, _SUGGESTED_FROM, "dense")
        there = {hit.passage.title for hit in hits if is_wikipedia(hit.passage.url)}
        asked = {tuple(folded_words(text)) for text in (retrieved.question, *_questions_before(retrieved))}
        rows = sorted(
            {
                row
                for title in there
                for row in self._by_title.get(title, ())
                if self._questions[row].answerable
                and there.issuperset(self._questions[row].titles)
                and tuple(folded_words(self._questions[row].question)) not in asked
            }
        )
        if not rows:
            return []
        cosines = self._cosines(retrieved.whole, rows, searcher)
        order = [place for place in np.argsort(-cosines, kind="stable")[:count] if cosines[place] >= _NEAR]
        return [_capitalised(self._questions[rows[place]].question) for place in order]

    def _cosines(self, question: str, rows: Sequence[int], searcher: Searcher) -> np.ndarray:
        """Of a question with written ones, float32 (rows,)."""
        query, vectors = self._embed(question, rows, searcher)
        norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query)
        return vectors @ query / np.maximum(norms, 1e-12)

    def _about_found_articles(self, question: str, searcher: Searcher) -> Iterable[int]:
        """Rows of the questions about the articles nearest by meaning; a wiki is not asked twice for that."""
        if isinstance(searcher, ArticleCorpus):
            return []
        hits = searcher.search(question, _ARTICLES, "dense")
        return [row for hit in hits for row in self._by_title.get(hit.passage.title, ())]

    def _sharing_words(self, asked: Sequence[str]) -> list[int]:
        """Rows of the questions that share most, rare words counting more."""
        known = [token for token in set(asked) if token in self._weight]
        scores = [sum(self._weight[token] for token in known if token in tokens) for tokens in self._tokens]
        rows = sorted(range(len(scores)), key=lambda row: -scores[row])[:_BY_WORDS]
        return [row for row in rows if scores[row] > 0]

    def _embed(self, question: str, rows: Sequence[int], searcher: Searcher) -> tuple[np.ndarray, np.ndarray]:
        """The question's vector and those of the rows; only what is not known yet is computed."""
        with self._lock:
            keys = [(searcher.encoder.identity, row) for row in rows]
            missing = [key for key in keys if key not in self._vectors]
            fresh = searcher.embed_questions([question, *(self._questions[row].question for _, row in missing)])
            self._vectors.update(zip(missing, fresh[1:], strict=True))
            return fresh[0], np.stack([self._vectors[key] for key in keys])


def load_nearest(searcher: Callable[[], Searcher]) -> NearestQuestions:
    """All written questions, those of training and of development."""
    return NearestQuestions(searcher, [*load_questions("dev"), *load_questions("train")])


def random_question(avoid: str = "", chooser: random.Random | None = None) -> str:
    """A written question that suits all ages, never the one to avoid."""
    picked = set(json.loads(_PICKED.read_text(encoding="utf-8")))
    texts = [
        item.question for item in load_questions("dev") if item.id in picked and item.question.lower() != avoid.lower()
    ]
    text = (chooser or random).choice(texts)
    return _capitalised(text)


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _questions_before(retrieved: Retrieved) -> tuple[str, ...]:
    """Those that a follow-up follows."""
    return retrieved.previous.questions if retrieved.previous else ()


def nearest_empty() -> str:
    """The tab before anything was asked."""
    return waiting("After an answer, the nearest question of the question set and its written answer stand here.")


def nearest_html(nearest: Nearest | None, reveal: bool) -> str:
    """The tab's content.

    Args:
        nearest: what was found.
        reveal: whether the written answer may be seen: only once the visitor has rated.
    """
    if nearest is None:
        return waiting("No written question comes near.")
    item = nearest.question
    share = min(1.0, max(0.0, nearest.similarity))
    if reveal:
        titles = ", ".join(item.titles) or "none"
        written = (
            f'<p class="text">{escape(item.answer)}</p><p class="tally">written by hand · '
            f"{'answerable' if item.answerable else 'the passages do not answer it'} · from: {escape(titles)}</p>"
        )
    else:
        written = '<p class="hidden-answer">Its written answer shows here once you have rated the answer in detail.</p>'
    how = "the same question" if nearest.similarity == 1.0 else "cosine of the two questions"
    return (
        f'<section class="nearest"><h2>{escape(item.question)}</h2><p class="similarity">{how} '
        f'<b>{nearest.similarity:.3f}</b> <span class="bar" aria-hidden="true"><i style="width:{share:.1%}"></i></span>'
        f"</p>{written}</section>"
    )
