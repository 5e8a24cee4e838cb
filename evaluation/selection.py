"""The command that measures selection: do the passages hold the answer, and which of their sentences?

    python -m evaluation.selection --questions data/lfqa/real_dev.jsonl --json
    python -m evaluation.selection --questions data/lfqa/deep_dev.jsonl --index DIR --json --plot selection.png

A line has "question", and "holds" ("full", "part", "no") or "answerable"; with "sentences" (each with the places that
it rests on, "from") those are looked for among the sentences that were read, by title, section and first words. Beside
the selector stands the search's best score alone. With `--without-evidence` the sentences that answers rest on are
taken out of the passages first: then none holds the answer.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import argparse
import json
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from core.command import Parser, exit_status
from core.outputs import PICTURE, check_replaceable, write_picture
from core.records import Place, Retrieved, Selection
from core.sentences import split_sentences
from core.settings import Settings
from core.terminal import say
from data.questions import Question, load_questions
from evaluation.selection_metrics import bins, chosen_figures, holding_figures, precision_recall, sentence_figures

PASSAGES = 4
Report = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A question beside the passages that were found for it.

    Attributes:
        question: with its verdict.
        retrieved: the passages, all read.
        evidence: the passage sentences that its answer rests on.
    """

    question: Question
    retrieved: Retrieved
    evidence: frozenset[Place]

    @property
    def holds(self) -> str:
        """The verdict; where only "answerable" was given, "full" or "no"."""
        return self.question.holds or ("full" if self.question.answerable else "no")

    @property
    def score(self) -> float:
        """The search's best."""
        return max((part.score for part in self.retrieved.found), default=0.0)


def make_case(question: Question, retrieved: Retrieved) -> Case:
    """A question beside what was found for it, read whole."""
    wanted = {place for sentence in question.sentences for place in sentence.evidence}
    found = tuple(part.as_read(part.passage.text) for part in retrieved.found)
    evidence = frozenset(
        (part.rank, number)
        for part in found
        for number, text in enumerate(split_sentences(part.text), start=1)
        for place in wanted
        if (place.title, place.section) == (part.passage.title, part.passage.section) and text.startswith(place.begins)
    )
    return Case(question, replace(retrieved, found=found), evidence)


def without_evidence(case: Case) -> Case:
    """The same question beside passages from which its evidence was taken out."""
    found = []
    for part in case.retrieved.found:
        sentences = enumerate(split_sentences(part.text), start=1)
        kept = [text for number, text in sentences if (part.rank, number) not in case.evidence]
        found.append(part.as_read(" ".join(kept)))
    question = replace(case.question, holds="no", answerable=False)
    return Case(question, replace(case.retrieved, found=tuple(found)), frozenset())


def report(
    cases: Sequence[Case], selections: Sequence[Selection], least: float, chosen: Sequence[Collection[Place]] = ()
) -> Report:
    """The figures of a file.

    Args:
        cases: with verdicts.
        selections: of each.
        chosen: of each, the sentences that an extractive answer would be made of; left out, they are not measured.
        least: the confidence from which on the selector says that the passages hold something.

    Returns:
        "selector" and "score", each with the figures of `holding_figures` for "something" (full or part against no) and
        "whole" (full against the others); "sentences", those of `sentence_figures`; "chosen", those of
        `chosen_figures`; "decisions", how often each was
        said of each verdict; "questions", how many have each verdict, and how many were judged beside the very passages
        that were found ("as_judged").
    """
    something = [case.holds != "no" for case in cases]
    whole = [case.holds == "full" for case in cases]
    scores = [case.score for case in cases]
    evidence = [
        (
            np.array([sentence.probability for sentence in selection.sentences]),
            np.array([sentence.place in case.evidence for sentence in selection.sentences], bool),
        )
        for case, selection in zip(cases, selections, strict=True)
    ]
    return {
        "selector": {
            "something": holding_figures([selection.confidence for selection in selections], something, least),
            "whole": holding_figures([selection.whole for selection in selections], whole),
        },
        "score": {"something": holding_figures(scores, something), "whole": holding_figures(scores, whole)},
        "sentences": sentence_figures(evidence),
        "chosen": chosen_figures([(own, case.evidence) for own, case in zip(chosen, cases, strict=bool(chosen))]),
        "decisions": {
            truth: {
                said: sum(
                    case.holds == truth and selection.holds == said
                    for case, selection in zip(cases, selections, strict=True)
                )
                for said in ("full", "part", "no")
            }
            for truth in ("full", "part", "no")
        },
        "threshold": least,
        "questions": {truth: sum(case.holds == truth for case in cases) for truth in ("full", "part", "no")}
        | {"as_judged": sum(_as_judged(case) for case in cases), "with_evidence": sum(bool(c.evidence) for c in cases)},
    }


