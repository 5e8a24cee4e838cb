"""Several answers to one question from the same passages, and what becomes of the one that is kept.

It holds a generator, an encoder and a checker together for this; it knows nothing of how passages are found.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.sentences import split_sentences
from generator.abstention import says_lacking
from generator.attribution import Checker, Embed, TracedSentence, trace
from generator.base import GenerationSettings, Generator, ReadPassage
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
        text: as it is shown.
        sentences: its sentences, judged.
        taken: which of the candidates it was, from 1, the first being the one that was shown while it was written.
        dropped: how many of its sentences were left out.
        lacking: whether it was put in the place of an answer that nothing supports.
    """

    text: str
    sentences: tuple[TracedSentence, ...]
    taken: int = 1
    dropped: int = 0
    lacking: bool = False


def more_answers(
    generator: Generator,
    question: str,
    passages: Sequence[ReadPassage],
    settings: GenerationSettings,
    count: int,
    stop: threading.Event,
) -> list[str]:
    """Further answers, sampled with one seed each; in one batch where the generator can.

    Args:
        generator: any; extraction has only one answer and gives no further ones.
        question: as asked.
        passages: what was read.
        settings: of the first answer; the others are sampled with its temperature.
        count: how many.
        stop: ends them early when set.
    """
    from generator.extractive import ExtractiveGenerator
    from generator.fused import FusedGenerator

    if count < 1 or stop.is_set() or isinstance(generator, ExtractiveGenerator):
        return []
    sampled = [replace(settings, decoding="sampling", seed=settings.seed + number) for number in range(1, count + 1)]
    if isinstance(generator, FusedGenerator):
        request = (question, passages)
        return generator.write_batch([request] * count, sampled, stop)
    texts = []
    for each in sampled:
        *_, last = generator.stream(question, passages, each, stop)
        texts.append(last.text)
    return texts


def keep_best(
    question: str,
    answers: Sequence[str],
    passages: Sequence[tuple[str, str]],
    checker: Checker,
    embed_question: Embed,
    embed: Embed,
    unsupported: str,
) -> Kept:
    """Choose among answers and deal with what has no support.

    Args:
        question: as asked.
        answers: at least one; the first was shown while it was written.
        passages: title and text of each passage that was read; "" as the text of one that was not.
        checker: judges sentences.
        embed_question: questions → vectors, comparable with those of `embed`.
        embed: texts → vectors of unit length.
        unsupported: "keep" leaves every answer as it is; "mark" and "drop" replace one that nothing supports by what
            the passages lack; "drop" also leaves out sentences without support where enough remains.
    """
    judged = [Candidate(text, tuple(trace(text, passages, checker))) for text in answers]
    if len(judged) > 1:
        closeness = embed([each.text for each in judged]) @ embed_question([question])[0]
        judged = [replace(each, relevance=float(near)) for each, near in zip(judged, closeness, strict=True)]
    taken = best_candidate(judged)
    chosen = judged[taken]
    sentences = chosen.sentences
    if unsupported == "keep" or says_lacking(chosen.text):
        return Kept(chosen.text, sentences, taken + 1)
    if nothing_supported(sentences) and any(text for _, text in passages):
        text = _lacking(question, passages, embed_question, embed)
        return Kept(text, tuple(trace(text, passages, checker)), taken + 1, lacking=True)
    kept = tuple(without_unsupported(sentences)) if unsupported == "drop" else sentences
    if len(kept) == len(sentences):
        return Kept(chosen.text, sentences, taken + 1)
    return Kept(" ".join(each.text for each in kept), kept, taken + 1, dropped=len(sentences) - len(kept))


def _lacking(question: str, passages: Sequence[tuple[str, str]], embed_question: Embed, embed: Embed) -> str:
    """What the passages lack and hold."""
    read = [(title, text) for title, text in passages if text]
    sentences = [part for _, text in read for part in split_sentences(text)]
    nearest = sentences[int(np.argmax(embed(sentences) @ embed_question([question])[0]))] if sentences else ""
    return lacking_answer([title for title, _ in read], nearest)
