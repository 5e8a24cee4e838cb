"""How good answers are: one row of figures for each file of answers.

    python -m evaluation.answers --answers extractive.jsonl fused.jsonl
    python -m evaluation.answers --answers fused.jsonl --json --details fused-details.jsonl
    python -m evaluation.answers --generator fused --output fused.jsonl --loss
    python -m evaluation.answers --answers fused.jsonl --judged
    python -m evaluation.answers --generator fused --control control.jsonl

This is the command line; the metrics are in answer_metrics.py, names.py, citations.py, declining.py and loss.py, and
evaluation/README.md says what each figure means. People's judgements are `python -m evaluation.study`'s.
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
from evaluation.citations import by_judge, citation_figures, nugget_figures
from evaluation.declining import Swapped, control, declining_figures

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
    """Measure and print."""
    _check_files(given)
    say(_report(given))


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
    add("--seed", type=int, default=0, help="of random passages and sampling (default 0)")
    add(
        "--judged",
        action="store_true",
        help="citation recall and precision and, where the questions have nuggets, the share found, by the program's "
        "own judge",
    )
    own = parser.add_argument_group("a generator run here (all its other settings are the defaults of qa.py)")
    add = own.add_argument
    add(
        "--generator",
        metavar="NAME_OR_PATH",
        help="extractive, fused, writer, or a seq2seq checkpoint's name or folder",
    )
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
    add(
        "--control",
        type=Path,
        metavar="FILE",
        help="answer the questions beside passages found for other ones, into this file: how many are declined",
    )
    add("--retrieval", default=ask.retrieval, help=f"{', '.join(METHODS)} (default {ask.retrieval})")
    add("--passages", type=int, default=ask.passages, help=f"how many (default {ask.passages})")
    add("--index", type=Path, metavar="DIR", help="an index folder; default: the vital articles")
    return parser


def _check(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """End with a usage error where the arguments do not fit together."""
    runs = given.output is not None or given.loss is not None or given.control is not None
    read = {*given.answers, given.questions}
    for path in (given.details, given.output, given.loss, given.control):
        if path in read:
            parser.error(f"{path} is both read and written; name another file to write")
    if runs and not given.generator:
        parser.error("--output, --loss and --control need --generator")
    if given.generator and not runs:
        parser.error("say what to measure of the generator: --output FILE for its answers, --loss, --control FILE")
    if not given.answers and not runs:
        parser.error("name files of answers with --answers, or a generator with --generator")
    written_to = [path for path in (given.output, given.loss, given.control) if path is not None]
    if len(set(written_to)) < len(written_to):
        parser.error("--output, --loss and --control need a file each")
    if (given.written or given.judged) and not (given.answers or given.output):
        parser.error("--written and --judged need answers whose passages it can use: --answers or --output")


def _check_files(given: argparse.Namespace) -> None:
    """See before the work that what is to be written is neither read nor somebody else's.

    Raises:
        core.outputs.OutputError: it is.
    """
    loss = given.loss if given.loss is not None and given.loss.name else None
    writes = [path for path in (given.details, given.output, loss, given.control) if path]
    for place, path in enumerate(writes):
        check_apart(path, *given.answers, given.questions, *writes[:place])
    if given.details:
        check_replaceable(given.details, _DETAILS)


def _report(given: argparse.Namespace) -> str:
    """A row for every file of answers, and for the generator that was run; what to print."""
    questions = load_questions(given.questions)
    files = list(given.answers)
    more: Report = {}
    if given.generator:
        from qa import LongFormQA

        settings = Settings(given.retrieval, given.passages, given.generator, seed=given.seed)
        with open_batch(given.questions, given.output, settings) if given.output else nullcontext() as batch:
            qa = LongFormQA.load(given.index)
            if batch:
                batch.answer(qa.ask)
                files.append(given.output)
        if given.control:
            swapped = Swapped.load(given.index)
            assert isinstance(swapped, Swapped)
            more[str(given.control)] = {"control": control(swapped, questions, settings, given.control)}
        if given.loss is not None:
            name = str(given.output or given.generator)
            more[name] = _losses(qa, questions, settings, given.loss if given.loss.name else None)
    report = _measured(files, questions, given)
    for name, row in more.items():
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
    rouge_l, judged = RougeL(), _judged if given.judged else lambda items: {}
    report: Report = {}
    details: list[Row] = []
    for name, items in systems.items():
        measured = [measure(item, rouge_l) for item in tqdm(items, desc=name, unit="answer", leave=False)]
        report[name] = summarize(measured) | {"declining": declining_figures(items)} | judged(items)
        report[name]["worst_unfound"] = worst_unfound(measured)
        details += [{"answers": name} | one.to_json() for one in measured]
    if given.details:
        write_own_text(given.details, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in details), _DETAILS)
    return report


def _judged(items: Sequence[Item]) -> Row:
    """What the judge says of a file of answers. It is the program's only one, so answers of ours were made with it."""
    from generator.support.model import SupportModel

    supports = by_judge(SupportModel.load())
    judge = "the program's support model; it also judged sentences while the program's own answers were made"
    found = {"citations": citation_figures(items, supports) | {"judge": judge}}
    nuggets = nugget_figures(items, supports)
    return found | ({"nuggets": nuggets | {"judge": judge}} if nuggets else {})


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
    "answered/right/declined right": "declining",
    "citations R/P": "citations",
    "nuggets vital/all": "nuggets",
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
_RUN_COLUMNS = {"loss retrieved/random/none": "loss", "gain": "gain", "control declined": "control"}
_PARTS = {
    "loss": ("retrieved", "random", "none"),
    "unanswerable": ("precision", "recall", "f1"),
    "declining": ("answered", "right_answering", "right_declining"),
    "citations": ("recall", "precision"),
    "nuggets": ("vital", "all"),
    "control": ("declined",),
}
_PERCENT = ("unfound", "copied", "repeated")


def _text(report: Report) -> str:
    """The report as a Markdown table, notes, and the worst of the names and numbers."""
    measured = {field for row in report.values() for field in row} | {"questions"}
    measured |= {"gain"} if "loss" in measured else set()
    columns = {name: field for name, field in (_COLUMNS | _RUN_COLUMNS).items() if field in measured}
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
        parts = _PARTS[field]
        return " / ".join("–" if value[part] is None else f"{value[part]:.2f}" for part in parts)
    if field in _PERCENT:
        return f"{100 * value:.1f}%"
    return f"{value:.3f}" if field == "rouge_l" else str(value)


def _json(content: Row) -> str:
    return shown_json(content) + "\n"


if __name__ == "__main__":
    sys.exit(main())
