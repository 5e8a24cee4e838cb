"""Declining: how many questions a system answers, and how often it is right to answer or to decline.

And the control: the same questions beside passages that were found for another question, where only declining is right.
It knows answers and `LongFormQA`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from batch import keeping_lines
from core.records import Previous, Retrieved, check_question
from core.settings import Settings
from data.questions import Question
from evaluation.answer_metrics import Item
from evaluation.errors import EvaluationError
from qa import LongFormQA

Row = dict[str, Any]
_TENTHS = 10


def declining_figures(items: Sequence[Item]) -> Row:
    """How a system declines.

    Args:
        items: the answers; what the passages hold is said by the question set.

    Returns:
        "answered": the share of questions that it answers (coverage); "right_answering": of those, the share whose
        passages hold something; "right_declining": of the declined, the share whose passages hold nothing; "curve":
        [coverage, share of these whose passages hold something] where only the surest tenth, two tenths … are answered
        (El-Yaniv and Wiener 2010), None where the system says nothing of how sure it is.
    """
    answered = np.array([item.answerable for item in items], bool)
    held = np.array([item.reference_answerable for item in items], bool)
    return {
        "answered": _mean(answered),
        "right_answering": _mean(held[answered]),
        "right_declining": _mean(~held[~answered]),
        "curve": _curve(items, held),
    }


def _curve(items: Sequence[Item], held: np.ndarray) -> list[list[float]] | None:
    """What is right among the surest, from a tenth of the questions to all."""
    sure = [item.confidence for item in items]
    if not items or any(one is None for one in sure):
        return None
    right = held[np.argsort(-np.array(sure, float), kind="stable")]
    counts = [-(-len(items) * tenth // _TENTHS) for tenth in range(1, _TENTHS + 1)]
    return [[round(count / len(items), 4), round(float(right[:count].mean()), 4)] for count in dict.fromkeys(counts)]


def _mean(values: np.ndarray) -> float | None:
    return round(float(values.mean()), 4) if values.size else None


class Swapped(LongFormQA):
    """The system, beside the passages of another question.

    Attributes:
        other: question → the one whose passages it gets.
    """

    other: dict[str, str]

    def retrieve(self, question: str, settings: Settings | None = None, previous: Previous | None = None) -> Retrieved:
        """The question with what is found for the other one."""
        own = super().retrieve(question, settings, previous)
        found = super().retrieve(self.other[check_question(question)], settings)
        return replace(found, question=own.question, vector=own.vector)


def control(qa: Swapped, questions: Sequence[Question], settings: Settings, output: Path) -> Row:
    """Ask every question beside the passages of the one that stands half the file away.

    Args:
        qa: the system.
        questions: two or more.
        settings: of the answers.
        output: JSON lines that a run which ended early goes on from.

    Returns:
        "declined": the share that is declined, as all should be; "questions": how many.

    Raises:
        EvaluationError: there are too few questions.
        batch.QuestionsFileError: the output holds something else.
        core.outputs.OutputError: another process writes it, or it is no file.
    """
    asked = list(dict.fromkeys(check_question(item.question) for item in questions))
    if len(asked) < 2:
        raise EvaluationError("the control needs two questions or more: each gets the passages of another")
    qa.other = dict(zip(asked, [*asked[len(asked) // 2 :], *asked[: len(asked) // 2]], strict=True))
    made_with = settings.to_json() | {"measured": "control"}
    starts: list[Row] = [{"question": question} for question in asked]
    with keeping_lines(output, starts, made_with) as kept:
        done = len(kept.rows)
        with tqdm(total=len(asked), initial=done, desc="control", unit="answer") as bar:
            for start in starts[done:]:
                answer = qa.ask(start["question"], settings).to_json()
                kept.add(start | {"passages_of": qa.other[start["question"]]} | answer | {"settings": made_with})
                bar.update()
        declined = [not row["answerable"] for row in kept.rows]
    return {"declined": round(sum(declined) / len(declined), 4), "questions": len(declined)}
