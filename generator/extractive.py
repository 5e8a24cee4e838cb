"""The extractive generator: no model writes, the passages' own sentences answer.

It takes the sentences nearest to the question, those of better passages first, and puts them in reading order: the
honest baseline that every writing model has to beat, and the fallback when none can be loaded. It is given a way to
compare texts and knows no index.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from data.passages import Passage
from data.sentences import is_complete, split_sentences
from generator.base import GenerationSettings, ReadPassage, Step

Embed = Callable[[Sequence[str]], np.ndarray]
# A sentence this near to one already taken says the same again.
_SAME = 0.95
# Each place further down the list of passages counts as this much less similarity: on the development questions
# 0.1 gave the best ROUGE-L to the written answers of 0, 0.05, 0.1 and 0.15.
_PER_RANK = 0.1


@dataclass(frozen=True)
class _Sentence:
    """A candidate: its passage and position there, what it is worth, how long it is in words."""

    place: tuple[int, int]
    text: str
    value: float
    words: int


class ExtractiveGenerator:
    """Quotes the passage sentences nearest to the question (`generator.base.Generator`)."""

    name = "extractive"

    def __init__(self, embed_questions: Embed, embed_texts: Embed) -> None:
        """Hold the two encoders: questions or texts → float32 (n, dimensions), rows of unit length."""
        self._embed_questions = embed_questions
        self._embed_texts = embed_texts

    def read(self, question: str, passages: Sequence[Passage]) -> list[ReadPassage]:
        """Everything: sentences are compared one by one, so nothing has to be cut."""
        return [ReadPassage(passage, "read", passage.text) for passage in passages]

    def stream(
        self,
        question: str,
        passages: Sequence[ReadPassage],
        settings: GenerationSettings,
        stop: threading.Event | None = None,
    ) -> Iterator[Step]:
        """Quote sentences until the longest answer is reached; see `Generator.stream`.

        The nearest sentence always stays, whatever its length. Sampling, beams and seed have no part here.
        """
        yield Step("reading", "")
        candidates, vectors = self._candidates(question, passages)
        if stop is not None and stop.is_set():
            yield Step("done", "", stopped=True)
            return
        chosen = _choose(candidates, vectors, settings)
        text = ""
        for sentence in chosen:
            if stop is not None and stop.is_set():
                yield Step("done", text, stopped=True)
                return
            text = f"{text} {sentence.text}".strip()
            yield Step("writing", text)
        yield Step("done", text)

    def _candidates(self, question: str, passages: Sequence[ReadPassage]) -> tuple[list[_Sentence], np.ndarray]:
        """Every whole sentence of the passages with its similarity to the question, and its vector."""
        places = [
            ((number, position), sentence)
            for number, passage in enumerate(passages)
            for position, sentence in enumerate(split_sentences(passage.text))
            if is_complete(sentence)
        ]
        if not places:
            return [], np.zeros((0, 0), np.float32)
        vectors = self._embed_texts([sentence for _, sentence in places])
        similarities = vectors @ self._embed_questions([question])[0]
        return [
            _Sentence(place, sentence, float(similarity) - _PER_RANK * place[0], len(sentence.split()))
            for (place, sentence), similarity in zip(places, similarities, strict=True)
        ], vectors


def _choose(candidates: Sequence[_Sentence], vectors: np.ndarray, settings: GenerationSettings) -> list[_Sentence]:
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
