"""What becomes of answers once their sentences are judged: the best is chosen, sentences without support may go.

It knows judged sentences and numbers. It writes nothing but the answer that says what the passages lack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.records import NOT_SUPPORTED, Sentence
from core.words import leans

# An answer is still one with this many words and sentences.
ENOUGH_WORDS = 25
# What a cosine of 1 between question and answer weighs beside a mean support of 1.
RELEVANCE_WEIGHT = 0.5


@dataclass(frozen=True)
class Candidate:
    """One answer to a question.

    Attributes:
        sentences: its sentences, judged.
        relevance: the cosine, -1 to 1, of question and answer.
    """

    sentences: tuple[Sentence, ...]
    relevance: float = 0.0

    @property
    def lacks(self) -> bool:
        """Whether it begins by saying what the passages lack."""
        return bool(self.sentences) and self.sentences[0].kind == "lacking"

    @property
    def support(self) -> float:
        """The mean support of its words, 0 to 1: each sentence counts by its length."""
        words = [len(sentence.text.split()) for sentence in self.sentences]
        if not sum(words):
            return 0.0
        return sum(n * s.support for n, s in zip(words, self.sentences, strict=True)) / sum(words)

    @property
    def score(self) -> float:
        """Support and relevance together."""
        return self.support + RELEVANCE_WEIGHT * self.relevance


def best_candidate(candidates: Sequence[Candidate]) -> int:
    """The place of the best answer: the best supported that answers the question.

    Answers that say that the passages lack something come first only where more than half of all say so; empty ones
    come last. Of equals the first is taken.

    Raises:
        ValueError: there are none.
    """
    if not candidates:
        raise ValueError("there is no answer to choose from")
    written = [place for place, candidate in enumerate(candidates) if candidate.sentences]
    lacking = [place for place in written if candidates[place].lacks]
    answering = [place for place in written if place not in lacking]
    pool = lacking if 2 * len(lacking) > len(written) else answering or written or list(range(len(candidates)))
    return max(pool, key=lambda place: candidates[place].score)


def without_unsupported(sentences: Sequence[Sentence]) -> list[Sentence]:
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
    words = sum(len(sentence.text.split()) for sentence in kept)
    return kept if words >= ENOUGH_WORDS else list(sentences)


def nothing_supported(sentences: Sequence[Sentence]) -> bool:
    """Whether there are sentences and none of them has any support."""
    return bool(sentences) and all(sentence.label == NOT_SUPPORTED for sentence in sentences)


def lacking_answer(titles: Sequence[str], nearest: str) -> tuple[Sentence, ...]:
    """The answer where nothing that was retrieved supports one: what the passages lack, and what they hold.

    Args:
        titles: of the passages that were read, best first; at least one.
        nearest: the passage sentence nearest to the question; "" for none.

    >>> [sentence.text for sentence in lacking_answer(["Tide", "Moon"], "Seas rise.")][1:]
    ['They are about Tide and Moon.', 'The nearest to it is: Seas rise.']
    """
    names = list(dict.fromkeys(titles))
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    told = ["The passages do not answer this question.", f"They are about {listed}."]
    told += [f"The nearest to it is: {nearest}"] if nearest else []
    return tuple(Sentence(text, "lacking") for text in told)
