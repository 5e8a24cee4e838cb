"""Answers whose first sentence the model writes and whose others are quoted.

The model is good at answering in a sentence and bad at knowing which facts belong beside it; the sentence ranker is the
other way round. So the model writes an opening, from all passages and, where that one does not stand on a passage, from
each alone (see sentencewise.py); the ranker judges openings and passage sentences alike; the best opening stays, or
the best sentence takes its place, and the likeliest sentences follow. It knows passages as quotes only.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from core.records import Draft, Place, Sentence
from generator.abstention import says_lacking
from generator.grounding import word_list
from generator.selection.quotes import Quote, Room, best_opening, following, place_of
from generator.sentencewise import SentenceWriter, WrittenSentence

# What a written opening may lack of the best quote's probability and still come first: it answers more directly.
_DIRECT = 0.5
_VERDICT = re.compile(r"^(?:Yes|No|Not really|Mostly|Sort of)\b[,:;]?\s+(?=\w)")
# Whether the passages hold the answer: a logistic regression on the 160 development questions and the 272 that the
# ranker did not see (52 without an answer). In eight folds its area under the ROC curve is 0.898; without the cosines
# 0.886, by the sentences alone 0.853, by the model alone 0.806. A passage that stands far out speaks against an answer:
# the question is then about one narrow thing, of which little is told.
_LIKELIEST = 4
_SENTENCES, _MODEL, _NEAREST, _STANDS_OUT, _CONSTANT = 2.897, -0.374, 5.424, -10.759, 1.597
# The least log-probability among those questions, about; less says no more.
_LEAST_LIKELY = -12.0
# Below this probability the answer says that they do not: where the F1 of those 52 is best in the eight folds.
_LEAST_ANSWERABLE = 0.6
# What such an answer quotes besides, in words.
_LACKING_ROOM = Room(enough=40, most=90, least=0.0, short=0)


@dataclass(frozen=True)
class Evidence:
    """What the ranker says of a question's passages.

    Attributes:
        quotes: their sentences, in reading order.
        nearness: the cosine of the question and each passage.
        belongs: sentences with the number of the passage that each stands on → how likely they belong into the answer;
            0 for one that the passages do not support.
    """

    quotes: Sequence[Quote]
    nearness: Sequence[float]
    belongs: Callable[[Sequence[tuple[str, int]]], np.ndarray]

    def answerable(self, lacking: float) -> float:
        """The probability that the passages hold the answer.

        Args:
            lacking: the log-probability, in nats, with which the model begins by saying that they do not.
        """
        likeliest = sorted((quote.probability for quote in self.quotes), reverse=True)[:_LIKELIEST]
        mean = sum(likeliest) / len(likeliest) if likeliest else 0.0
        nearest, *others = sorted(self.nearness, reverse=True) or [0.0]
        stands_out = nearest - sum(others) / len(others) if others else 0.0
        logit = (
            _SENTENCES * math.log(max(mean, 1e-6))
            + _MODEL * max(lacking, _LEAST_LIKELY)
            + _NEAREST * nearest
            + _STANDS_OUT * stands_out
            + _CONSTANT
        )
        return 1 / (1 + math.exp(-logit))


class OpeningWriter:
    """Writes one answer."""

    def __init__(
        self,
        writer: SentenceWriter,
        question: str,
        ranks: Sequence[int],
        look: Callable[[], Evidence],
        room: Room,
        lacking: Sequence[int],
    ) -> None:
        """Hold what an answer is made with.

        Args:
            writer: writes sentences.
            question: as asked.
            ranks: of the passages read, in order.
            look: judges the passages' sentences, once there is a draft.
            room: how long answers are.
            lacking: the tokens with which an answer begins that says that the passages do not hold it.
        """
        self._writer, self._question, self._ranks, self._look, self._room = writer, question, ranks, look, room
        self._lacking = lacking

    def write(self, logits: Tensor, last: int, stop: threading.Event) -> Iterator[Draft]:
        """Write, and yield the answer so far after every token of the opening and every sentence behind it.

        Args:
            logits: of the first token, (1, vocabulary).
            last: the token before it.
            stop: ends it at the next token when set.
        """
        for text in self._writer.draft(logits, stop):
            yield Draft(tail=text)
        draft = self._writer.drafted
        if stop.is_set():
            yield Draft()
            return
        evidence = self._look()
        if evidence.answerable(self._writer.log_probability(logits, self._lacking)) < _LEAST_ANSWERABLE:
            if draft is None or not says_lacking(draft.text):
                for text in self._writer.draft(logits, stop, self._lacking):
                    yield Draft(tail=text)
                draft = self._writer.drafted
            opening = Sentence(draft.text, "lacking") if draft else None
            stands_on, room = None, _LACKING_ROOM
        else:
            opening, stands_on = self._opening(draft, evidence, last, stop)
            room = self._room
        if stop.is_set() or opening is None:
            yield Draft()
            return
        sentences = [opening]
        yield Draft(tuple(sentences))
        for quote in following(self._question, opening.text, stands_on, evidence.quotes, room):
            sentences.append(self._quoted(quote))
            yield Draft(tuple(sentences))

    def _opening(
        self, draft: WrittenSentence | None, evidence: Evidence, last: int, stop: threading.Event
    ) -> tuple[Sentence | None, Quote | None]:
        """The first sentence, None when there is none, and the quote that it stands on."""
        quote = best_opening(evidence.quotes)
        least = max(_DIRECT * quote.probability if quote else 0.0, 1e-9)
        ways = (lambda: [draft] if draft is not None else [], lambda: self._writer.alone(last, stop))
        for written in (way() for way in ways):
            values = self._judged(written, evidence)
            best = max(range(len(values)), key=values.__getitem__, default=None)
            if best is not None and values[best] >= least:
                stands_on = place_of(written[best].text, evidence.quotes)
                origin = (self._place(stands_on),) if stands_on else ()
                return Sentence(without_verdict(written[best].text), "written", origin), stands_on
        return (self._quoted(quote), quote) if quote else (None, None)

    def _quoted(self, quote: Quote) -> Sentence:
        return Sentence(quote.text, "quoted", (self._place(quote),))

    def _place(self, quote: Quote) -> Place:
        return self._ranks[quote.passage], quote.position + 1

    def _judged(self, sentences: Sequence[WrittenSentence], evidence: Evidence) -> list[float]:
        """How likely each belongs into the answer; 0 for one that does not stand on a passage, or lacks the answer."""
        good = [
            self._writer.is_good(each) and not says_lacking(each.text) and not _stammers(each.text)
            for each in sentences
        ]
        standing = [
            (without_verdict(each.text), each.grounding.passage or 0)
            for each, fine in zip(sentences, good, strict=True)
            if fine
        ]
        values = iter(evidence.belongs(standing))
        return [float(next(values)) if fine else 0.0 for fine in good]


def without_verdict(sentence: str) -> str:
    """A sentence without a "Yes" or "No" at its beginning.

    The model says either by the form of the question, and is wrong about as often as right; the rest of the sentence
    stands on a passage.

    >>> without_verdict("No, the sheep is a mammal."), without_verdict("Norway is a country.")
    ('The sheep is a mammal.', 'Norway is a country.')
    """
    rest = _VERDICT.sub("", sentence)
    return rest[:1].upper() + rest[1:] if rest != sentence else sentence


def _stammers(sentence: str) -> bool:
    """Whether a sentence has three words in a row twice.

    >>> _stammers("The right to freedom of speech, freedom of speech, and more."), _stammers("The sea rises.")
    (True, False)
    """
    words = word_list(sentence)
    stretches = list(zip(words, words[1:], words[2:], strict=False))
    return len(set(stretches)) < len(stretches)
