"""Where each sentence of an answer comes from, and whether the passages that were read support it.

The same for every generator. It splits the answer and puts the judgements beside its sentences; the judging is done by
the support model of `generator/support`, or by plain nearness where there is none. It knows neither the index nor the
generator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from core.sentences import split_sentences

# Of `NearestSentence`: cosines of sentence pairs on the development questions. Sentences retold from a passage lie
# above the first, sentences beside other people's passages mostly below the second.
SUPPORTED = 0.8
PARTLY = 0.6

Embed = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True)
class Support:
    """What the passages say of one sentence.

    Attributes:
        probability: that they support it, 0 to 1.
        label: "supported", "partly" or "not supported".
        passage: the number of the passage with the nearest sentence, from 1, in the order read; None where nothing
            was read.
        evidence: that sentence; "" where nothing was read.
    """

    probability: float
    label: str
    passage: int | None
    evidence: str


class Checker(Protocol):
    """Judges sentences by passages."""

    def check(self, sentences: Sequence[str], passages: Sequence[tuple[str, str]]) -> list[Support]:
        """Sentences, and (title, text) of each passage in the order read → one judgement a sentence."""
        ...


@dataclass(frozen=True)
class TracedSentence:
    """A sentence of the answer and its evidence.

    Attributes:
        text: the sentence.
        support: how likely it is, 0 to 1, that the passages support it.
        label: "supported", "partly" or "not supported".
        passage: the number of the passage, from 1, in the order read; None where nothing supports the sentence.
        evidence: the passage sentence; "" where nothing supports it.
    """

    text: str
    support: float
    label: str
    passage: int | None
    evidence: str

    def to_json(self) -> dict[str, Any]:
        """The sentence's row of the JSON output."""
        return asdict(self) | {"support": round(self.support, 4)}


def trace(answer: str, passages: Sequence[tuple[str, str]], checker: Checker) -> list[TracedSentence]:
    """Trace each sentence of an answer to the passage sentence that best supports it.

    Args:
        answer: the answer's text.
        passages: title and text of each passage that was read, in order; "" as the text of one that was not.
        checker: judges the sentences.

    Returns:
        One record a sentence, in order; all "not supported" when nothing was read.
    """
    sentences = split_sentences(answer)
    if not sentences:
        return []
    return [traced(text, found) for text, found in zip(sentences, checker.check(sentences, passages), strict=True)]


def traced(sentence: str, found: Support) -> TracedSentence:
    """The record of one sentence; evidence too weak to count is left out."""
    if found.label == "not supported":
        return TracedSentence(sentence, found.probability, found.label, None, "")
    return TracedSentence(sentence, found.probability, found.label, found.passage, found.evidence)


class NearestSentence:
    """A checker without a trained model: the cosine, 0 to 1, with the nearest passage sentence; 1 for a quoted one."""

    def __init__(self, embed: Embed) -> None:
        """Hold an encoder: texts → float32 (n, dimensions), rows of unit length."""
        self.embed = embed

    def check(self, sentences: Sequence[str], passages: Sequence[tuple[str, str]]) -> list[Support]:
        """Judge sentences, see `Checker.check`."""
        sources = [(number, part) for number, (_, text) in enumerate(passages, 1) for part in split_sentences(text)]
        if not sentences or not sources:
            return [Support(0.0, "not supported", None, "") for _ in sentences]
        vectors = self.embed([*sentences, *(part for _, part in sources)])
        found = []
        for sentence, row in zip(sentences, vectors[: len(sentences)] @ vectors[len(sentences) :].T, strict=True):
            best = int(row.argmax())
            number, part = sources[best]
            cosine = 1.0 if part == sentence else float(np.clip(row[best], 0, 1))
            label = "supported" if cosine >= SUPPORTED else "partly" if cosine >= PARTLY else "not supported"
            found.append(Support(cosine, label, number, part))
        return found
