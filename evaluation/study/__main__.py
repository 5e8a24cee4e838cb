"""A study: two or more systems answer questions, judges say blind which is better, a report says what they found.

    python -m evaluation.study new my-study --questions dev --systems default extractive=generator=extractive
    python app.py --study my-study
    python -m evaluation.study report my-study --output my-report
    python -m evaluation.study export my-study --judge Ada
    python -m evaluation.study import my-study --judge Ada --by person judgements.jsonl

This is the command line; docs/study.md says how a study goes.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.command import Parser, exit_status
from core.outputs import check_apart
from core.terminal import remark, say, shown_json

if TYPE_CHECKING:
    from qa import LongFormQA


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 for a failure, 2 for unusable arguments, 130 after Ctrl-C."""
    given = _parser().parse_args(arguments)
    hint = "; run the same command again to go on" if given.command == "new" else ""
    return exit_status(lambda: _COMMANDS[given.command](given), f"stopped{hint}")


def _parser() -> argparse.ArgumentParser:
    """The arguments."""
    parser = Parser(prog="python -m evaluation.study", description="Have people judge the answers of systems blind.")
    commands = parser.add_subparsers(dest="command", required=True)
    new = commands.add_parser("new", help="draw questions and have every system answer them; a run that ended goes on")
    new.add_argument("study", type=Path, metavar="STUDY", help="the study's folder")
    new.add_argument(
        "--questions", nargs="+", required=True, metavar="FILE", help="questions, or splits such as dev, real_dev"
    )
    new.add_argument(
        "--systems",
        nargs="+",
        required=True,
        metavar="SYSTEM",
        help="two or more: NAME for the default settings, NAME=setting=value,… (index=… names what is searched), or "
        "NAME=FILE of answers",
    )
    new.add_argument("--number", type=int, default=40, help="how many questions of each kind (default 40)")
    new.add_argument("--seed", type=int, default=0, help="of the draw, the order and the sides (default 0)")
    new.add_argument(
        "--citations",
        choices=("shown", "hidden"),
        default="shown",
        help="whether a sentence is shown with the number of its passage and the evidence (default shown)",
    )
    new.add_argument("--judges", nargs="+", default=[], metavar="NAME", help="the only ones who may judge")
    report = commands.add_parser("report", help="what judges found: figures, pictures, rows")
    report.add_argument("study", type=Path, metavar="STUDY")
    report.add_argument("--output", type=Path, required=True, metavar="DIR", help="the report's folder")
    report.add_argument("--seed", type=int, default=0, help="of the bootstrap (default 0)")
    report.add_argument("--json", action="store_true", help="print the figures as JSON instead of the report")
    export = commands.add_parser("export", help="what a judge sees, as a text for readers without a browser")
    export.add_argument("study", type=Path, metavar="STUDY")
    export.add_argument("--judge", required=True, metavar="NAME")
    export.add_argument("--output", type=Path, metavar="FILE", help="instead of printing it")
    taken = commands.add_parser("import", help="take judgements from a file of JSON lines, as the export describes")
    taken.add_argument("study", type=Path, metavar="STUDY")
    taken.add_argument("file", type=Path, metavar="FILE")
    taken.add_argument("--judge", required=True, metavar="NAME")
    taken.add_argument(
        "--by", choices=("person", "language-model"), required=True, help="what the judge is; the report says it"
    )
    return parser


def _new(given: argparse.Namespace) -> None:
    """Make a study."""
    from evaluation.study.making import make, plan, read_systems

    systems, files = read_systems(given.systems)
    for path in (*files.values(), *map(Path, given.questions)):
        check_apart(given.study, path)
    manifest = plan(given.questions, systems, given.number, given.seed, given.citations, given.judges)
    make(given.study, manifest, files, _load)
    remark(
        f"{given.study} holds {len(manifest.questions)} questions and the answers of {', '.join(systems)}; judge them "
        f"with: python app.py --study {given.study}\n"
    )


def _load(index: str) -> LongFormQA:
    """The system that searches an index; "" is the embedded one."""
    from qa import LongFormQA

    return LongFormQA.load(index or None)


def _report(given: argparse.Namespace) -> None:
    """Write a report."""
    from evaluation.study.folder import open_study
    from evaluation.study.report import write_report

    figures, text = write_report(open_study(given.study), given.output, given.seed)
    say(shown_json(figures) + "\n" if given.json else text)
    remark(f"the report is in {given.output}\n")


def _export(given: argparse.Namespace) -> None:
    """Print what a judge sees."""
    from evaluation.study.exchange import export, write_export
    from evaluation.study.folder import open_study

    study = open_study(given.study)
    if given.output:
        write_export(study, given.judge, given.output)
    else:
        say(export(study, given.judge))


def _import(given: argparse.Namespace) -> None:
    """Take judgements from a file."""
    from evaluation.study.exchange import take
    from evaluation.study.folder import open_study

    count = take(open_study(given.study), given.judge, given.by.replace("-", " "), given.file)
    remark(f"{count} judgements by {given.judge} are stored in {given.study}\n")


_COMMANDS = {"new": _new, "report": _report, "export": _export, "import": _import}

if __name__ == "__main__":
    sys.exit(main())
