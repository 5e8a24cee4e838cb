"""The extractive generator: no model writes, the passages' own sentences answer.

Those that the selector chooses are quoted in reading order; without a selector, those nearest to the question, of
better passages first: the honest baseline that every writing model has to beat, and what remains when none can be had.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.records import Draft, Place, Retrieved, Sentence
from core.sentences import is_complete, split_sentences
from core.settings import Settings
from generator.judging import Embed
from generator.selecting import Room, Selector, as_read, chosen, quoted

# A sentence this near to one already taken says the same again.
_SAME = 0.95
# Each place further down the list of passages counts as this much less similarity: on the development questions
# 0.1 gave the best ROUGE-L to the written answers of 0, 0.05, 0.1 and 0.15.
_PER_RANK = 0.1


@dataclass(frozen=True)
class _Candidate:
    """A candidate: where it stands, what it is worth, how long it is in words."""

    place: Place
    text: str
    value: float
    words: int


class ExtractiveGenerator:
    """Quotes passage sentences (`generator.base.Generator`)."""

    name = "extractive"

    def __init__(
        self, embed_questions: Embed, embed_texts: Embed, selector: Callable[[], Selector] | None = None
    ) -> None:
        """Hold the parts.

        Args:
            embed_questions: questions → float32 (n, dimensions), rows of unit length.
            embed_texts: the same of texts.
            selector: gives what chooses sentences; without it, the nearest are taken.
        """
        self._embed_questions = embed_questions
        self._embed_texts = embed_texts
        self._selector = selector

    def read(self, retrieved: Retrieved) -> Retrieved:
        """Everything: sentences are compared one by one, so nothing has to be cut."""
        return replace(retrieved, found=tuple(part.as_read(part.passage.text) for part in retrieved.found))

    def stream(self, retrieved: Retrieved, settings: Settings, stop: threading.Event | None = None) -> Iterator[Draft]:
        """Quote sentences until the longest answer is reached; see `Generator.stream`.

        The best sentence always stays, whatever its length. Sampling, beams and seed have no part here.
        """
        stop = stop or threading.Event()
        sentences: tuple[Sentence, ...] = ()
        for sentence in [] if stop.is_set() else self._quotes(retrieved, settings):
            if stop.is_set():
                break
            sentences = (*sentences, sentence)
            yield Draft(sentences)
        yield Draft(sentences, done=True, stopped=stop.is_set())

    def _quotes(self, retrieved: Retrieved, settings: Settings) -> list[Sentence]:
        """The answer's sentences."""
        if self._selector is not None:
            return [quoted(each) for each in as_read(list(chosen(self._selector(), retrieved, Room.of(settings))))]
        nearest = _choose(*self._candidates(retrieved), settings)
        return [Sentence(each.text, "quoted", (each.place,)) for each in nearest]

    def _candidates(self, retrieved: Retrieved) -> tuple[list[_Candidate], np.ndarray]:
        """Every whole sentence of the passages with its similarity to the question, and its vector."""
        places = [
            ((part.rank, number), sentence)
            for part in retrieved.read
            for number, sentence in enumerate(split_sentences(part.text), 1)
            if is_complete(sentence)
        ]
        if not places:
            return [], np.zeros((0, 0), np.float32)
        vectors = self._embed_texts([sentence for _, sentence in places])
        asked = self._embed_questions([retrieved.whole])[0] if retrieved.vector is None else retrieved.vector
        return [
            _Candidate(place, sentence, float(similarity) - _PER_RANK * (place[0] - 1), len(sentence.split()))
            for (place, sentence), similarity in zip(places, vectors @ asked, strict=True)
        ], vectors


def _choose(candidates: Sequence[_Candidate], vectors: np.ndarray, settings: Settings) -> list[_Candidate]:
    """The nearest sentences that fit, none said twice, in reading order."""
    taken: list[int] = []
    words = 0
    for row in sorted(range(len(candidates)), key=lambda row: -candidates[row].value):
        length = candidates[row].words
        fits = words + length <= settings.max_words
        if taken and (not fits or (vectors[taken] @ vectors[row]).max() > _SAME):
            continue
        # Enough is enough: more sentences only take the answer further from the question.
        if words >= max(settings.min_words, settings.max_words // 2):
            break
        taken.append(row)
        words += length
    return sorted((candidates[row] for row in taken), key=lambda sentence: sentence.place)
