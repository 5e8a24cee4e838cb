"""The two ends of a blind comparison on the command line: writing the sheet with its key, and telling the tally.

It knows files and what to print; the sheet is made in sheet.py, votes are counted in votes.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.outputs import beginning, check_replaceable, write_own_json, write_own_text
from data.questions import Question
from evaluation.answer_files import read_answers
from evaluation.sheet import make_sheet
from evaluation.votes import CLAIMS, VERDICTS

_SHEET = beginning(b"<!doctype html>", b"<title>Two answers, judged blind</title>")
_KEY = beginning(b'{\n "sheet": "', b'"systems"')
Row = dict[str, Any]


def write_sheet(
    files: Sequence[Path], questions: Sequence[Question], sheet: Path, key: Path | None, seed: int, number: int
) -> Row:
    """Write a sheet and its key.

    Args:
        files: two files of answers.
        questions: with the written answers.
        sheet: where the HTML goes.
        key: where the key goes; beside the sheet, with the ending .key.json, when None.
        seed: of the draw and the sides.
        number: of questions.

    Returns:
        Where things are: {"sheet": …, "key": …, "questions": …}.

    Raises:
        EvaluationError: a file of answers is not what it should be, or no sheet can be made of them.
        core.outputs.OutputError: sheet or key would replace somebody else's file.
    """
    page, secret = make_sheet({str(path): read_answers(path, questions) for path in files}, seed, number)
    key = key or default_key(sheet)
    # Neither is written where the other cannot be.
    check_replaceable(key, _KEY, sheet, *files)
    write_own_text(sheet, page, _SHEET, *files)
    write_own_json(key, secret, _KEY, indent=1)
    return {"sheet": str(sheet), "key": str(key), "questions": len(secret["left"])}


def default_key(sheet: Path) -> Path:
    """Where the key of a sheet goes when nothing else is said.

    >>> str(default_key(Path("runs/sheet.html")))
    'runs/sheet.key.json'
    """
    return sheet.with_suffix(".key.json")


def tally_text(row: Row) -> str:
    """A tally as Markdown tables."""
    claims, verdicts = " / ".join(CLAIMS), " / ".join(VERDICTS)
    lines = [f"| | sentences | {claims} | answers | {verdicts} |", "| --- | --- | --- | --- | --- |"]
    for name, system in row["systems"].items():
        claim, verdict = system["claims"], system["verdicts"]
        shares = " / ".join(_share(claim[kind]) for kind in CLAIMS)
        counts = " / ".join(str(verdict[kind]["count"]) for kind in VERDICTS)
        lines.append(f"| {name} | {claim['judged']} | {shares} | {verdict['judged']} | {counts} |")
    chosen = row["preference"]
    kinds = ", ".join(f"{name} {chosen[name]}" for name in (*row["systems"], "tie", "both bad"))
    lines += ["", f"Preferred: {kinds} (sign test without ties: p = {chosen['p']:.3g})"]
    if chosen["share"]["share"] is not None:
        lines.append(f"Of the decided, {chosen['share']['of']}: {_share(chosen['share'])}")
    lines.append(f"{row['questions']} of {row['of']} questions, judges: {row['judges']}; in brackets, 95% intervals")
    return "\n".join(lines) + "\n"


def _share(part: Row) -> str:
    """A share with its interval."""
    if part["share"] is None:
        return "–"
    low, high = part["interval"]
    return f"{100 * part['share']:.0f}% ({100 * low:.0f} to {100 * high:.0f})"
