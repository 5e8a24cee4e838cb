"""Writing token by token: greedy, sampling and beams over any model that gives the next token's logits.

It knows numbers, and by functions given to it how tokens read as text and which are allowed. It knows no model.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from core.sentences import is_complete, split_sentences
from core.settings import Settings

if TYPE_CHECKING:
    from generator.sources import Sources

# Adds tokens (beams, n) to the beams that `parents` names; gives logits (beams, vocabulary).
Feed = Callable[[Sequence[Sequence[int]], Sequence[int] | None], Tensor]
TextOf = Callable[[Sequence[int]], str]
# Whether an answer's text of so many tokens has ended, by its settings.
Enough = Callable[[str, int, Settings], bool]
# An answer that has not ended after this many tokens for each word allowed is given up.
_MOST_TOKENS_PER_WORD = 4


@dataclass(frozen=True)
class Voice:
    """What turns logits into an answer's text.

    Attributes:
        text_of: tokens → text; may be asked in the middle of a character.
        end: the token that ends an answer.
        guide: what holds it to its sources; None for nothing.
    """

    text_of: TextOf
    end: int
    guide: Sources | None = None


@dataclass(frozen=True)
class _Beam:
    """A hypothesis: its tokens, the sum of their log-probabilities, and whether it has ended."""

    tokens: tuple[int, ...]
    score: float
    ended: bool = False

    @property
    def mean(self) -> float:
        """The length-normalised score, by which hypotheses of different lengths compare."""
        return self.score / max(1, len(self.tokens))


@dataclass
class Row:
    """One answer of a batch on its way."""

    settings: Settings
    voice: Voice
    random: torch.Generator
    enough: Enough
    tokens: list[int] = field(default_factory=list)
    text: str = ""
    ended: bool = False

    def choose(self, logits: Tensor) -> None:
        """Add the next token, greedily or by chance, or end."""
        short = _too_short(self.text, self.settings)
        scores = adjust_logits(logits, self.tokens, self.settings, self.voice, short)
        if self.settings.decoding == "sampling":
            probabilities = sampling_probabilities(scores, self.settings)
            token = int(torch.multinomial(probabilities, 1, generator=self.random))
        else:
            token = int(scores.argmax())
        if token == self.voice.end:
            self.ended = True
            return
        self.tokens.append(token)
        self.text = self.voice.text_of(self.tokens)
        self.ended = self.enough(self.text, len(self.tokens), self.settings)


def decode(
    logits: Tensor,
    feed: Feed,
    voice: Voice,
    settings: Settings,
    stop: threading.Event | None = None,
) -> Iterator[str]:
    """Write an answer and yield its text after every token.

    Args:
        logits: of the first token, (1, vocabulary).
        feed: adds tokens and gives the logits of the next ones.
        voice: how tokens become text.
        settings: see `Settings`.
        stop: ends it at the next token when set.

    Yields:
        The text so far; with beams that of the best hypothesis, which may change. The last text may still end in
        mid-sentence; see `generator.finishing`.
    """
    stop = stop or threading.Event()
    if settings.decoding == "beams":
        yield from _write_beams(logits, feed, voice, settings, stop)
        return
    for rows in decode_rows(logits, feed, voice, settings, stop):
        yield rows[0].text


def decode_rows(
    logits: Tensor,
    feed: Feed,
    voice: Voice,
    settings: Settings,
    stop: threading.Event,
    enough: Enough | None = None,
) -> Iterator[list[Row]]:
    """Write in several rows at once, greedily or by sampling.

    Args:
        logits: of the first tokens, (rows, vocabulary).
        feed: see `decode`; rows that have ended are no longer fed.
        voice: see `decode`.
        settings: see `decode`.
        stop: see `decode`.
        enough: tells when a row has ended, from its text, its number of tokens and its settings.

    Yields:
        The rows after every step; they change.
    """
    rows = [
        Row(settings, voice, torch.Generator().manual_seed(settings.seed), enough or is_enough)
        for _ in range(len(logits))
    ]
    active = list(rows)
    while active and not stop.is_set():
        for row, scores in zip(active, logits.float().cpu(), strict=True):
            row.choose(scores)
        yield rows
        parents = [place for place, row in enumerate(active) if not row.ended]
        active = [active[place] for place in parents]
        if active and not stop.is_set():
            logits = feed([[row.tokens[-1]] for row in active], parents)


def _write_beams(logits: Tensor, feed: Feed, voice: Voice, settings: Settings, stop: threading.Event) -> Iterator[str]:
    """Beam search with length-normalised scores; ends when no open hypothesis can be better than the ended ones."""
    width, end, text_of = settings.beams, voice.end, voice.text_of
    beams = [_Beam((), 0.0)]
    ended: list[_Beam] = []
    while not stop.is_set():
        candidates = []
        for row, beam in enumerate(beams):
            short = _too_short(text_of(beam.tokens), settings)
            scores = adjust_logits(logits[row].float().cpu(), beam.tokens, settings, voice, short).log_softmax(-1)
            values, tokens = scores.topk(min(2 * width, len(scores)))
            candidates += [(beam.score + float(v), row, int(t)) for v, t in zip(values, tokens, strict=True)]
        candidates.sort(key=lambda candidate: -candidate[0])
        parents: list[int] = []
        following: list[_Beam] = []
        for score, row, token in candidates:
            if score == float("-inf") or len(following) == width:
                break
            tokens_so_far = beams[row].tokens
            if token == end:
                ended.append(_Beam((*tokens_so_far, token), score, ended=True))
                continue
            beam = _Beam((*tokens_so_far, token), score)
            if is_enough(text_of(beam.tokens), len(beam.tokens), settings):
                ended.append(_Beam(beam.tokens, score, ended=True))
                continue
            following.append(beam)
            parents.append(row)
        best = max([*ended, *following], key=lambda beam: beam.mean)
        yield text_of([token for token in best.tokens if token != end])
        if not following or (len(ended) >= width and max(map(_mean, ended)) >= max(map(_mean, following))):
            break
        beams = following
        logits = feed([[beam.tokens[-1]] for beam in beams], parents)
    if ended:
        yield text_of([token for token in max(ended, key=_mean).tokens if token != end])


def _mean(beam: _Beam) -> float:
    return beam.mean


def adjust_logits(logits: Tensor, written: Sequence[int], settings: Settings, voice: Voice, forbid_end: bool) -> Tensor:
    """Logits (vocabulary,) after repetition control and what holds the answer to its sources: a new tensor.

    The penalty divides positive and multiplies negative logits of written tokens (Keskar et al. 2019,
    arXiv 1909.05858); tokens that would complete a stretch of `no_repeat_ngram` tokens a second time are forbidden.
    """
    logits = logits.clone()
    if written and settings.repetition_penalty != 1:
        seen = torch.tensor(sorted(set(written)))
        values = logits[seen]
        logits[seen] = torch.where(
            values > 0, values / settings.repetition_penalty, values * settings.repetition_penalty
        )
    for token in repeating_tokens(written, settings.no_repeat_ngram):
        logits[token] = float("-inf")
    if voice.guide is not None:
        _hold_to_sources(logits, written, settings, voice)
    if forbid_end and logits.isfinite().sum() > 1:
        logits[voice.end] = float("-inf")
    return logits


def _hold_to_sources(logits: Tensor, written: Sequence[int], settings: Settings, voice: Voice) -> None:
    """Forbid what the sources do not hold; in place."""
    assert voice.guide is not None
    if settings.vocabulary == "sources":
        allowed = voice.guide.allowed(written)
        ending = logits[voice.end].item()
        logits.masked_fill_(~allowed, float("-inf"))
        # Where nothing else is left, the answer ends.
        logits[voice.end] = ending if ending != float("-inf") else 0.0


def repeating_tokens(written: Sequence[int], size: int) -> set[int]:
    """The tokens that would make the last `size` tokens occur a second time.

    >>> repeating_tokens([1, 2, 3, 1, 2], 3)
    {3}
    """
    if size < 1 or len(written) < size:
        return set()
    last = tuple(written[len(written) - size + 1 :])
    return {
        written[start + size - 1]
        for start in range(len(written) - size + 1)
        if tuple(written[start : start + size - 1]) == last
    }


def sampling_probabilities(logits: Tensor, settings: Settings) -> Tensor:
    """Probabilities (vocabulary,) at a temperature, of the fewest tokens that hold the mass `top_p`."""
    probabilities = (logits / settings.temperature).softmax(-1)
    ordered, order = probabilities.sort(descending=True)
    # The mass before a token decides, so that the most likely one always stays.
    dropped = ordered.cumsum(-1) - ordered >= settings.top_p
    return probabilities.index_fill(0, order[dropped], 0.0)


def is_enough(text: str, tokens: int, settings: Settings) -> bool:
    """Whether nothing that follows could still belong to the answer."""
    sentences = split_sentences(text)
    if tokens >= _MOST_TOKENS_PER_WORD * settings.max_words:
        return True
    if len(text.split()) > settings.max_words and (len(sentences) > 1 or is_complete(text)):
        return True
    return len(sentences) > 2 and sentences[-2] in sentences[:-2]


def _too_short(text: str, settings: Settings) -> bool:
    return len(text.split()) < settings.min_words
