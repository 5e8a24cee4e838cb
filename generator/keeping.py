"""What becomes of an answer once it is written: its sentences are judged, and those without support may go.

It is given a judge; it knows nothing of how passages are found or answers written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.records import NOT_SUPPORTED, Retrieved, Sentence
from core.words import leans
from generator.judging import Judge, judged
from generator.lacking import not_answered

# An answer is still one with this many words.
ENOUGH_WORDS = 25


@dataclass(frozen=True)
class Kept:
    """What is kept of an answer.

    Attributes:
        sentences: its sentences, judged.
        dropped: how many were left out.
        replaced: whether it gave way to what the passages lack.
    """

    sentences: tuple[Sentence, ...]
    dropped: int = 0
    replaced: bool = False


def keep(retrieved: Retrieved, sentences: Sequence[Sentence], judge: Judge, unsupported: str) -> Kept:
    """Judge an answer and deal with what has no support.

    Args:
        retrieved: the question, and what was read.
        sentences: as written.
        judge: judges sentences.
        unsupported: "keep" leaves every answer as it is; "mark" and "drop" replace one that nothing supports by what
            the passages lack; "drop" also leaves out sentences without support where enough remains.
    """
    answer = judged(sentences, retrieved.found, judge)
    if unsupported == "keep" or not answer or answer[0].kind == "lacking":
        return Kept(answer)
    if retrieved.read and all(sentence.label == NOT_SUPPORTED for sentence in answer):
        return Kept(judged([not_answered(retrieved.question)], retrieved.found, judge), replaced=True)
    kept = without_unsupported(answer) if unsupported == "drop" else answer
    return Kept(kept, dropped=len(answer) - len(kept))


def without_unsupported(sentences: tuple[Sentence, ...]) -> tuple[Sentence, ...]:
    """The sentences less those without support, if an answer remains; all of them otherwise.

    A sentence that leans on one that goes ("It …", "They …") would point at nothing: it stays only where the sentence
    before it does, unless that leaves too little, and then nothing goes.
    """
    kept: list[Sentence] = []
    whole = True
    for sentence in sentences:
        whole = sentence.label != NOT_SUPPORTED and (whole or not leans(sentence.text))
        if whole:
            kept.append(sentence)
    return tuple(kept) if sum(len(sentence.text.split()) for sentence in kept) >= ENOUGH_WORDS else sentences
