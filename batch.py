"""A file of questions, answered line by line: a run that ended early goes on where it stopped.

It knows files and `LongFormQA`. It knows nothing of the command line.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from answers import AskSettings, QuestionError, check_question
from core.errors import UserError
from core.json_lines import json_lines

if TYPE_CHECKING:
    from qa import LongFormQA

Row = dict[str, Any]


class QuestionsFileError(UserError):
    """A file of questions or of answers is not what it should be; file and line are named."""


def begin(questions: Path, output: Path, settings: AskSettings) -> tuple[list[Row], int]:
    """Read the questions, and see how many of them an earlier run has answered.

    Args:
        questions: JSON lines, each an object with a "question".
        output: where the answers go or went; a last line that a kill cut short is dropped from it.
        settings: those of this run, which must be those of the earlier one.

    Returns:
        The questions' rows, and how many answers there are already.

    Raises:
        QuestionsFileError: either file is not what it should be.
    """
    rows = _read_questions(questions)
    return rows, finished(output, [_asked(row) for row in rows], settings.to_json())


def answer_rows(qa: LongFormQA, rows: Sequence[Row], done: int, output: Path, settings: AskSettings) -> None:
    """Answer the rows after the first `done`; a line of the output is written whole or not at all.

    A question that cannot be asked gets a line with an "error" instead of an answer.
    """
    qa.generator(settings.generator)
    with (
        output.open("a", encoding="utf-8") as file,
        tqdm(total=len(rows), initial=done, desc="answering", unit="question") as bar,
    ):
        for row in rows[done:]:
            try:
                result = row | qa.ask(row["question"], settings).to_json()
            except QuestionError as error:
                result = row | {"answer": "", "answerable": False, "error": str(error)}
            file.write(json.dumps(result | {"settings": settings.to_json()}, ensure_ascii=False) + "\n")
            file.flush()
            bar.update()


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


def finished(output: Path, questions: Sequence[str], settings: dict[str, Any]) -> int:
    """How many lines an earlier run left; a last line that a kill cut short is dropped.

    Args:
        output: JSON lines, each with its "question" and the "settings" it was made with; it need not exist.
        questions: those of this run, in order.
        settings: those of this run.

    Raises:
        QuestionsFileError: the file holds something else, or answers made with other settings.
    """
    if not output.exists():
        return 0
    text = output.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    advice = "name another file, or delete it to start anew"
    try:
        answers = [json.loads(line) for line in whole.decode("utf-8").split("\n")[:-1]]
        same = [answer["settings"] == settings for answer in answers]
    except (ValueError, KeyError, TypeError) as error:
        raise QuestionsFileError(f"{output} exists and does not hold answers ({error}); {advice}") from error
    if not all(same):
        raise QuestionsFileError(f"{output} holds answers made with other settings; {advice}")
    if [answer.get("question") for answer in answers] != list(questions[: len(answers)]):
        raise QuestionsFileError(f"{output} holds answers to other questions; {advice}")
    if len(whole) < len(text):
        with output.open("r+b") as file:
            file.truncate(len(whole))
    return len(answers)


def _asked(row: Row) -> str:
    """The question as its answer repeats it."""
    try:
        return check_question(row["question"])
    except QuestionError:
        return row["question"]
