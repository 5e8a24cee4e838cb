"""How good answers are: one row of figures for each file of answers; and the blind comparison of two files.

    python -m evaluation.answers --answers extractive.jsonl fused.jsonl
    python -m evaluation.answers --answers fused.jsonl --json --details fused-details.jsonl
    python -m evaluation.answers --generator fused --output fused.jsonl --loss
    python -m evaluation.answers --compare extractive.jsonl fused.jsonl --sheet sheet.html
    python -m evaluation.answers --votes votes.json --key sheet.key.json

This is the command line; the metrics are in answer_metrics.py, names.py and loss.py, the comparison is in sheet.py and
votes.py, and evaluation/README.md says what each figure means.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from batch import open_batch
from core.command import Parser, exit_status
from core.outputs import beginning, check_apart, check_replaceable, write_own_text
from core.settings import METHODS, Settings
from core.terminal import remark, say, shown_json
from data.questions import Question, load_questions
from evaluation.answer_files import read_answers, written
from evaluation.answer_metrics import Item, RougeL, measure, summarize, worst_unfound
from evaluation.comparison import tally_text, write_sheet
from evaluation.votes import tally

if TYPE_CHECKING:
    from qa import LongFormQA

DEFAULT_QUESTIONS = "data/lfqa/dev.jsonl"
# A line of --details: the file of answers comes first.
_DETAILS = beginning(b'{"answers": "', b'"rouge_l": ')
Row = dict[str, Any]
Report = dict[str, Row]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 for a failure, 2 for unusable arguments, 130 after Ctrl-C."""
    parser = _parser()
    given = parser.parse_args(arguments)
    _check(parser, given)
    hint = "; run the same command again to go on" if given.generator else ""
    return exit_status(lambda: _run(given), f"stopped{hint}")


def _run(given: argparse.Namespace) -> None:
    """Measure or compare, and print."""
    _check_files(given)
    say(_compared(given) if given.compare or given.votes else _report(given))


def _parser() -> argparse.ArgumentParser:
    """The arguments."""
    ask = Settings()
    parser = Parser(
        prog="python -m evaluation.answers", description="Measure answers against their passages and written answers."
    )
    add = parser.add_argument
    add("--answers", type=Path, nargs="+", default=[], metavar="FILE", help="files that qa.py --output wrote")
    add(
        "--questions",
        type=Path,
        default=DEFAULT_QUESTIONS,
        metavar="FILE",
        help=f"the questions with their written answers (default {DEFAULT_QUESTIONS})",
    )
    add("--written", action="store_true", help="a row for the written answers, beside the passages of the first file")
    add("--details", type=Path, metavar="FILE", help="write a JSON line for every answer measured")
    add("--json", action="store_true", help="print JSON instead of a table")
    add("--seed", type=int, default=0, help="of random passages, sampling and the blind sheet (default 0)")
    own = parser.add_argument_group("a generator run here (all its other settings are the defaults of qa.py)")
    add = own.add_argument
    add("--generator", metavar="NAME_OR_PATH", help="extractive, fused, or a seq2seq checkpoint's name or folder")
    add("--output", type=Path, metavar="FILE", help="answer the questions into this file, then measure it")
    add(
        "--loss",
        type=Path,
        nargs="?",
        const=Path(),
        metavar="FILE",
        help="the loss of the written answers with retrieved, random and no passages; with FILE, a run that ended "
        "early goes on",
    )
    add("--retrieval", default=ask.retrieval, help=f"{', '.join(METHODS)} (default {ask.retrieval})")
    add("--passages", type=int, default=ask.passages, help=f"how many (default {ask.passages})")
    add("--index", type=Path, metavar="DIR", help="an index folder; default: the vital articles")
    blind = parser.add_argument_group("a blind comparison, judged by people")
    add = blind.add_argument
    add("--compare", type=Path, nargs=2, metavar=("A", "B"), help="two files of answers, side by side on a blind sheet")
    add("--sheet", type=Path, metavar="FILE", help="the sheet, an HTML file, to be written")
    add("--number", type=int, default=40, help="how many questions are drawn (default 40)")
    add("--votes", type=Path, nargs="+", default=[], metavar="FILE", help="what judges saved: tell it apart and count")
    add("--key", type=Path, metavar="FILE", help="which answer was whose (default beside the sheet: SHEET.key.json)")
    return parser


