"""Files of answers, as `python qa.py --questions … --output …` writes them, joined with the written answers.

It knows JSON lines and the question set. It measures nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.json_lines import json_lines
from data.questions import Question
from evaluation.answer_metrics import Item

Row = dict[str, Any]


class AnswersFileError(ValueError):
    """A file of answers is not what it should be; file, line and cure are named."""


def read_answers(path: Path, questions: Sequence[Question]) -> list[Item]:
    """The answers of a file, in its order, each beside its written answer.

    Rows and questions are joined by "id" where both have one, by the question's words otherwise.

    Args:
        path: JSON lines of the form that `qa.py --questions` writes.
        questions: the questions that were asked; a file may answer only some of them.

    Raises:
        AnswersFileError: the file is missing, empty or damaged, answers a question twice, or one that is not among
            the questions.
    """
    by_id = {item.id: item for item in questions}
    by_words = {_folded(item.question): item for item in questions}
    items: list[Item] = []
    seen: set[str] = set()
    for place, row in _read_rows(path):
        question = by_id.get(str(row.get("id"))) or by_words.get(_folded(row["question"]))
        if question is None or _folded(question.question) != _folded(row["question"]):
            raise AnswersFileError(
                f"{place}: “{row['question']}” is none of the questions; name the file that was asked with --questions"
            )
        if question.id in seen:
            raise AnswersFileError(f"{place}: “{row['question']}” is answered a second time; keep one of the answers")
        seen.add(question.id)
        items.append(_item(row, question, place))
    return items


def written(items: Sequence[Item]) -> list[Item]:
    """The written answers beside the same passages, as if a system had given them."""
    return [
        Item(
            item.id,
            item.question,
            item.reference,
            item.reference_answerable,
            item.passages,
            item.reference,
            item.reference_answerable,
        )
        for item in items
    ]


def _item(row: Row, question: Question, place: str) -> Item:
    """A row and its question as what the metrics need."""
    try:
        passages = tuple((str(part["title"]), _read_text(part)) for part in row.get("passages") or [])
        seconds = (row.get("seconds") or {}).get("total")
        return Item(
            question.id,
            question.question,
            str(row["answer"]),
            bool(row["answerable"]),
            tuple((title, text) for title, text in passages if text),
            question.answer,
            question.answerable,
            None if seconds is None else float(seconds),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AnswersFileError(
            f"{place}: not an answer as qa.py writes it ({type(error).__name__}: {error}); expected answer, "
            "answerable, passages with title and text, seconds with total"
        ) from error


def _read_text(passage: Mapping[str, Any]) -> str:
    """What the generator read of a passage."""
    if not passage.get("read", True):
        return ""
    return str(passage.get("read_text", passage["text"]))


def _read_rows(path: Path) -> list[tuple[str, Row]]:
    """The rows of a file of answers, each with its place."""
    if not path.is_file():
        raise AnswersFileError(f"there is no file {path}; make it with qa.py --questions … --output {path}")
    rows = []
    cure = "; run the command that made the file again, it goes on there"
    for place, row in json_lines(path, AnswersFileError, cure):
        if not isinstance(row, dict) or not isinstance(row.get("question"), str) or "answer" not in row:
            raise AnswersFileError(f'{place}: expected {{"question": …, "answer": …, "passages": …}}')
        rows.append((place, row))
    if not rows:
        raise AnswersFileError(f"{path} holds no answers")
    return rows


def _folded(question: str) -> str:
    """A question's words, as a join of two files takes them."""
    return " ".join(question.casefold().split())
