"""Does a generator use its passages? The loss of the written answers with retrieved, random and no passages.

It knows `LongFormQA` and the question set. It knows nothing of the command line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from tqdm import tqdm

from batch import keeping_lines
from core.records import Retrieved, check_question
from core.settings import Settings
from data.questions import Question

if TYPE_CHECKING:
    from qa import LongFormQA

CONDITIONS = ("retrieved", "random", "none")
Row = dict[str, Any]


@runtime_checkable
class Scoring(Protocol):
    """A generator that can say how likely a given answer is."""

    def answer_loss(self, retrieved: Retrieved, answer: str) -> tuple[float, int]:
        """The sum of the negative log-likelihoods of an answer's tokens, in nats, and the number of tokens."""
        ...


def measure_losses(
    qa: LongFormQA, questions: Sequence[Question], settings: Settings, output: Path | None = None
) -> list[Row]:
    """The losses of all written answers, one row a question.

    Args:
        qa: the system, whose generator is a `Scoring`.
        questions: with their written answers.
        settings: generator, number of passages and retrieval ("retrieved" is that).
        output: JSON lines that a run which ended early goes on from; None to keep nothing.

    Returns:
        For every question its "id", and under each of `CONDITIONS` the sum in nats and the number of tokens.

    Raises:
        TypeError: the generator gives no probabilities.
        batch.QuestionsFileError: the output holds something else.
        core.outputs.OutputError: another process writes it, or it is no file.
    """
    if not isinstance(qa.generator(settings.generator), Scoring):
        raise TypeError(f"the generator {settings.generator} gives no probabilities, so there is no loss")
    made_with = settings.to_json() | {"measured": "loss"}
    starts: list[Row] = [{"id": item.id, "question": check_question(item.question)} for item in questions]
    with keeping_lines(output, starts, made_with) if output else nullcontext() as kept:
        rows = list(kept.rows) if kept else []
        with tqdm(total=len(questions), initial=len(rows), desc="loss", unit="answer") as bar:
            for item, start in zip(questions[len(rows) :], starts[len(rows) :], strict=True):
                row = start | {name: _loss(qa, item, _under(name, settings)) for name in CONDITIONS}
                rows.append(row)
                if kept:
                    kept.add(row | {"settings": made_with})
                bar.update()
    return rows


def summarize_losses(rows: Iterable[Row]) -> dict[str, float | int]:
    """Mean loss a token, in nats, under each condition, and by how much retrieved passages lower that of random ones.

    >>> row = {"retrieved": [4.0, 2], "random": [6.0, 2], "none": [7.0, 2]}
    >>> summarize_losses([row])
    {'retrieved': 2.0, 'random': 3.0, 'none': 3.5, 'gain': 1.0, 'answers': 1, 'tokens': 2}
    """
    kept = list(rows)
    tokens = sum(row["retrieved"][1] for row in kept)
    means = {name: sum(row[name][0] for row in kept) / tokens for name in CONDITIONS}
    means["gain"] = means["random"] - means["retrieved"]
    return {name: round(mean, 4) for name, mean in means.items()} | {"answers": len(kept), "tokens": tokens}


def _under(condition: str, settings: Settings) -> Settings:
    """The settings under which a condition's passages are found."""
    return settings if condition == "retrieved" else replace(settings, retrieval=condition)


def _loss(qa: LongFormQA, item: Question, settings: Settings) -> tuple[float, int]:
    """The loss of one written answer, beside what the generator reads of the passages found."""
    generator = qa.generator(settings.generator)
    assert isinstance(generator, Scoring)
    return generator.answer_loss(generator.read(qa.retrieve(item.question, settings)), item.answer)
