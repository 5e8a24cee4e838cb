"""What every generator has in common: its settings, what it read, how it streams and how it is stopped.

It knows no model. `Generator` is the interface that qa.py talks to; the kinds behind it are in
extractive.py, seq2seq.py and fused.py.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from core.errors import SettingsError, UserError
from data.passages import Passage

ReadStatus = Literal["read", "cut", "not read"]
DECODINGS = ("opening", "sentences", "greedy", "beams", "sampling")
VOCABULARIES = ("sources", "free")
WORDINGS = ("close", "own")
LARGEST_SEED = 2**63 - 1


class GeneratorError(UserError):
    """A generator cannot be loaded or used; the message says why and what to do."""


@dataclass(frozen=True)
class GenerationSettings:
    """How an answer is written.

    Attributes:
        decoding: "opening" (the first sentence is written, the others are the passage sentences that belong beside
            it), "sentences" (each is written, from all passages or from each alone), both of the fused generator only
            and greedy elsewhere; "greedy", "beams" or "sampling".
        beams: number of beams, 1 to 16; used by "beams".
        temperature: above 0 to 5; used by "sampling".
        top_p: above 0 to 1, the probability mass that sampling keeps (Holtzman et al. 2020).
        min_words: shortest answer, in words; no end is written before it.
        max_words: longest answer, in words; the answer ends with the last whole sentence within it.
        repetition_penalty: 1 to 2; above 1, tokens already written become less likely (Keskar et al. 2019).
        no_repeat_ngram: no stretch of this many tokens occurs twice in an answer; 0 switches it off.
        wording: "close" to the passages, or in the model's "own" words, which are freer and less true; used by the
            fused generator.
        vocabulary: "sources" holds names, numbers and rare words to those of the question and the passages read,
            "free" does not; used by the fused generator.
        copy_bonus: 0 to 10, added to the logit of a token that goes on with a stretch of a passage; used by the fused
            generator.
        seed: of the sampling, 0 to 2**63 - 1.
    """

    decoding: str = "opening"
    beams: int = 4
    temperature: float = 0.7
    top_p: float = 0.9
    min_words: int = 40
    max_words: int = 120
    repetition_penalty: float = 1.0
    no_repeat_ngram: int = 6
    wording: str = "close"
    vocabulary: str = "sources"
    copy_bonus: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what is out of range.

        Raises:
            SettingsError: naming the setting, its value and its range.
        """
        if self.decoding not in DECODINGS:
            raise SettingsError(f"decoding is {self.decoding!r}; allowed are {', '.join(DECODINGS)}")
        if self.wording not in WORDINGS:
            raise SettingsError(f"wording is {self.wording!r}; allowed are {', '.join(WORDINGS)}")
        if self.vocabulary not in VOCABULARIES:
            raise SettingsError(f"vocabulary is {self.vocabulary!r}; allowed are {', '.join(VOCABULARIES)}")
        ranges = {
            "beams": (1, 16),
            "min_words": (0, 1000),
            "max_words": (5, 1000),
            "repetition_penalty": (1.0, 2.0),
            "no_repeat_ngram": (0, 100),
            "copy_bonus": (0.0, 10.0),
            "seed": (0, LARGEST_SEED),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise SettingsError(f"{name} is {value}; allowed is {low} to {high}")
        for name, most in (("temperature", 5.0), ("top_p", 1.0)):
            value = getattr(self, name)
            if not 0 < value <= most:
                raise SettingsError(f"{name} is {value}; allowed is above 0 to {most:g}")
        if self.min_words > self.max_words:
            raise SettingsError(
                f"the shortest answer ({self.min_words} words) is longer than the longest ({self.max_words} words)"
            )


@dataclass(frozen=True)
class ReadPassage:
    """A passage as the model got it.

    Attributes:
        passage: the whole passage.
        status: "read" whole, "cut" to what fitted, or "not read" at all.
        text: exactly the text that the model read; "" when not read.
    """

    passage: Passage
    status: ReadStatus
    text: str


@dataclass(frozen=True)
class Step:
    """One moment of writing.

    Attributes:
        stage: "reading" while passages are encoded, "writing" with each token, "done" once, at the end.
        text: the answer so far; at "done" the final one, ending with a whole sentence (or "").
        stopped: at "done", whether the stop event ended it.
    """

    stage: Literal["reading", "writing", "done"]
    text: str
    stopped: bool = False


class Generator(Protocol):
    """A writer of answers.

    `read` decides what the model sees and `stream` writes from exactly that, so the passages shown as evidence
    are the passages read, in the same order.
    """

    name: str

    def read(self, question: str, passages: Sequence[Passage]) -> list[ReadPassage]:
        """What of the passages the model will read for this question, in the order given. Cheap: no model runs."""
        ...

    def stream(
        self,
        question: str,
        passages: Sequence[ReadPassage],
        settings: GenerationSettings,
        stop: threading.Event | None = None,
    ) -> Iterator[Step]:
        """Write the answer step by step; when `stop` is set, end at the next token.

        Args:
            question: as asked.
            passages: what `read` returned.
            settings: how to write.
            stop: set from any thread to end early; what is written up to the last whole sentence stays.

        Yields:
            Steps; the last has stage "done" and is always given unless the iterator is closed.
        """
        ...
