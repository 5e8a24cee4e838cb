"""Answers whose first sentence the model writes and whose others are quoted.

The model is good at answering in a sentence and bad at knowing which facts belong beside it; the selector is the other
way round. So the model writes an opening, from all passages and, where that one does not stand on a passage, from each
alone (see sentencewise.py). It stays where the passage sentence that it retells is about as likely as the best; else
the best is quoted. What the selector chooses then follows, quoted.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence

from torch import Tensor

from core.records import NOT_SUPPORTED, Draft, Retrieved, SelectedSentence, Sentence
from generator.abstention import says_lacking
from generator.grounding import word_list, word_pairs
from generator.judging import Judge
from generator.selecting import Room, Selector, as_read, chosen, quoted
from generator.sentencewise import SentenceWriter, WrittenSentence

# What a written opening may lack of the best sentence's probability and still come first: it answers more directly.
_DIRECT = 0.5
# A written sentence retells the passage sentence that has at least so much of its word pairs.
_RETOLD = 0.5
_VERDICT = re.compile(r"^(?:Yes|No|Not really|Mostly|Sort of)\b[,:;]?\s+(?=\w)")


class OpeningWriter:
    """Writes one answer."""

    def __init__(
        self,
        writer: SentenceWriter,
        retrieved: Retrieved,
        room: Room,
        selector: Selector,
        judge: Callable[[], Judge] | None,
    ) -> None:
        """Hold what an answer is made with.

        Args:
            writer: writes sentences.
            retrieved: the question, what was read, and what the selector says of it.
            room: how long answers are.
            selector: chooses passage sentences.
            judge: gives what judges written sentences by the passages; without it, only words are compared.
        """
        self._writer, self._retrieved, self._room = writer, retrieved, room
        self._selector, self._judge = selector, judge

    def write(self, logits: Tensor, last: int, stop: threading.Event) -> Iterator[Draft]:
        """Write, and yield the answer so far after every token of the opening and every sentence behind it.

        Args:
            logits: of the first token, (1, vocabulary).
            last: the token before it.
            stop: ends it at the next token when set.
        """
        for text in self._writer.draft(logits, stop):
            yield Draft(tail=text)
        selection = self._retrieved.selection or self._selector.select(self._retrieved)
        opening = self._opening(self._writer.drafted, selection.sentences, last, stop)
        sentences = [opening] if opening else []
        said = opening.origin if opening else ()
        words = len(opening.text.split()) if opening else 0
        following = chosen(self._selector, self._retrieved, self._room, said, words) if not stop.is_set() else ()
        for sentence in as_read(list(following)):
            yield Draft(tuple(sentences))
            sentences.append(quoted(sentence))
        yield Draft(tuple(sentences))

    def _opening(
        self, draft: WrittenSentence | None, selected: Sequence[SelectedSentence], last: int, stop: threading.Event
    ) -> Sentence | None:
        """The first sentence where a written one may stand there."""
        best = max((sentence.probability for sentence in selected), default=0.0)
        for way in (lambda: [draft] if draft is not None else [], lambda: self._writer.alone(last, stop)):
            if stop.is_set():
                return None
            retold = [(text, place) for text, place in self._retold(way(), selected) if place.probability > 0]
            text, sentence = max(retold, key=lambda row: row[1].probability, default=("", None))
            if sentence is not None and sentence.probability >= _DIRECT * best:
                return Sentence(text, "written", (sentence.place,))
        return None

    def _retold(
        self, written: Sequence[WrittenSentence], selected: Sequence[SelectedSentence]
    ) -> list[tuple[str, SelectedSentence]]:
        """Those sentences that stand on a passage and retell one of its sentences, which is given with each."""
        good = [
            without_verdict(each.text)
            for each in written
            if self._writer.is_good(each) and not says_lacking(each.text) and not _stammers(each.text)
        ]
        retold = [(text, place) for text in good if (place := place_of(text, selected)) is not None]
        if self._judge is None or not retold:
            return retold
        found = self._judge().judge([text for text, _ in retold], self._retrieved.read)
        return [row for row, judgement in zip(retold, found, strict=True) if judgement.label != NOT_SUPPORTED]


def place_of(text: str, selected: Sequence[SelectedSentence]) -> SelectedSentence | None:
    """The passage sentence that a written one owes most of its word pairs to; None when it owes fewer than half."""
    own = word_pairs(word_list(text))
    shares = [len(own & word_pairs(word_list(sentence.text))) / max(1, len(own)) for sentence in selected]
    best = max(range(len(selected)), key=shares.__getitem__, default=None)
    return selected[best] if best is not None and shares[best] >= _RETOLD else None


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
