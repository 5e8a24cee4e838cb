"""Several answers to one question from the same passages, and what becomes of the one that is kept.

It holds an encoder and a judge together for this; it knows nothing of how passages are found or answers written.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.records import Retrieved, Sentence, as_text
from core.settings import Settings
from data.sentences import split_sentences
from generator.base import Generator
from generator.judging import Embed, Judge, judged
from generator.support.choose import (
    Candidate,
    best_candidate,
    lacking_answer,
    nothing_supported,
    without_unsupported,
)


@dataclass(frozen=True)
class Kept:
    """The answer that is kept.

    Attributes:
        sentences: its sentences, judged.
        taken: which of the candidates it was, from 1, the first being the one that was shown while it was written.
        dropped: how many of its sentences were left out.
        lacking: whether it was put in the place of an answer that nothing supports.
    """

    sentences: tuple[Sentence, ...]
    taken: int = 1
    dropped: int = 0
    lacking: bool = False


def more_answers(
    generator: Generator, retrieved: Retrieved, settings: Settings, stop: threading.Event
) -> list[tuple[Sentence, ...]]:
    """The further answers that the settings ask for, sampled with the first one's temperature, one seed each."""
    seeds = range(settings.seed + 1, settings.seed + settings.candidates)
    if not seeds or stop.is_set():
        return []
    return generator.several(retrieved, [replace(settings, decoding="sampling", seed=seed) for seed in seeds], stop)


def keep_best(
    retrieved: Retrieved,
    answers: Sequence[Sequence[Sentence]],
    judge: Judge,
    embed_question: Embed,
    embed: Embed,
    unsupported: str,
) -> Kept:
    """Choose among answers and deal with what has no support.

    Args:
        retrieved: the question, and what was read.
        answers: at least one; the first was shown while it was written.
        judge: judges sentences.
        embed_question: questions → vectors, comparable with those of `embed`.
        embed: texts → vectors of unit length.
        unsupported: "keep" leaves every answer as it is; "mark" and "drop" replace one that nothing supports by what
            the passages lack; "drop" also leaves out sentences without support where enough remains.
    """
    found = retrieved.found
    candidates = [Candidate(judged(sentences, found, judge)) for sentences in answers]
    if len(candidates) > 1:
        closeness = embed([as_text(each.sentences) for each in candidates]) @ _vector(retrieved, embed_question)
        candidates = [replace(each, relevance=float(near)) for each, near in zip(candidates, closeness, strict=True)]
    taken = best_candidate(candidates)
    sentences = candidates[taken].sentences
    if unsupported == "keep" or candidates[taken].lacks:
        return Kept(sentences, taken + 1)
    if nothing_supported(sentences) and retrieved.read:
        told = lacking_answer(
            [part.passage.title for part in retrieved.read], _nearest(retrieved, embed_question, embed)
        )
        return Kept(judged(told, found, judge), taken + 1, lacking=True)
    kept = tuple(without_unsupported(sentences)) if unsupported == "drop" else sentences
    return Kept(kept, taken + 1, dropped=len(sentences) - len(kept))


def _vector(retrieved: Retrieved, embed_question: Embed) -> np.ndarray:
    """Of the question."""
    return embed_question([retrieved.question])[0] if retrieved.vector is None else retrieved.vector


def _nearest(retrieved: Retrieved, embed_question: Embed, embed: Embed) -> str:
    """The passage sentence nearest to the question; "" where nothing was read."""
    sentences = [text for part in retrieved.read for text in split_sentences(part.text)]
    return sentences[int(np.argmax(embed(sentences) @ _vector(retrieved, embed_question)))] if sentences else ""
