"""How good answers are: one row of figures for each file of answers; and the blind comparison of two files.

    python -m evaluation.answers --answers extractive.jsonl fused.jsonl
    python -m evaluation.answers --answers fused.jsonl --json --details fused-details.jsonl
    python -m evaluation.answers --generator fused --output fused.jsonl --loss

This is the command line; the metrics are in answer_metrics.py and names.py, and evaluation/README.md says what each
means.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from data.questions import QuestionSetError, load_questions
from evaluation.answer_files import AnswersFileError, read_answers, written
from evaluation.answer_metrics import Item, MissingToolError, RougeL, measure, summarize, worst_unfound

DEFAULT_QUESTIONS = "data/lfqa/dev.jsonl"
Report = dict[str, dict[str, Any]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 for a failure, 2 for unusable arguments, 130 after Ctrl-C."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if not given.answers:
        parser.error("name files of answers with --answers")
    try:
        report = _measured(given)
    except (AnswersFileError, QuestionSetError, MissingToolError) as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"{error.strerror or error}: {error.filename or 'no file named'}")
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped\n")
        return 130
    sys.stdout.write(json.dumps(report, ensure_ascii=False, indent=2) + "\n" if given.json else _text(report))
    return 0


def _parser() -> argparse.ArgumentParser:
    """The arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m evaluation.answers", description="Measure answers against their passages and written answers."
    )
    parser.add_argument(
        "--answers", type=Path, nargs="+", default=[], metavar="FILE", help="files that qa.py --output wrote"
    )
    parser.add_argument(
        "--questions",
        default=DEFAULT_QUESTIONS,
        metavar="FILE",
        help=f"the questions with their written answers (default {DEFAULT_QUESTIONS})",
    )
    parser.add_argument(
        "--written", action="store_true", help="a row for the written answers, beside the same passages"
    )
    parser.add_argument("--details", type=Path, metavar="FILE", help="write a JSON line for every answer measured")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


def _measured(given: argparse.Namespace) -> Report:
    """The report on all files."""
    questions = load_questions(given.questions)
    systems = {str(path): read_answers(path, questions) for path in given.answers}
    if given.written:
        systems["written answers"] = written(next(iter(systems.values())))
    _warn_of_differences(systems, len(questions))
    rouge_l = RougeL()
    report: Report = {}
    details: list[dict[str, Any]] = []
    for name, items in systems.items():
        measured = [measure(item, rouge_l) for item in tqdm(items, desc=name, unit="answer", leave=False)]
        report[name] = summarize(measured) | {"worst_unfound": worst_unfound(measured)}
        details += [{"answers": name} | one.to_json() for one in measured]
    if given.details:
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in details]
        given.details.write_text("".join(lines), encoding="utf-8")
    return report


def _warn_of_differences(systems: Mapping[str, Sequence[Item]], questions: int) -> None:
    """Say on stderr when files answer different questions: their rows cannot be compared then."""
    for name, items in systems.items():
        if len(items) < questions:
            sys.stderr.write(f"{name} answers {len(items)} of {questions} questions\n")
    if len({frozenset(item.id for item in items) for items in systems.values()}) > 1:
        sys.stderr.write("the files answer different questions: their rows cannot be compared\n")


_COLUMNS = {
    "answers": "questions",
    "ROUGE-L": "rouge_l",
    "unfound": "unfound",
    "unanswerable P/R/F1": "unanswerable",
    "copied": "copied",
    "stretch": "copied_stretch",
    "repeated": "repeated",
    "rep. sentences": "repeated_sentences",
    "cut": "cut",
    "empty": "empty",
    "words": "words",
    "seconds": "seconds",
    "median": "seconds_median",
}
_PERCENT = ("unfound", "copied", "repeated")


def _text(report: Report) -> str:
    """The report as a Markdown table, and the worst of the names and numbers."""
    rows = [["", *_COLUMNS]]
    rows += [[name, *(_cell(field, row.get(field)) for field in _COLUMNS.values())] for name, row in report.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rows.insert(1, ["-" * width for width in widths])
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    for name, row in report.items():
        if row.get("worst_unfound"):
            lines += ["", f"Names and numbers neither in the passages read nor in the question, {name}:"]
            lines += [f"  {worst['id']}: {', '.join(worst['unfound'])}" for worst in row["worst_unfound"]]
    return "\n".join(lines) + "\n"


def _cell(field: str, value: Any) -> str:  # noqa: ANN401
    """A figure as the table shows it."""
    if value is None:
        return "–"
    if isinstance(value, dict):
        return " / ".join(
            "–" if value[part] is None else f"{value[part]:.2f}" for part in ("precision", "recall", "f1")
        )
    if field in _PERCENT:
        return f"{100 * value:.1f}%"
    return f"{value:.3f}" if field == "rouge_l" else str(value)


def _fail(message: str) -> int:
    sys.stderr.write(f"error: {message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
