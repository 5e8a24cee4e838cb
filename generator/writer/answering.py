"""The writer behind the common interface: the selector gives the evidence, the writer says it, the judge checks it.

Each sentence is written from its own evidence, one passage sentence or one with those that it leans on, and from what
was said so far. Where the judge is not sure that it is supported, it is written once more and then quoted. It holds
models and knows none of them.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from core.records import NOT_SUPPORTED, SUPPORTED, Draft, Found, Judgement, Retrieved, SelectedSentence, Sentence
from core.sentences import is_complete, split_sentences
from core.settings import Settings
from core.words import leans
from generator.abstention import says_lacking
from generator.finishing import finished
from generator.judging import Judge
from generator.opening import without_verdict
from generator.selecting import Room, Selector, as_read, chosen, quoted
from generator.writer.layout import Fact, WriterRequest
from generator.writer.writing import Writer

# The adapter that comes along.
EMBEDDED_ADAPTER = Path(__file__).with_name("embedded")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
# A written sentence stays from this probability of support on: 3 in 100 of the held-out sentences beside their evidence
# that it does not support get it (18 in 100 are called supported).
_SURE = 0.8


class WriterGenerator:
    """Writes each sentence from its evidence (`generator.base.Generator`)."""

    def __init__(
        self, writer: Writer, selector: Callable[[], Selector], judge: Callable[[], Judge], name: str = "writer"
    ) -> None:
        """Hold the parts.

        Args:
            writer: writes sentences.
            selector: gives what chooses passage sentences.
            judge: gives what judges sentences by their evidence.
            name: by which the generator was asked for.
        """
        self.name = name
        self._writer, self._selector, self._judge = writer, selector, judge

    def read(self, retrieved: Retrieved) -> Retrieved:
        """Everything: only what is chosen of it is written from."""
        return replace(retrieved, found=tuple(part.as_read(part.passage.text) for part in retrieved.found))

    def stream(self, retrieved: Retrieved, settings: Settings, stop: threading.Event | None = None) -> Iterator[Draft]:
        """Write sentence by sentence; see `Generator.stream`. One that was given is not taken back."""
        stop = stop or threading.Event()
        said: list[Sentence] = []
        evidence = () if stop.is_set() else chosen(self._selector(), retrieved, Room.of(settings))
        for step in steps(as_read(list(evidence))):
            if stop.is_set():
                break
            said += self._said(retrieved, step, said, settings.seed, stop)
            yield Draft(tuple(said))
        whole = finished(said, settings)
        if whole and not stop.is_set():
            whole += self._gap(retrieved, whole, stop)
        yield Draft(whole, done=True, stopped=stop.is_set())

    def _gap(self, retrieved: Retrieved, said: Sequence[Sentence], stop: threading.Event) -> tuple[Sentence, ...]:
        """What an answer lacks that is only a part, in one sentence; () where there is no such sentence."""
        if retrieved.selection is None or retrieved.selection.holds != "part":
            return ()
        about = tuple(dict.fromkeys(part.passage.title for part in retrieved.read))
        before = " ".join(sentence.text for sentence in said)
        text = self._writer.write(WriterRequest(retrieved.whole, (), said=before, about=about), stop)
        first = next(iter(split_sentences(text)), "")
        return (Sentence(first, "lacking"),) if is_complete(first) and says_lacking(first) else ()

    def _said(
        self,
        retrieved: Retrieved,
        step: Sequence[SelectedSentence],
        said: Sequence[Sentence],
        seed: int,
        stop: threading.Event,
    ) -> list[Sentence]:
        """What is said of a step's evidence: one written sentence, the evidence itself, or nothing that is new."""
        before = " ".join(sentence.text for sentence in said)
        request = WriterRequest(retrieved.whole, tuple(_facts(retrieved, step)), said=before)
        for draws in (None, seed):
            text = _one_sentence(self._writer.write(request, stop, draws))
            if text and (judgement := self._judged(text, retrieved, step)).probability >= _SURE:
                if said and self._by(before, text, retrieved, step).label == SUPPORTED:
                    return []
                return [Sentence(text, "written", tuple(sentence.place for sentence in step)).judged(judgement)]
            if stop.is_set():
                return []
        return [quoted(sentence) for sentence in step]

    def _judged(self, text: str, retrieved: Retrieved, step: Sequence[SelectedSentence]) -> Judgement:
        """How far a sentence says no more than its evidence; a number that is not there is none of its."""
        given = [retrieved.whole, *(f"{fact.title} {fact.text}" for fact in _facts(retrieved, step))]
        judgement = self._by(" ".join(sentence.text for sentence in step), text, retrieved, step)
        invented = set(_NUMBER.findall(text)) - set(_NUMBER.findall(" ".join(given)))
        return replace(judgement, probability=0.0, label=NOT_SUPPORTED) if invented else judgement

    def _by(self, source: str, text: str, retrieved: Retrieved, step: Sequence[SelectedSentence]) -> Judgement:
        """What the judge says of a sentence by another text, which stands under the title of a step's evidence."""
        (judgement,) = self._judge().judge([text], [replace(_passage(retrieved, step[0]), text=source, status="cut")])
        return judgement


def steps(evidence: Sequence[SelectedSentence]) -> list[list[SelectedSentence]]:
    """Evidence in reading order, in the groups that a sentence each is written from: what leans joins what it follows.

    Args:
        evidence: of `generator.selecting.as_read`.
    """
    groups: list[list[SelectedSentence]] = []
    for sentence in evidence:
        if groups and leans(sentence.text):
            groups[-1].append(sentence)
        else:
            groups.append([sentence])
    return groups


def _passage(retrieved: Retrieved, sentence: SelectedSentence) -> Found:
    """The passage of a sentence."""
    return next(part for part in retrieved.found if part.rank == sentence.place[0])


def _facts(retrieved: Retrieved, step: Sequence[SelectedSentence]) -> list[Fact]:
    """Chosen sentences under their titles."""
    passages = [(_passage(retrieved, sentence).passage, sentence.text) for sentence in step]
    return [Fact(f"{p.title}, {p.section}" if p.section else p.title, text) for p, text in passages]


def _one_sentence(text: str) -> str:
    """The first sentence of what was written, without a verdict; "" for none that is whole and says something."""
    sentence = without_verdict(next(iter(split_sentences(text)), ""))
    return sentence if is_complete(sentence) and not says_lacking(sentence) else ""
