"""A file of questions, answered line by line: a run that ended early goes on where it stopped.

A line is the question's row with the answer's fields beside it. Where the row has fields of the same names, both are
kept: the row's as they are, the answer as one object under `OURS`. It knows files, and is given what answers. It knows
nothing of the command line.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from tqdm import tqdm

from core.errors import UserError
from core.json_lines import json_lines
from core.outputs import append_line, check_apart, sole_writer
from core.records import Answer, QuestionError, Retrieved, check_question
from core.settings import Settings

logger = logging.getLogger(__name__)
Row = dict[str, Any]

# The name of an answer beside a row with fields of its own names; a row that has this one, too, gets the next number.
OURS = "long_form_qa"
_OURS = re.compile(rf"{OURS}(?:_(\d+))?")
_NAMES = {*Answer(Retrieved("")).to_json(), "settings", "error"} - {"question"}
_ADVICE = "name another file, or move it away to start anew"


class QuestionsFileError(UserError):
    """A file of questions or of answers is not what it should be; file and line are named."""


@dataclass
class KeptLines:
    """A file of JSON lines that this process alone writes, and the rows that an earlier run left in it."""

    path: Path
    rows: list[Row]
    _file: BinaryIO

    def add(self, row: Row) -> None:
        """Append a row; its line is whole and on the disk, or not there at all."""
        append_line(self._file, row, self.path)
        self.rows.append(row)


@dataclass
class Batch:
    """A file of questions and the file of their answers; see `open_batch`."""

    questions: Sequence[Row]
    answers: KeptLines
    settings: Settings

    @property
    def left(self) -> Sequence[Row]:
        """The questions that are yet to be answered."""
        return self.questions[len(self.answers.rows) :]

    def answer(self, ask: Callable[[str, Settings], Answer]) -> None:
        """Answer what is left; a question that cannot be asked gets a line with an "error" instead."""
        settings, left = self.settings.to_json(), self.left
        colliding = sorted({name for row in left for name in _collisions(row)})
        if colliding:
            logger.warning(
                "the questions have fields called %s: they stay as they are, and the answers are beside them in “%s”",
                ", ".join(colliding),
                OURS,
            )
        done = len(self.answers.rows)
        with tqdm(total=len(self.questions), initial=done, desc="answering", unit="question") as bar:
            for row in left:
                try:
                    result = ask(row["question"], self.settings).to_json()
                except QuestionError as error:
                    result = {"question": row["question"], "answer": "", "answerable": False, "error": str(error)}
                self.answers.add(beside(row, result | {"settings": settings}))
                bar.update()


@contextmanager
def open_batch(questions: Path, output: Path, settings: Settings) -> Iterator[Batch]:
    """Read the questions, and take up the answers that an earlier run left.

    Args:
        questions: JSON lines, each an object with a "question".
        output: where the answers go or went; see `keeping_lines`.
        settings: those of this run, which must be those of the earlier one.

    Raises:
        QuestionsFileError: either file is not what it should be.
        core.outputs.OutputError: both are the same file, or another process writes the output.
    """
    check_apart(output, questions)
    rows = _read_questions(questions)
    with keeping_lines(output, rows, settings.to_json()) as answers:
        yield Batch(rows, answers, settings)


def beside(row: Row, answer: Row) -> Row:
    """A row with an answer's fields, neither of which replaces another.

    >>> beside({"question": "Why?"}, {"answer": "So."})
    {'question': 'Why?', 'answer': 'So.'}
    >>> beside({"question": "Why?", "answer": "Mine."}, {"answer": "So."})
    {'question': 'Why?', 'answer': 'Mine.', 'long_form_qa': {'answer': 'So.'}}
    """
    if not _collisions(row):
        return row | {name: value for name, value in answer.items() if name != "question"}
    taken = [int(found[1] or 1) for name in row if (found := _OURS.fullmatch(name))]
    return row | {f"{OURS}_{max(taken) + 1}" if taken else OURS: answer}


def answer_of(row: Row) -> Row:
    """The answer in a line of a file of answers, with the row's "id" and "question".

    >>> answer_of({"question": "Why?", "answer": "Mine.", "long_form_qa": {"answer": "So."}})
    {'question': 'Why?', 'answer': 'So.'}
    """
    kept = {int(found[1] or 1): row[name] for name in row if (found := _OURS.fullmatch(name))}
    if not kept or not isinstance(kept[max(kept)], dict):
        return row
    asked = {name: row[name] for name in ("id", "question") if name in row}
    return asked | {name: value for name, value in kept[max(kept)].items() if name not in asked}


def _collisions(row: Row) -> list[str]:
    """The fields of a row that bear a name of the answer's."""
    return [name for name in row if name in _NAMES or _OURS.fullmatch(name)]


