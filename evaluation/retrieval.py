"""The command that measures retrieval: `python -m evaluation.retrieval --questions FILE --json`.

One row each for dense, sparse and mixed search and for the teacher, the 384-d mean vectors of the embedded encoder
before this project's projections. The first title of a question is the passage to find; unanswerable questions are
left out. Metrics are those of ir-measures. It knows questions, hits and titles; what finds them, it is given.

    python -m evaluation.retrieval --questions data/lfqa/dev.jsonl --json --plot recall.png
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import argparse
import functools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from core.command import Parser, exit_status
from core.errors import needing
from core.outputs import PICTURE, check_replaceable, write_picture
from core.terminal import say
from data.questions import Question, load_questions, missing_titles, passages_by_title
from evaluation.errors import EvaluationError

if TYPE_CHECKING:
    from retriever.search import Retriever

CUTOFFS = (1, 5, 10)
# Curves are drawn up to this rank.
DEPTH = 50
METHODS = ("dense", "sparse", "mixed", "teacher")
# A run: question id → (passage id → score), the best `DEPTH` of each question.
Run = Mapping[str, Mapping[str, float]]


def measure(run: Run, relevant: Mapping[str, str]) -> dict[str, float]:
    """Recall@1, 5 and 10, and MRR@10, of one way to search.

    Args:
        run: question id → passage id → score.
        relevant: question id → the id of the passage to find.

    Returns:
        "recall@1", "recall@5", "recall@10", "mrr@10", each in [0, 1], and "questions", how many.

    >>> measure({"a": {"p": 0.9, "q": 0.8}, "b": {"p": 0.9, "q": 0.8}}, {"a": "p", "b": "q"})["mrr@10"]
    0.75
    """
    named = {f"recall@{k}": f"R@{k}" for k in CUTOFFS} | {"mrr@10": "RR@10"}
    found = _aggregate(list(named.values()), run, relevant)
    return {name: round(value, 4) for name, value in zip(named, found, strict=True)} | {"questions": len(relevant)}


def recall_curve(run: Run, relevant: Mapping[str, str], depth: int = DEPTH) -> list[float]:
    """Recall at each rank from 1 to `depth`."""
    return _aggregate([f"R@{k}" for k in range(1, depth + 1)], run, relevant)


def _aggregate(metrics: Sequence[str], run: Run, relevant: Mapping[str, str]) -> list[float]:
    """Metrics of ir-measures, by their names there, over all questions."""
    with needing("requirements-dev.txt", "measuring retrieval", EvaluationError):
        import ir_measures
    measures = [ir_measures.parse_measure(metric) for metric in metrics]
    found = ir_measures.calc_aggregate(measures, {q: {p: 1} for q, p in relevant.items()}, dict(run))
    return [found[metric] for metric in measures]


def relevant_passages(questions: Sequence[Question], retriever: Retriever) -> dict[str, str]:
    """Question id → the id of the passage of its first title, for the answerable questions.

    Raises:
        EvaluationError: no question is answerable, ids repeat, or a title is not in the index.
    """
    by_title = passages_by_title(retriever.index.passages)
    answerable = [question for question in questions if question.answerable and question.titles]
    if not answerable:
        raise EvaluationError('no question is answerable with "titles"; name a file whose lines have both')
    if len({question.id for question in answerable}) < len(answerable):
        raise EvaluationError('two questions have the same "id"; give each its own, or leave the ids out')
    missing = missing_titles([Question("", "", "", item.titles[:1]) for item in answerable], by_title)
    if missing:
        raise EvaluationError(
            f"{len(missing)} first titles are not in the index, such as {missing[0]!r}: "
            "name the index that the questions were written for with --index"
        )
    return {item.id: by_title[item.titles[0]].id for item in answerable}


def run_search(questions: Mapping[str, str], search: Callable[[str], Mapping[str, float]], name: str) -> Run:
    """Ask every question (id → text), with a progress bar when there are many."""
    bar = tqdm(questions.items(), desc=name, unit="question", disable=len(questions) < 256)
    return {number: search(text) for number, text in bar}


def evaluate(questions: Sequence[Question], retriever: Retriever, methods: Sequence[str] = METHODS) -> dict[str, Run]:
    """The runs of each way to search; the teacher only where the encoder has one.

    Raises:
        EvaluationError: see `relevant_passages`.
    """
    asked = {item.id: item.question for item in questions if item.id in relevant_passages(questions, retriever)}
    runs: dict[str, Run] = {}
    for method in methods:
        if method == "teacher":
            runs[method] = _teacher_run(asked, retriever)
        else:
            runs[method] = run_search(asked, functools.partial(_hits, retriever, method=method), method)
    return runs


def plot_recall(curves: Mapping[str, Sequence[float]], path: Path, title: str) -> None:
    """Draw recall over rank as PNG, a curve for each way to search."""
    with needing("requirements-dev.txt", "the picture", EvaluationError):
        from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axis = figure.subplots()
    for name, values in curves.items():
        axis.plot(range(1, len(values) + 1), values, label=name, marker="o", markersize=2.5, linewidth=1.4)
    axis.set(xlabel="k", ylabel="recall@k", title=title, xscale="log", xticks=[1, 2, 5, 10, 20, 50], ylim=(None, 1))
    axis.xaxis.set_major_formatter("{x:.0f}")
    axis.grid(alpha=0.3)
    axis.legend(frameon=False, loc="lower right")
    write_picture(figure, path)


def _hits(retriever: Retriever, text: str, method: str) -> dict[str, float]:
    return {hit.passage.id: hit.score for hit in retriever.search(text, DEPTH, method)}


def _teacher_run(asked: Mapping[str, str], retriever: Retriever) -> Run:
    """Cosines of the encoder's mean vectors, before any projection or adapter."""
    from retriever.teacher import Teacher

    teacher = Teacher.load()
    passages = retriever.index.passages
    scores = teacher.similarities(list(asked.values()), [passage.text for passage in passages])
    run = {}
    for number, row in zip(asked, scores, strict=True):
        best = (-row).argsort(kind="stable")[:DEPTH]
        run[number] = {passages[int(place)].id: float(row[place]) for place in best}
    return run


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure retrieval; the exit status is 0, 1 for a failure, 2 for unusable arguments, 130 after Ctrl-C."""
    parser = Parser(prog="python -m evaluation.retrieval", description="Recall and MRR of retrieval.")
    parser.add_argument("--questions", default="dev", metavar="FILE", help='"question", "titles", "answerable" a line')
    parser.add_argument("--index", metavar="DIR", help="an index folder (default: the embedded one)")
    parser.add_argument("--encoder", metavar="DIR", help="a RetriBERT checkpoint (default: the embedded one)")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), help="rows to measure")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="also draw recall over rank")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    given = parser.parse_args(arguments)
    return exit_status(lambda: _run(given))


def _run(given: argparse.Namespace) -> None:
    """Measure, print and draw."""
    if given.plot:
        check_replaceable(given.plot, PICTURE)
    runs, relevant = _measure_files(given)
    rows = {name: measure(run, relevant) for name, run in runs.items()}
    say(json.dumps(rows) + "\n" if given.json else table(rows))
    if given.plot:
        curves = {name: recall_curve(run, relevant) for name, run in runs.items()}
        plot_recall(curves, given.plot, f"{Path(given.questions).stem}, {len(relevant)} questions")


def _measure_files(given: argparse.Namespace) -> tuple[dict[str, Run], dict[str, str]]:
    """Load what the command line names, and search."""
    questions = load_questions(given.questions, required=("question", "titles"))
    from retriever.search import Retriever

    retriever = Retriever.load(given.index, given.encoder)
    return evaluate(questions, retriever, given.methods), relevant_passages(questions, retriever)


def table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """The rows as text, a column for each metric."""
    names = list(next(iter(rows.values())))
    lines = ["".join(["".ljust(10), *(name.rjust(11) for name in names)])]
    for method, row in rows.items():
        lines.append("".join([method.ljust(10), *(f"{row[name]:11.4g}" for name in names)]))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
