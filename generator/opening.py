"""Answers whose first sentence the model writes and whose others are quoted.

The model is good at answering in a sentence and bad at knowing which facts belong beside it; the sentence ranker is the
other way round. So the model writes an opening, from all passages and, where that one does not stand on a passage, from
each alone (see sentencewise.py); the ranker judges openings and passage sentences alike; the best opening stays, or
the best sentence takes its place, and the likeliest sentences follow. It knows no question and no passage's text but
as words and quotes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from generator.abstention import says_lacking
from generator.selection.quotes import Quote, Room, best_opening, following, place_of
from generator.sentencewise import SentenceWriter, WrittenSentence

# What a written opening may lack of the best quote's probability and still come first: it answers more directly.
_DIRECT = 0.5
# An answer is not said to be lacking beside a sentence that belongs into it with this probability.
_HAS_ANSWER = 0.6


@dataclass(frozen=True)
class Evidence:
    """What the ranker says of a question's passages.

    Attributes:
        quotes: their sentences, in reading order.
        judge: sentences with the number of the passage that each stands on → how likely they belong into the answer.
    """

    quotes: Sequence[Quote]
    judge: Callable[[Sequence[tuple[str, int]]], np.ndarray]

    @property
    def best(self) -> float:
        """The probability of the likeliest sentence; 0 without sentences."""
        return max((quote.probability for quote in self.quotes), default=0.0)


class OpeningWriter:
    """Writes one answer."""

    def __init__(self, writer: SentenceWriter, look: Callable[[], Evidence], room: Room) -> None:
        """Hold what writes sentences, what judges them once there is a draft, and how long answers are."""
        self._writer, self._look, self._room = writer, look, room

    def write(self, logits: Tensor, last: int, stop: threading.Event) -> Iterator[str]:
        """Write, and yield the text so far after every token of the opening and every sentence behind it.

        Args:
            logits: of the first token, (1, vocabulary).
            last: the token before it.
            stop: ends it at the next token when set.
        """
        for text, _ in self._writer.draft(logits, stop):
            yield text
        draft = self._writer.drafted
        if stop.is_set():
            yield ""
            return
        evidence = self._look()
        if draft is not None and says_lacking(draft.text) and evidence.best < _HAS_ANSWER:
            yield from self._writer.go_on(draft, stop)
            return
        opening, stands_on = self._opening(draft, evidence, last, stop)
        if stop.is_set():
            yield ""
            return
        yield opening
        for quote in following(opening, stands_on, evidence.quotes, self._room):
            opening = f"{opening} {quote.text}"
            yield opening

    def _opening(
        self, draft: WrittenSentence | None, evidence: Evidence, last: int, stop: threading.Event
    ) -> tuple[str, Quote | None]:
        """The first sentence, "" when there is none, and the quote that it stands on."""
        quote = best_opening(evidence.quotes)
        least = max(_DIRECT * quote.probability if quote else 0.0, 1e-9)
        ways = (lambda: [draft] if draft is not None else [], lambda: self._writer.alone(last, stop))
        for written in (way() for way in ways):
            values = self._judged(written, evidence)
            best = max(range(len(values)), key=values.__getitem__, default=None)
            if best is not None and values[best] >= least:
                return written[best].text, place_of(written[best].text, evidence.quotes)
        return (quote.text, quote) if quote else ("", None)

    def _judged(self, sentences: Sequence[WrittenSentence], evidence: Evidence) -> list[float]:
        """How likely each belongs into the answer; 0 for one that does not stand on a passage, or lacks the answer."""
        good = [self._writer.is_good(each) and not says_lacking(each.text) for each in sentences]
        standing = [
            (each.text, each.grounding.passage or 0) for each, fine in zip(sentences, good, strict=True) if fine
        ]
        values = iter(evidence.judge(standing))
        return [float(next(values)) if fine else 0.0 for fine in good]
