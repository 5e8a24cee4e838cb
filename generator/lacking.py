"""What is said of a question that the passages don't answer, or only in part. It knows words only."""

from __future__ import annotations

from core.records import Sentence

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
