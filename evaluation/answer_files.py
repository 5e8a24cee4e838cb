"""Files of answers, as `python qa.py --questions … --output …` writes them, joined with the written answers.

It knows JSON lines and the question set. It measures nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from batch import answer_of
from core.json_lines import json_lines
from core.sentences import split_sentences
from data.questions import Question
from evaluation.answer_metrics import CitedSentence, Item
from evaluation.errors import EvaluationError

Row = dict[str, Any]
_BRACKETS = re.compile(r"\s*\[(\d{1,3})\]")


def read_answers(path: Path, questions: Sequence[Question]) -> list[Item]:
    """The answers of a file, in its order, each beside its written answer.

    Rows and questions are joined by "id" where both have one, by the question's words otherwise.

    Args:
        path: JSON lines of the form that `qa.py --questions` writes.
        questions: the questions that were asked; a file may answer only some of them.

    Raises:
        EvaluationError: the file is missing, empty or damaged, answers a question twice, or one that is not among
            the questions.
    """
    by_id = {item.id: item for item in questions}
    by_words = {_folded(item.question): item for item in questions}
    items: list[Item] = []
    seen: set[str] = set()
    for place, row in read_rows(path):
        if not isinstance(row.get("question"), str):
            raise EvaluationError(f'{place}: expected {{"question": …, "answer": …, "passages": …}}')
        question = by_id.get(str(row.get("id"))) or by_words.get(_folded(row["question"]))
        if question is None or _folded(question.question) != _folded(row["question"]):
            raise EvaluationError(
                f"{place}: “{row['question']}” is none of the questions; name the file that was asked with --questions"
            )
        if question.id in seen:
            raise EvaluationError(f"{place}: “{row['question']}” is answered a second time; keep one of the answers")
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


def read_rows(path: Path) -> list[tuple[str, Row]]:
    """The answers of a file, each with its place, its "question" and "id" (see `batch.answer_of`).

    Raises:
        EvaluationError: the file is missing, empty or damaged.
    """
    if not path.is_file():
        raise EvaluationError(f"there is no file {path}; make it with qa.py --questions … --output {path}")
    rows = []
    cure = "; run the command that made the file again, it goes on there"
    for place, row in json_lines(path, EvaluationError, cure):
        if not isinstance(row, dict) or "answer" not in (answer := answer_of(row)):
            raise EvaluationError(f'{place}: expected {{"question": …, "answer": …, "passages": …}}')
        rows.append((place, answer))
    if not rows:
        raise EvaluationError(f"{path} holds no answers")
    return rows


def read_passages(row: Row, place: str) -> dict[int, tuple[str, str]]:
    """(title, text as read) of each passage that an answer was written from, by rank, best first.

    Raises:
        EvaluationError: the row is not as qa.py writes it.
    """
    with _as_written(place):
        parts = enumerate(row.get("passages") or [], 1)
        passages = {
            int(part.get("rank", number)): (str(part["title"]), str(part.get("read_text", part["text"])))
            for number, part in parts
            if part.get("read", True)
        }
    return {rank: (title, text) for rank, (title, text) in passages.items() if text}


def read_cited(row: Row, ranks: Sequence[int], place: str) -> tuple[CitedSentence, ...]:
    """The sentences of an answer with the passages that each names.

    Of an answer without "sentences", as one from elsewhere, they are the numbers in brackets behind its words: [1][3].

    Args:
        row: the answer.
        ranks: of the passages that it was written from.
        place: of the row.

    Raises:
        EvaluationError: the row is not as qa.py writes it.
    """
    numbers = {rank: number for number, rank in enumerate(ranks, 1)}
    with _as_written(place):
        if isinstance(row.get("sentences"), list):
            told = [(str(one["text"]), [one.get("passage")], one.get("kind") == "lacking") for one in row["sentences"]]
        else:
            told = [
                (_BRACKETS.sub("", text).strip(), list(map(int, _BRACKETS.findall(text))), False)
                for text in split_sentences(str(row["answer"]))
            ]
    return tuple(
        CitedSentence(text, tuple(dict.fromkeys(numbers[rank] for rank in cited if rank in numbers)), lacking)
        for text, cited, lacking in told
    )


def _item(row: Row, question: Question, place: str) -> Item:
    """A row and its question as what the metrics need."""
    passages = read_passages(row, place)
    with _as_written(place):
        seconds = (row.get("seconds") or {}).get("total")
        confidence = row.get("confidence")
        return Item(
            question.id,
            question.question,
            str(row["answer"]),
            bool(row["answerable"]),
            tuple(passages.values()),
            question.answer,
            question.answerable,
            None if seconds is None else float(seconds),
            None if confidence is None else float(confidence),
            read_cited(row, list(passages), place),
            question.nuggets,
        )


@contextmanager
def _as_written(place: str) -> Iterator[None]:
    """Say what is expected where a row is something else."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EvaluationError(
            f"{place}: not an answer as qa.py writes it ({type(error).__name__}: {error}); expected answer, "
            "answerable, passages with title and text, seconds with total"
        ) from error


def _folded(question: str) -> str:
    """A question's words, as a join of two files takes them."""
    return " ".join(question.casefold().split())