def _as_judged(case: Case) -> bool:
    """Whether the passages that were found are those that the verdict is about."""
    read = [(place.title, place.section) for place in case.question.read]
    return read == [(part.passage.title, part.passage.section) for part in case.retrieved.found]


def draw(cases: Sequence[Case], selections: Sequence[Selection], path: Path) -> None:
    """Draw reliability, and precision over the share of questions answered, as PNG."""
    from matplotlib.figure import Figure

    truth = np.array([case.holds != "no" for case in cases])
    chances = np.array([selection.confidence for selection in selections])
    scores = np.array([case.score for case in cases])
    figure = Figure(figsize=(9.6, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    rows = bins(chances)
    left.plot([0, 1], [0, 1], color="#565e68", linewidth=1, linestyle="--")
    left.plot([chances[r].mean() for r in rows], [truth[r].mean() for r in rows], marker="o", color="#0b5563")
    for row in rows:
        left.annotate(
            str(len(row)), (chances[row].mean(), truth[row].mean()), xytext=(4, -10), textcoords="offset points"
        )
    left.set(xlabel="confidence", ylabel="share that holds something", xlim=(0, 1), ylim=(0, 1), title="Reliability")
    for name, values, colour in (("selector", chances, "#0b5563"), ("best score of the search", scores, "#b98a00")):
        kept, _, answered = precision_recall(values, truth)
        right.plot(answered, kept, label=name, color=colour)
    right.axhline(truth.mean(), color="#565e68", linewidth=1, linestyle="--", label="all answered")
    right.set(xlabel="share of questions answered", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02), title="Precision")
    right.legend(frameon=False, loc="lower left")
    for axis in (left, right):
        axis.grid(alpha=0.3)
    write_picture(figure, path)


def text(found: Mapping[str, Any]) -> str:
    """The figures as lines for people."""
    counts = found["questions"]
    lines = [f"{counts['full']} full, {counts['part']} part, {counts['no']} no; threshold {found['threshold']:.2f}"]
    for judge, verdicts in (("selector", found["selector"]), ("score", found["score"])):
        for verdict, figures in verdicts.items():
            lines += [f"  {judge:9} {verdict:10} {name:24} {_shown(figure)}" for name, figure in figures.items()]
    lines += [
        f"  {part:20} {name:24} {_shown(figure)}"
        for part in ("sentences", "chosen")
        for name, figure in found[part].items()
    ]
    lines += [f"  {truth:5} said to be {said}" for truth, said in found["decisions"].items()]
    return "\n".join(lines) + "\n"


def _shown(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return "–"
    return f"{figure['value']:.3f} ({figure['interval'][0]:.3f} to {figure['interval'][1]:.3f})"


def run(given: argparse.Namespace) -> tuple[list[Case], list[Selection], float, list[list[Place]]]:
    """Find passages and select."""
    from generator.selecting import Room, chosen
    from generator.selection.model import SelectorModel
    from retriever.search import Retriever

    questions = load_questions(given.questions, required=("question",))
    retriever, selector = Retriever.load(given.index), SelectorModel.load()
    cases = [make_case(q, retriever.find(q.question, PASSAGES)) for q in tqdm(questions, desc="finding")]
    if given.without_evidence:
        cases = [without_evidence(case) for case in cases if case.evidence]
    selections = [selector.select(case.retrieved) for case in tqdm(cases, desc="selecting")]
    room = Room.of(Settings())
    places = [
        [sentence.place for sentence in chosen(selector, replace(case.retrieved, selection=selection), room)]
        for case, selection in zip(cases, tqdm(selections, desc="choosing"), strict=True)
    ]
    return cases, selections, selector.joint.least, places


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure selection; the exit status is 0, 1 for a failure, 130 after Ctrl-C."""
    parser = Parser(prog="python -m evaluation.selection", description="How well sentences are chosen.")
    add = parser.add_argument
    add("--questions", required=True, metavar="FILE", help="JSONL, or a split such as real_dev")
    add("--index", metavar="DIR", help="an index folder (default: the embedded one)")
    add("--without-evidence", action="store_true", help="take the sentences that answers rest on out of the passages")
    add("--plot", type=Path, metavar="PNG", help="also draw reliability and precision over coverage")
    add("--json", action="store_true", help="print one JSON object instead of lines")
    given = parser.parse_args(arguments)

    def work() -> None:
        if given.plot:
            check_replaceable(given.plot, PICTURE)
        cases, selections, least, places = run(given)
        found = report(cases, selections, least, places)
        say(json.dumps(found) + "\n" if given.json else text(found))
        if given.plot:
            draw(cases, selections, given.plot)

    return exit_status(work)


if __name__ == "__main__":
    sys.exit(main())