def _read_questions(path: Path) -> list[Row]:
    """The lines of a file of questions.

    Raises:
        QuestionsFileError: a line is not an object with a "question", or the file has none.
    """
    rows = []
    for place, row in json_lines(path, QuestionsFileError):
        if not isinstance(row, dict) or not isinstance(row.get("question"), str):
            raise QuestionsFileError(f'{place}: expected an object like {{"question": "…"}}')
        rows.append(row)
    if not rows:
        raise QuestionsFileError(f'{path} holds no questions; expected lines like {{"question": "…"}}')
    return rows


@contextmanager
def keeping_lines(output: Path, starts: Sequence[Row], settings: Row) -> Iterator[KeptLines]:
    """Open a file of lines, one a question, that a run which ended early goes on with.

    Nothing of it is changed before all of it is known to be an earlier run's. Then a last line that lacks its line end
    gets it, and one that a kill cut short is dropped.

    Args:
        output: JSON lines, each with its "question" and the "settings" it was made with; it need not exist.
        starts: what each line begins with, in order, its "question" in it.
        settings: those of this run.

    Raises:
        QuestionsFileError: the file holds something else, or lines made with other settings.
        core.outputs.OutputError: another process writes it, or it is no file.
    """
    with sole_writer(output) as file:
        content = file.read()
        try:
            rows, end = _whole_lines(content, starts)
        except (ValueError, TypeError) as error:
            raise QuestionsFileError(f"{output} exists and does not hold answers ({error}); {_ADVICE}") from error
        if any(answer_of(row).get("settings") != settings for row in rows):
            raise QuestionsFileError(f"{output} holds answers made with other settings; {_ADVICE}")
        if [asked(row["question"]) for row in rows] != [asked(start["question"]) for start in starts[: len(rows)]]:
            raise QuestionsFileError(f"{output} holds answers to other questions; {_ADVICE}")
        if end < len(content):
            file.truncate(end)
        elif content and not content.endswith(b"\n"):
            file.write(b"\n")
        yield KeptLines(output, rows, file)


def _whole_lines(content: bytes, starts: Sequence[Row]) -> tuple[list[Row], int]:
    """The lines of an earlier run, and where what a kill cut short begins.

    Raises:
        ValueError: something is no line of such a run, nor the beginning of one.
    """
    *lines, tail = content.split(b"\n")
    rows = [_row(line, number) for number, line in enumerate(lines, start=1)]
    if not tail:
        return rows, len(content)
    try:
        return [*rows, _row(tail, len(rows) + 1)], len(content)
    except ValueError:
        # After a power cut, a file system may leave zeros where the line should be.
        torn = tail.rstrip(b"\0")
        following = starts[len(rows)] if len(rows) < len(starts) else None
        if following is None or not (torn or rows) or not _begins(torn, following):
            raise
    return rows, len(content) - len(tail)


def _row(line: bytes, number: int) -> Row:
    """A line of answers.

    Raises:
        ValueError: it is none.
    """
    try:
        row = json.loads(line)
    except RecursionError as error:
        raise ValueError(f"line {number} is nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"line {number} is not JSON: {error}") from error
    if not isinstance(row, dict) or not isinstance(row.get("question"), str) or "settings" not in answer_of(row):
        raise ValueError(f'line {number} has no "question" and "settings"')
    return row


def _begins(torn: bytes, start: Row) -> bool:
    """Whether a piece of a line is the beginning of the one that begins with these fields."""
    fields = json.dumps(start, ensure_ascii=False)[:-1].encode() + b", "
    return torn.startswith(fields) or fields.startswith(torn)


def asked(question: str) -> str:
    """A question as its answer repeats it."""
    try:
        return check_question(question)
    except QuestionError:
        return question
