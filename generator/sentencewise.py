"""Writing sentence by sentence, each held to one passage.

A small model that sees several passages welds their facts; one that sees a single passage cannot. So a sentence that
does not stand on one passage (see grounding.py) is written again, in one batch, from each passage alone, as
RAG-Sequence (Lewis et al. 2020, arXiv 2005.11401) does with whole answers; what is sound, and likely to the model that
sees everything, is kept. It knows states, tokens and words, and no other way of decoding.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from data.sentences import is_complete, split_sentences
from generator.abstention import says_lacking
from generator.base import GenerationSettings
from generator.decoding import Row, Voice, decode_rows
from generator.grounding import Grounding, Source, ground, says_new, word_list

if TYPE_CHECKING:
    from generator.fast_stack import FastState
    from generator.modeling_fused import DecoderState

# Passages beyond so many are only seen together with the others.
_MOST_VIEWS = 4
# The least share of its word pairs that a sentence has from its passage: the first one, and the others. Of forty dev
# answers judged claim by claim, first sentences above it were supported in 15 of 17 cases and below in 5 of 20; later
# ones in 66 of 73 and 4 of 11.
_FIRST, _LATER = 0.9, 0.8
# What a sentence whose word pairs all stand in one passage is worth, in nats a token of the model's own judgement.
_GROUNDED = 3.0
# A sentence of which a smaller share of the words is new says the same again.
_LEAST_NEW = 0.34
# How a sentence of an answer that lacks something begins.
_REPORTING = re.compile(r"^(?:What )?(?:they|the passages)\b[^,.;]{0,40}?\b(?:that|is)\s", re.IGNORECASE)
# Tokens after which a sentence is given up.
_LONGEST = 80


@dataclass(frozen=True)
class WrittenSentence:
    """One way to go on: its tokens and words, and where it stands."""

    tokens: tuple[int, ...]
    text: str
    grounding: Grounding


class SentenceWriter:
    """Writes one answer."""

    def __init__(
        self,
        state: DecoderState | FastState,
        views: Tensor,
        sources: Sequence[Source],
        voice: Voice,
        settings: GenerationSettings,
    ) -> None:
        """Begin an answer.

        Args:
            state: after the question, one row.
            views: what is seen of the memory with all passages, and with each alone, bool (1 + passages, length).
            sources: the passages' words, in the memory's order.
            voice: how tokens become text.
            settings: of these the lengths and the repetition control are used.
        """
        self._state, self._views = state, views[: 1 + _MOST_VIEWS]
        self._sources, self._voice = sources, voice
        self._settings = replace(settings, decoding="greedy")
        self._written: list[int] = []
        self._sentences: list[WrittenSentence] = []

    def write(self, logits: Tensor, last: int, stop: threading.Event) -> Iterator[str]:
        """Write, and yield the text so far after every token; a sentence that is written again takes the first's place.

        Args:
            logits: of the first token, (1, vocabulary).
            last: the token before it.
            stop: ends it at the next token when set.
        """
        ended = False
        while not ended and not stop.is_set() and self._words() < self._settings.max_words:
            for text, ended in self.draft(logits, stop):  # noqa: B007 - whether the last one ended is used
                yield text
            sentence = self.drafted
            if not self.is_good(sentence) and not stop.is_set():
                sentence = self._written_again(sentence, last, stop)
            if sentence is None or stop.is_set():
                break
            logits, last = self._accept(sentence), sentence.tokens[-1]
            yield self._text()
        yield self._text()

    def draft(self, logits: Tensor, stop: threading.Event, begin: Sequence[int] = ()) -> Iterator[tuple[str, bool]]:
        """Write the next sentence from all passages, without taking it; afterwards it is `drafted`.

        Args:
            logits: of its first token, (1, vocabulary).
            stop: ends it at the next token when set.
            begin: tokens that it begins with.

        Yields:
            The text so far after every token, and whether the answer has ended.
        """
        self.drafted: WrittenSentence | None = None
        state = self._state.fork(self._views[:1])
        if begin:
            logits = state.feed([begin])
        rows: list[Row] = []
        for rows in self._rows(logits, state, 1, stop, begin):
            yield rows[0].text, rows[0].ended and not self._begins_another(rows[0])
        self.drafted = self._sentence(rows[0]) if rows else None

    def alone(self, last: int, stop: threading.Event) -> list[WrittenSentence]:
        """The next sentence as it is written from each passage alone, in one batch; those that are whole.

        Args:
            last: the token before it.
            stop: ends it at the next token when set.
        """
        count = len(self._views) - 1
        if not count:
            return []
        state = self._state.fork(self._views[1:], back=1)
        logits = state.feed([[last]] * count)
        rows: list[Row] = []
        for rows in self._rows(logits, state, count, stop):  # noqa: B007 - the last is used
            pass
        return [sentence for sentence in map(self._sentence, rows) if sentence is not None]

    def _accept(self, sentence: WrittenSentence) -> Tensor:
        """Take a sentence into the answer; the logits behind it."""
        logits = self._state.feed([sentence.tokens])
        self._written += sentence.tokens
        self._sentences.append(sentence)
        return logits

    def log_probability(self, logits: Tensor, tokens: Sequence[int]) -> float:
        """How likely the answer goes on with these tokens, in nats; `logits` (1, vocabulary) are those of the first."""
        first = logits.float().log_softmax(-1)[0, tokens[0]]
        rest = self._state.fork(self._views[:1]).feed_all([tokens[:-1]])[0].float().log_softmax(-1)
        following = torch.tensor(tokens[1:], device=rest.device)
        return float(first + rest.gather(1, following[:, None]).sum())

    def _rows(
        self,
        logits: Tensor,
        state: DecoderState | FastState,
        count: int,
        stop: threading.Event,
        begin: Sequence[int] = (),
    ) -> Iterator[list[Row]]:
        """The next sentence in each row, behind what it begins with."""
        before = len(self._sentences)

        def enough(text: str, tokens: int, _: GenerationSettings) -> bool:
            # Only the beginning of another sentence shows that a full stop was no abbreviation's.
            return len(split_sentences(text)) > before + 1 or tokens >= len(self._written) + _LONGEST

        voices, settings = [self._voice] * count, [self._settings] * count
        return decode_rows(logits, state.feed, voices, settings, stop, [*self._written, *begin], enough)

    def _written_again(self, draft: WrittenSentence | None, last: int, stop: threading.Event) -> WrittenSentence | None:
        """The best sentence from a single passage; None when none is good, and the answer is long enough without."""
        if draft is not None and not self._sentences and says_lacking(draft.text):
            return draft
        alone = [sentence for sentence in self.alone(last, stop) if not says_lacking(sentence.text)]
        candidates = [draft, *alone] if draft is not None else alone
        good = [sentence for sentence in candidates if self.is_good(sentence)]
        if not good and self._words() >= self._settings.min_words // 2 and self._sentences:
            return None
        fitting = good or [sentence for sentence in candidates if self._is_new(sentence.text)]
        return self._best(fitting) if fitting else None

    def _best(self, sentences: Sequence[WrittenSentence]) -> WrittenSentence:
        """The sentence that is likeliest to the model that sees everything, and nearest to its passage."""
        longest = max(len(sentence.tokens) for sentence in sentences)
        fork = self._state.fork(self._views[:1].expand(len(sentences), -1))
        rows = [[*sentence.tokens, *[0] * (longest - len(sentence.tokens))] for sentence in sentences]
        log_probabilities = fork.feed_all(rows).log_softmax(-1)
        values = []
        for row, sentence in enumerate(sentences):
            following = torch.tensor(sentence.tokens[1:], device=log_probabilities.device)
            taken = log_probabilities[row, : len(following)].gather(1, following[:, None])
            sound = 0.0 if sentence.grounding.sound else -1.0
            values.append(float(taken.sum()) / max(1, len(following)) + _GROUNDED * sentence.grounding.share + sound)
        return sentences[max(range(len(values)), key=values.__getitem__)]

    def _sentence(self, row: Row) -> WrittenSentence | None:
        """The one sentence that a row has added; None when it has added none that is whole."""
        end, start, before = len(row.tokens), len(self._written), len(self._sentences)
        while end > start and len(split_sentences(self._voice.text_of(row.tokens[:end]))) > before + 1:
            end -= 1
        sentences = split_sentences(self._voice.text_of(row.tokens[:end]))
        if end == start or len(sentences) != before + 1 or not is_complete(sentences[-1]):
            return None
        passage = self._sentences[-1].grounding.passage if self._sentences else None
        said = sentences[-1]
        if self._sentences and says_lacking(self._sentences[0].text):
            # "They do say that …": what follows is to stand on a passage.
            said, passage = _REPORTING.sub("", said), None
        return WrittenSentence(tuple(row.tokens[start:end]), sentences[-1], ground(said, self._sources, passage))

    def is_good(self, sentence: WrittenSentence | None) -> bool:
        """Whether a sentence can stay as it is: it stands on one passage and says something new."""
        if sentence is None or not self._is_new(sentence.text):
            return False
        least = _LATER if self._sentences else _FIRST
        return sentence.grounding.sound and sentence.grounding.share >= least

    def _is_new(self, sentence: str) -> bool:
        """Whether enough of a sentence's words have not been said, and it fits into the longest answer."""
        if not self._sentences:
            return True
        fits = self._words() + len(sentence.split()) <= self._settings.max_words
        return fits and says_new(sentence, word_list(self._text()), _LEAST_NEW)

    def _begins_another(self, row: Row) -> bool:
        """Whether a row ended because its sentence did, not because the answer did."""
        return len(split_sentences(row.text)) > len(self._sentences) + 1

    def _text(self) -> str:
        return self._voice.text_of(self._written)

    def _words(self) -> int:
        return len(self._text().split())
