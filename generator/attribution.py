"""Where each sentence of an answer comes from: the passage sentence nearest to it, for every generator alike.

It is given sentences and a function that embeds them. It knows neither the index nor the generator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from data.sentences import split_sentences

# Cosines of sentence pairs on the development questions: sentences retold from a passage lie above the first,
# sentences beside other people's passages mostly below the second.
SUPPORTED = 0.8
PARTLY = 0.6

Embed = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True)
class TracedSentence:
    """A sentence of the answer and its evidence.

    Attributes:
        text: the sentence.
        support: the cosine, 0 to 1, of the sentence and the nearest passage sentence; 1 when it is quoted.
        label: "supported", "partly" or "not supported", by `SUPPORTED` and `PARTLY`.
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


def trace(answer: str, passages: Sequence[str], embed: Embed) -> list[TracedSentence]:
    """Trace each sentence of an answer to the passage sentence nearest to it.

    Args:
        answer: the answer's text.
        passages: the texts that were read, in order; "" for one that was not.
        embed: texts → float32 (n, dimensions), rows of unit length.

    Returns:
        One record a sentence, in order; all "not supported" when nothing was read.
    """
    sentences = split_sentences(answer)
    sources = [(number, part) for number, text in enumerate(passages, 1) for part in split_sentences(text)]
    if not sentences or not sources:
        return [TracedSentence(sentence, 0.0, "not supported", None, "") for sentence in sentences]
    vectors = embed([*sentences, *(part for _, part in sources)])
    cosines = vectors[: len(sentences)] @ vectors[len(sentences) :].T
    traced = []
    for sentence, row in zip(sentences, cosines, strict=True):
        best = int(row.argmax())
        number, part = sources[best]
        traced.append(_labelled(sentence, 1.0 if part == sentence else float(np.clip(row[best], 0, 1)), number, part))
    return traced


def _labelled(sentence: str, support: float, passage: int, evidence: str) -> TracedSentence:
    """The record, with its word; evidence too weak to count is left out."""
    if support < PARTLY:
        return TracedSentence(sentence, support, "not supported", None, "")
    return TracedSentence(sentence, support, "supported" if support >= SUPPORTED else "partly", passage, evidence)
