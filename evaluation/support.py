"""How well support is told: figures for a file of claims, and the share of supported sentences in files of answers.

    python -m evaluation.support --claims data/lfqa/claims_dev.jsonl --json
    python -m evaluation.support --sentences data/lfqa/sentence_claims_dev.jsonl --index sample
    python -m evaluation.support --answers extractive.jsonl fused.jsonl --json

A claim is judged with the passages of its `read` titles, a sentence with its evidence alone. An answer's sentences are
judged with the passages that the answer was written from, with as many random ones, and with none.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import argparse
import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from core.command import Parser, exit_status
from core.records import read_texts
from core.sentences import split_sentences
from core.terminal import remark, say, shown_json
from data.assets import asset_path
from data.passages import Passage, read_vital_articles
from data.questions import (
    Claim,
    SentenceClaim,
    beside_evidence,
    by_title,
    load_claims,
    load_sentence_claims,
    passages_by_title,
)
from evaluation.answer_files import read_passages, read_rows
from evaluation.errors import EvaluationError

if TYPE_CHECKING:
    from generator.judging import Judge

DEFAULT_CLAIMS = "data/lfqa/claims_dev.jsonl"
Report = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 for a failure, 2 for unusable arguments, 130 after Ctrl-C."""
    parser = Parser(
        prog="python -m evaluation.support", description="Measure the check of support on claims, or answers by it."
    )
    given = _arguments(parser, arguments)
    return exit_status(lambda: _run(given))


def _run(given: argparse.Namespace) -> None:
    """Read, judge and print."""
    from generator.support.model import SupportModel

    answers = {str(path): read_sentences(path) for path in given.answers}
    sentences = load_sentence_claims(given.sentences) if given.sentences else []
    claims = [] if answers or sentences else load_claims(given.claims)
    passages = _passages(given.index)
    judge = SupportModel.load()
    if claims:
        report = claims_report(claims, passages_by_title(passages), judge)
    elif sentences:
        leads = _passages(None) if given.index else ()
        report = claims_report(*_beside_evidence(sentences, [*passages, *leads]), judge)
    else:
        report = {name: answers_report(rows, passages, judge, given.seed) for name, rows in answers.items()}
    say(shown_json(report) + "\n" if given.json else text(report))


def _beside_evidence(
    sentences: Sequence[SentenceClaim], passages: Sequence[Passage]
) -> tuple[list[Claim], dict[str, Passage]]:
    """Sentences as claims about their evidence; those of which it is not found are left out, and counted.

    Raises:
        EvaluationError: none of it is found.
    """
    claims, pieces = beside_evidence(sentences, by_title(passages))
    if not claims:
        raise EvaluationError("none of the sentences' evidence is in the passages: name their index with --index")
    if len(claims) < len(sentences):
        remark(
            f"{len(sentences) - len(claims)} of {len(sentences)} are left out: their evidence is not in the passages"
        )
    return claims, pieces


def claims_report(claims: Sequence[Claim], passages: Mapping[str, Passage], judge: Judge) -> Report:
    """The figures of a file of claims.

    Args:
        claims: with verdicts.
        passages: by the names that claims give them.
        judge: gives each claim a probability.

    Returns:
        "auc": the chance that a supported claim is given more than an unsupported one; None when all have one verdict.
        "accuracy": the share on the right side of one half. "by_kind": for each kind "claims", "accuracy", "mean"
        probability and "auc", against all claims of the other verdict. "claims": how many.

    Raises:
        EvaluationError: a claim's passages are not all there.
    """
    missing = list(dict.fromkeys(title for claim in claims for title in claim.read if title not in passages))
    if missing:
        raise EvaluationError(
            f"the corpus lacks {len(missing)} of the passages that claims were read with, such as “{missing[0]}”: "
            "name their index with --index"
        )
    groups: dict[tuple[str, ...], list[int]] = {}
    for row, claim in enumerate(claims):
        groups.setdefault(claim.read, []).append(row)
    chances = np.zeros(len(claims))
    for titles, rows in tqdm(groups.items(), desc="judging", unit="passage set"):
        read = read_texts([passages[title].text for title in titles], [passages[title].title for title in titles])
        found = judge.judge([claims[row].claim for row in rows], read)
        chances[rows] = [support.probability for support in found]
    truth = np.array([claim.supported for claim in claims], bool)
    kinds = np.array([claim.kind for claim in claims])
    right = (chances >= 0.5) == truth
    return {
        "auc": _auc(chances, truth),
        "accuracy": round(float(right.mean()), 4),
        "by_kind": {
            str(kind): {
                "claims": int((kinds == kind).sum()),
                "accuracy": round(float(right[kinds == kind].mean()), 4),
                "mean": round(float(chances[kinds == kind].mean()), 4),
                "auc": _auc(chances[rows], truth[rows]),
            }
            for kind in sorted(set(kinds.tolist()))
            for rows in [(kinds == kind) | (truth != truth[kinds == kind][0])]
        },
        "claims": len(claims),
    }


