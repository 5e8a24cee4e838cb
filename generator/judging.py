"""The judge's role: do the passages that were read support a sentence, and which of their sentences does.

The judging is done by the support model of `generator/support`, or by plain nearness where there is none. It knows
neither the index nor the generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import numpy as np

from core.records import NOT_SUPPORTED, PARTLY, SUPPORTED, Found, Judgement, Sentence
from core.sentences import split_sentences
from generator.finishing import as_written

# Of `NearestSentence`: cosines of sentence pairs on the development questions. Sentences retold from a passage lie
# above the first, sentences beside other people's passages mostly below the second.
_SUPPORTED, _PARTLY = 0.8, 0.6

Embed = Callable[[Sequence[str]], np.ndarray]


class Judge(Protocol):
    """Judges sentences by passages."""

    def judge(self, sentences: Sequence[str], found: Sequence[Found]) -> list[Judgement]:
        """Sentences, and the passages with what was read of them → one judgement a sentence."""
        ...


def judged(sentences: Iterable[Sentence], found: Sequence[Found], judge: Judge) -> tuple[Sentence, ...]:
    """The same sentences with a judgement of each that has none yet; "not supported" when nothing was read."""
    every = list(sentences)
    open_ones = [sentence.text for sentence in every if not sentence.label]
    judgements = iter(judge.judge(open_ones, found) if open_ones else [])
    return tuple(sentence if sentence.label else sentence.judged(next(judgements)) for sentence in every)


def trace(text: str, found: Sequence[Found], judge: Judge) -> tuple[Sentence, ...]:
    """The sentences of any text, judged."""
    return judged(as_written(text), found, judge)


class NearestSentence:
    """A judge without a trained model: the cosine, 0 to 1, with the nearest passage sentence; 1 for a quoted one."""

    def __init__(self, embed: Embed) -> None:
        """Hold an encoder: texts → float32 (n, dimensions), rows of unit length."""
        self.embed = embed

    def judge(self, sentences: Sequence[str], found: Sequence[Found]) -> list[Judgement]:
        """Judge sentences, see `Judge.judge`."""
        sources = [(part.rank, text) for part in found for text in split_sentences(part.text)]
        if not sentences or not sources:
            return [Judgement(0.0, NOT_SUPPORTED, None, "") for _ in sentences]
        vectors = self.embed([*sentences, *(text for _, text in sources)])
        judgements = []
        for sentence, row in zip(sentences, vectors[: len(sentences)] @ vectors[len(sentences) :].T, strict=True):
            best = int(row.argmax())
            rank, text = sources[best]
            cosine = 1.0 if text == sentence else float(np.clip(row[best], 0, 1))
            label = SUPPORTED if cosine >= _SUPPORTED else PARTLY if cosine >= _PARTLY else NOT_SUPPORTED
            judgements.append(Judgement(cosine, label, rank, text))
        return judgements
