"""What is said of a question that the passages don't answer, or only in part. It knows words only."""

from __future__ import annotations

from collections.abc import Sequence

from core.languages import language_of
from core.records import Retrieved, Sentence
from generator.selection.beyond import ABOUT_ASKER, ABOUT_NOW

# Said behind what there is of an answer.
PARTLY_ANSWERED = "That is a part of the answer: the passages don't say the rest."


def not_answered(question: str) -> Sentence:
    """The answer where the passages hold none. The question is quoted: said again in other words it could go wrong.

    >>> not_answered("Why do bees hum?").text
    "The passages don't answer the question “Why do bees hum?”"
    """
    end = "" if question.endswith(("?", "!", ".")) else "."
    return Sentence(f"The passages don't answer the question “{question}”{end}", "lacking")


def partly_answered() -> Sentence:
    """The last sentence of an answer of which the passages hold only a part."""
    return Sentence(PARTLY_ANSWERED, "lacking")


_NAMED = 4  # unknown words, at most
_BEYOND = {
    ABOUT_ASKER: "The question seems to be about you or somebody you know; an encyclopedia knows nothing of that.",
    ABOUT_NOW: "The question seems to ask for what is new today; passages are as old as their index.",
}


def why_not_answered(retrieved: Retrieved, beyond: str, unknown: Sequence[str] = ()) -> str:
    """What a reader should know of a question that is not answered, in one sentence; "" where nothing is known.

    Args:
        retrieved: the question, and what was read.
        beyond: the kind of question, of `generator.selection.beyond.KINDS`, or "".
        unknown: its words that no passage has.

    >>> why_not_answered(Retrieved("How do vacines wrok?"), "", ["vacines", "wrok"])
    'No passage here has the words “vacines” and “wrok”: check how they are spelt, or ask in other words.'
    """
    asked = language_of(retrieved.question)
    read = language_of(" ".join(part.text for part in retrieved.read))
    if asked and read and asked != read:
        return f"The question seems to be in {asked}, these passages are in {read}: ask in that language."
    if beyond in _BEYOND or not unknown:
        return _BEYOND.get(beyond, "")
    *most, last = (f"“{word}”" for word in unknown[:_NAMED])
    if not most:
        return f"No passage here has the word {last}: check how it is spelt, or ask in other words."
    named = f"{', '.join(most)} and {last}"
    return f"No passage here has the words {named}: check how they are spelt, or ask in other words."
