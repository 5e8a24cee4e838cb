"""What the writer reads and writes, as token ids: the base's chat form, split between encoder and decoder.

    <|im_start|>system …<|im_end|> <|im_start|>user Question: … Facts: [1] … [2] …<|im_end|>     the encoder reads
    <|im_start|>assistant answer<|im_end|>                                                       the decoder writes

It knows words and the tokenizer, no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from generator.chat_form import ChatForm

Form = Literal["sentence", "paragraph"]
FORMS: tuple[Form, ...] = get_args(Form)

_MANNER = "You answer questions in plain words from the given facts alone."
_INSTRUCTIONS: dict[Form, str] = {
    "sentence": f"{_MANNER} Write the next sentence of the answer.",
    "paragraph": f"{_MANNER} Write one short paragraph.",
}
_PARTLY = "The facts hold only a part of the answer: say last what they don't say."


@dataclass(frozen=True, slots=True)
class Fact:
    """A passage sentence as evidence, with the title of its article."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class WriterRequest:
    """What is to be written.

    Attributes:
        question: as asked.
        facts: the evidence; none for the sentence that says what is lacking.
        form: the next "sentence", or the whole "paragraph".
        said: the answer so far, before the next sentence.
        about: what the passages are about, where no fact answers.
        partly: whether the facts hold only a part of the answer, which a paragraph then says.
    """

    question: str
    facts: tuple[Fact, ...]
    form: Form = "sentence"
    said: str = ""
    about: tuple[str, ...] = ()
    partly: bool = False


class WriterLayout(ChatForm):
    """Token ids of a request and of what is written."""

    def prefix(self, form: Form) -> list[int]:
        """What the encoder reads first, of every request of a form: the system turn."""
        return self.turn("system", _INSTRUCTIONS[form])

    def request(self, request: WriterRequest) -> list[int]:
        """What the encoder reads then: the user turn."""
        return self.turn("user", user_turn(request))

    def opening(self) -> list[int]:
        """What the decoder begins with."""
        return self.opened("assistant")


def user_turn(request: WriterRequest) -> str:
    """The words of a request.

    >>> print(user_turn(WriterRequest("Why is there tide?", (Fact("Tide", "The Moon pulls the sea."),), said="It is.")))
    Question: Why is there tide?
    Facts:
    [1] Tide: The Moon pulls the sea.
    Answer so far: It is.
    >>> print(user_turn(WriterRequest("Why?", (), about=("Tide", "Moon"))))
    Question: Why?
    Facts: none answers it; the passages are about Tide, Moon.
    """
    lines = [f"Question: {request.question}", *_facts(request.facts, request.about)]
    if request.said:
        lines.append(f"Answer so far: {request.said}")
    if request.partly:
        lines.append(_PARTLY)
    return "\n".join(lines)


def _facts(facts: Sequence[Fact], about: Sequence[str]) -> list[str]:
    if facts:
        return ["Facts:", *(f"[{number}] {fact.title}: {fact.text}" for number, fact in enumerate(facts, start=1))]
    return [f"Facts: none answers it; the passages are about {', '.join(about) or 'something else'}."]