def answers_report(
    rows: Sequence[tuple[list[str], list[tuple[str, str]]]],
    passages: Sequence[Passage],
    judge: Judge,
    seed: int = 0,
) -> Report:
    """The share of supported, partly supported and unsupported sentences, by the passages they are judged with.

    Args:
        rows: (sentences, passages read) of each answer.
        passages: the corpus, from which random ones are drawn.
        judge: judges the sentences.
        seed: of the drawing.

    Returns:
        "retrieved", "random" and "none", each with "supported", "partly", "not supported" (shares) and "mean"
        probability; "sentences" and "answers": how many.
    """
    rng = random.Random(seed)
    found: dict[str, list[tuple[str, float]]] = {"retrieved": [], "random": [], "none": []}
    for sentences, read in tqdm(rows, desc="judging", unit="answer"):
        drawn = rng.sample(passages, min(len(read), len(passages)))
        beside = {"retrieved": read, "random": [(p.title, p.text) for p in drawn], "none": []}
        for name, shown in beside.items():
            seen = read_texts([text for _, text in shown], [title for title, _ in shown])
            found[name] += [(support.label, support.probability) for support in judge.judge(sentences, seen)]
    total = len(found["retrieved"])
    report: Report = {
        name: {
            label: _share([mine == label for mine, _ in judged]) for label in ("supported", "partly", "not supported")
        }
        | {"mean": _share([chance for _, chance in judged])}
        for name, judged in found.items()
    }
    return report | {"sentences": total, "answers": len(rows)}


def read_sentences(path: Path) -> list[tuple[list[str], list[tuple[str, str]]]]:
    """The sentences of each answer of a file, and the (title, text) that it was written from.

    Raises:
        EvaluationError: the file is missing, empty or not of the form that `qa.py --output` writes.
    """
    answers = []
    for place, row in read_rows(path):
        if row["answer"] and "passages" not in row:
            raise EvaluationError(f'{place}: no "passages"; expected {{"question": …, "answer": …, "passages": …}}')
        answers.append((split_sentences(str(row["answer"])), list(read_passages(row, place).values())))
    return answers


def text(report: Report) -> str:
    """The figures as lines for people."""
    if "auc" in report:
        lines = [f"{report['claims']} claims: ROC AUC {report['auc']}, accuracy {report['accuracy']:.3f}"]
        for kind, row in report["by_kind"].items():
            lines.append(
                f"  {kind or '(no kind)':14} {row['claims']:5}  accuracy {row['accuracy']:.3f}  "
                f"mean {row['mean']:.3f}  AUC {row['auc']}"
            )
        return "\n".join(lines) + "\n"
    lines = []
    for name, figures in report.items():
        lines.append(f"{name}: {figures['answers']} answers, {figures['sentences']} sentences")
        for beside in ("retrieved", "random", "none"):
            row = figures[beside]
            shares = "  ".join(f"{label} {row[label]:.3f}" for label in ("supported", "partly", "not supported"))
            lines.append(f"  {beside:10} {shares}")
    return "\n".join(lines) + "\n"


def _auc(chances: np.ndarray, truth: np.ndarray) -> float | None:
    """The area under the ROC curve, ties counted half (Mann and Whitney's U); None when one verdict is missing."""
    if truth.all() or not truth.any():
        return None
    above = chances[truth][:, None] - chances[~truth][None]
    return round(float(((above > 0) + 0.5 * (above == 0)).mean()), 4)


def _share(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 4) if values else 0.0


def _passages(folder: Path | None) -> Sequence[Passage]:
    """The passages of an index folder; the vital articles without one."""
    if folder is None:
        return read_vital_articles(asset_path("vital-articles"))
    from retriever.encode import Encoder
    from retriever.index import PassageIndex

    return PassageIndex.open(folder, Encoder.load().identity).passages


def _arguments(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    add = parser.add_argument
    add("--claims", default=DEFAULT_CLAIMS, metavar="FILE", help=f"claims with verdicts (default {DEFAULT_CLAIMS})")
    add("--sentences", metavar="FILE", help="sentences with verdicts, each judged by its evidence alone, instead")
    add("--answers", type=Path, nargs="+", default=[], metavar="FILE", help="files that qa.py --output wrote, instead")
    add("--index", type=Path, metavar="DIR", help="the index whose passages were read; default: the vital articles")
    add("--seed", type=int, default=0, help="of the random passages (default 0)")
    add("--json", action="store_true", help="print JSON")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
