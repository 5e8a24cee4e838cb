"""How near the questions of one set stand to those of another: what of a test was learnt from (Lewis et al. 2021).

    python -m evaluation.question_overlap --train data/lfqa/real_train.jsonl --test data/lfqa/real_dev.jsonl

For each test question its nearest training question, by the retriever's vectors and by shared word trigrams.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.command import Parser, exit_status
from core.overlap import ngrams
from core.terminal import say, shown_json
from core.words import folded_words
from data.questions import load_questions

if TYPE_CHECKING:
    from collections.abc import Callable

Row = dict[str, Any]
WORDS = 3
NEAR = (0.8, 0.9)  # cosines; shares of trigrams are counted from a half on
_SHOWN = 10


@dataclass(frozen=True)
class Nearest:
    """A test question beside the training questions that stand nearest.

    Attributes:
        question: of the test.
        cosine: with the nearest by vectors.
        by_vector: that one.
        shared: the share of its word trigrams that the nearest by words has, too; a shorter one counts as a whole.
        by_words: that one.
    """

    question: str
    cosine: float
    by_vector: str
    shared: float
    by_words: str


def nearest(train: Sequence[str], test: Sequence[str], embed: Callable[[Sequence[str]], np.ndarray]) -> list[Nearest]:
    """The nearest training question of each test question.

    Args:
        train: one or more.
        test: any number.
        embed: questions → float32 (questions, dimensions), rows of unit length.
    """
    cosines = embed(test) @ embed(train).T
    grams = [_grams(question) for question in train]
    found = []
    for row, question in enumerate(test):
        own = _grams(question)
        shares = [len(own & other) / len(own) if own else 0.0 for other in grams]
        near, alike = int(cosines[row].argmax()), int(np.argmax(shares))
        found.append(Nearest(question, float(cosines[row, near]), train[near], shares[alike], train[alike]))
    return found


def _grams(question: str) -> set[tuple[str, ...]]:
    """Word trigrams; of fewer words, all of them as one.

    >>> _grams("Why is honey sweet?") == {("why", "is", "honey"), ("is", "honey", "sweet")}
    True
    """
    words = folded_words(question)
    return set(map(tuple, ngrams(words, min(WORDS, len(words))))) if words else set()


def overlap_figures(found: Sequence[Nearest]) -> Row:
    """The figures of a test set: how many of its questions stand how near."""
    cosines, shares = (np.array([getattr(one, name) for one in found]) for name in ("cosine", "shared"))
    return {
        "questions": len(found),
        "same": int((shares == 1).sum()),
        "cosine": {"mean": _rounded(cosines.mean()), "median": _rounded(np.median(cosines))}
        | {f"from {near}": _rounded((cosines >= near).mean()) for near in NEAR},
        "trigrams": {"mean": _rounded(shares.mean()), "from 0.5": _rounded((shares >= 0.5).mean())},
        "nearest": [
            {"question": one.question, "train": one.by_vector, "cosine": _rounded(one.cosine)}
            for one in sorted(found, key=lambda one: -one.cosine)[:_SHOWN]
        ],
    }


def _rounded(value: float) -> float:
    return round(float(value), 4)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 for a failure, 2 for unusable arguments, 130 after Ctrl-C."""
    parser = Parser(
        prog="python -m evaluation.question_overlap", description="Say how near test questions stand to training ones."
    )
    parser.add_argument("--train", nargs="+", required=True, metavar="FILE", help="training questions, or splits")
    parser.add_argument("--test", nargs="+", required=True, metavar="FILE", help="test questions, or splits")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    return exit_status(lambda: _run(given))


def _run(given: argparse.Namespace) -> None:
    """Read, compare and print."""
    from retriever.encode import Encoder

    train, test = (
        [item.question for file in files for item in load_questions(file, required=("question",))]
        for files in (given.train, given.test)
    )
    figures = overlap_figures(nearest(train, test, Encoder.load().encode_questions))
    say(shown_json(figures) + "\n" if given.json else text(figures))


def text(figures: Row) -> str:
    """The figures as lines for people."""
    cosine, trigrams = figures["cosine"], figures["trigrams"]
    lines = [
        f"{figures['questions']} test questions, {figures['same']} of whose trigrams one training question has all",
        f"nearest by vectors: cosine {cosine['mean']:.2f} in the mean, {cosine['median']:.2f} in the median; "
        + ", ".join(f"{cosine[f'from {near}']:.1%} from {near} on" for near in NEAR),
        f"nearest by trigrams: {trigrams['mean']:.1%} shared in the mean, half or more by {trigrams['from 0.5']:.1%}",
        *(f"  {one['cosine']:.2f}  {one['question']}  ~  {one['train']}" for one in figures["nearest"]),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