def _check(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """End with a usage error where the arguments do not fit together."""
    runs = given.output is not None or given.loss is not None
    read = {*given.answers, given.questions, *(given.compare or ()), *given.votes}
    for path in (given.details, given.output, given.loss, given.sheet):
        if path in read:
            parser.error(f"{path} is both read and written; name another file to write")
    if given.compare or given.votes:
        if given.compare and (given.votes or not given.sheet):
            parser.error("--compare needs --sheet FILE, and --votes comes later, once there are votes")
        if given.votes and not given.key:
            parser.error("--votes needs --key FILE, which --compare wrote beside the sheet")
        if given.answers or given.generator or runs:
            parser.error("--compare and --votes go without --answers and --generator")
        return
    if runs and not given.generator:
        parser.error("--output and --loss need --generator")
    if given.generator and not runs:
        parser.error("say what to measure of the generator: --output FILE for its answers, --loss, or both")
    if not given.answers and not runs:
        parser.error("name files of answers with --answers, or a generator with --generator")
    if given.output is not None and given.output == given.loss:
        parser.error("--output and --loss need a file each")
    if given.written and not (given.answers or given.output):
        parser.error("--written needs answers whose passages it can use: --answers or --output")


def _check_files(given: argparse.Namespace) -> None:
    """See before the work that what is to be written is neither read nor somebody else's.

    Raises:
        core.outputs.OutputError: it is.
    """
    loss = given.loss if given.loss is not None and given.loss.name else None
    writes = [path for path in (given.details, given.output, loss, given.sheet) if path]
    for place, path in enumerate(writes):
        check_apart(path, *given.answers, given.questions, *(given.compare or ()), *given.votes, *writes[:place])
    if given.details:
        check_replaceable(given.details, _DETAILS)


def _compared(given: argparse.Namespace) -> str:
    """Write a blind sheet, or count the votes on one; what to print."""
    if given.compare:
        questions = load_questions(given.questions)
        done = write_sheet(given.compare, questions, given.sheet, given.key, given.seed, given.number)
        text = (
            "{sheet} shows {questions} questions; {key} says which answer is whose: do not open it before the votes\n"
        )
        return _json(done) if given.json else text.format(**done)
    counted = tally(given.votes, given.key)
    return _json(counted) if given.json else tally_text(counted)


def _report(given: argparse.Namespace) -> str:
    """A row for every file of answers, and for the generator that was run; what to print."""
    questions = load_questions(given.questions)
    files = list(given.answers)
    losses: dict[str, Any] = {}
    if given.generator:
        from qa import LongFormQA

        settings = Settings(given.retrieval, given.passages, given.generator, seed=given.seed)
        with open_batch(given.questions, given.output, settings) if given.output else nullcontext() as batch:
            qa = LongFormQA.load(given.index)
            if batch:
                batch.answer(qa.ask)
                files.append(given.output)
        if given.loss is not None:
            name = str(given.output or given.generator)
            losses[name] = _losses(qa, questions, settings, given.loss if given.loss.name else None)
    report = _measured(files, questions, given)
    for name, row in losses.items():
        report[name] = report.get(name, {"questions": len(questions)}) | row
    return _json(report) if given.json else _text(report)


def _losses(qa: LongFormQA, questions: Sequence[Question], settings: Settings, output: Path | None) -> Row:
    """The part of a row that says how likely the generator finds the written answers."""
    from evaluation.loss import Scoring, measure_losses, summarize_losses

    if not isinstance(qa.generator(settings.generator), Scoring):
        return {"loss": None, "note": f"the generator {settings.generator} gives no probabilities, so it has no loss"}
    return {"loss": summarize_losses(measure_losses(qa, questions, settings, output))}


def _measured(files: Sequence[Path], questions: Sequence[Question], given: argparse.Namespace) -> Report:
    """The rows of files of answers."""
    if not files:
        return {}
    systems = {str(path): read_answers(path, questions) for path in files}
    if given.written:
        systems["written answers"] = written(next(iter(systems.values())))
    _warn_of_differences(systems, len(questions))
    rouge_l = RougeL()
    report: Report = {}
    details: list[Row] = []
    for name, items in systems.items():
        measured = [measure(item, rouge_l) for item in tqdm(items, desc=name, unit="answer", leave=False)]
        report[name] = summarize(measured) | {"worst_unfound": worst_unfound(measured)}
        details += [{"answers": name} | one.to_json() for one in measured]
    if given.details:
        write_own_text(given.details, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in details), _DETAILS)
    return report


def _warn_of_differences(systems: Mapping[str, Sequence[Item]], questions: int) -> None:
    """Say on stderr when files answer different questions: their rows cannot be compared then."""
    for name, items in systems.items():
        if len(items) < questions:
            remark(f"{name} answers {len(items)} of {questions} questions\n")
    if len({frozenset(item.id for item in items) for items in systems.values()}) > 1:
        remark("the files answer different questions: their rows cannot be compared\n")


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
_LOSS_COLUMNS = {"loss retrieved/random/none": "loss", "gain": "gain"}
_PERCENT = ("unfound", "copied", "repeated")


def _text(report: Report) -> str:
    """The report as a Markdown table, notes, and the worst of the names and numbers."""
    columns = (_COLUMNS if any("words" in row for row in report.values()) else {"answers": "questions"}) | (
        _LOSS_COLUMNS if any("loss" in row for row in report.values()) else {}
    )
    rows = [["", *columns]]
    rows += [[name, *(_cell(field, row) for field in columns.values())] for name, row in report.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rows.insert(1, ["-" * width for width in widths])
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines += [f"\n{name}: {row['note']}" for name, row in report.items() if "note" in row]
    for name, row in report.items():
        if row.get("worst_unfound"):
            lines += ["", f"Names and numbers neither in the passages read nor in the question, {name}:"]
            lines += [f"  {worst['id']}: {', '.join(worst['unfound'])}" for worst in row["worst_unfound"]]
    return "\n".join(lines) + "\n"


def _cell(field: str, row: Row) -> str:
    """A figure as the table shows it."""
    value = (row.get("loss") or {}).get("gain") if field == "gain" else row.get(field)
    if value is None:
        return "–"
    if isinstance(value, dict):
        parts = ("retrieved", "random", "none") if field == "loss" else ("precision", "recall", "f1")
        return " / ".join("–" if value[part] is None else f"{value[part]:.2f}" for part in parts)
    if field in _PERCENT:
        return f"{100 * value:.1f}%"
    return f"{value:.3f}" if field == "rouge_l" else str(value)


def _json(content: Row) -> str:
    return shown_json(content) + "\n"


if __name__ == "__main__":
    sys.exit(main())
