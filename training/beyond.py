"""The command that fits what tells questions beyond an encyclopedia: `python -m training.beyond --install`.

The 100 questions of `data/lfqa/beyond.jsonl` against those that people asked of an encyclopedia; takes a minute. It
prints how well it does in five folds, each question judged by a regression that did not see it.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.command import Parser, exit_status
from core.files import write_json
from core.json_lines import json_lines
from core.terminal import say
from data.questions import QuestionSetError, load_questions
from generator.selection.beyond import KINDS, WEIGHTS, Beyond
from retriever.encode import Encoder

_FILE = Path(__file__).parents[1] / "data" / "lfqa" / "beyond.jsonl"
# The strength of the regularisation is 1 / C.
_C, _FOLDS = 100.0, 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit; the exit status is 0, 1 for a failure, 130 after Ctrl-C."""
    parser = Parser(
        prog="python -m training.beyond", description="Fit what tells questions that no encyclopedia answers."
    )
    parser.add_argument("--install", action="store_true", help="put the result into the program")
    given = parser.parse_args(arguments)
    return exit_status(lambda: run(given.install))


def run(install: bool) -> None:
    """Fit, print the figures, and write the result where it belongs."""
    encoder = Encoder.load()
    beyond = [row for _, row in json_lines(_FILE, QuestionSetError)]
    plain = [question.question for split in ("real_train", "deep_train", "train") for question in load_questions(split)]
    vectors = encoder.encode_questions([row["question"] for row in beyond] + plain)
    kinds = np.array([1 + KINDS.index(row["kind"]) for row in beyond] + [0] * len(plain))
    say(json.dumps(folds(vectors, kinds)) + "\n")
    if install:
        write_json(WEIGHTS, fitted(vectors, kinds, encoder.identity).to_json())


def fitted(vectors: np.ndarray, kinds: np.ndarray, identity: str) -> Beyond:
    """The regression.

    Args:
        vectors: of the questions, (n, dimensions).
        kinds: 0 for a question of an encyclopedia, else 1 + the number of one of `KINDS`, (n,).
        identity: of the encoder that made the vectors.
    """
    from sklearn.linear_model import LogisticRegression

    found = LogisticRegression(C=_C, max_iter=3000).fit(vectors, kinds)
    return Beyond(identity, found.coef_, found.intercept_)


def folds(vectors: np.ndarray, kinds: np.ndarray) -> dict[str, int]:
    """How many questions of each kind are told as such, and how many others are, by regressions that saw neither."""
    place = np.random.default_rng(0).permutation(len(kinds)) % _FOLDS
    told = np.empty(len(kinds), object)
    for fold in range(_FOLDS):
        model = fitted(vectors[place != fold], kinds[place != fold], "")
        for row in np.flatnonzero(place == fold):
            told[row] = model.kind(vectors[row], "")
    figures = {f"{name} told": int((told[kinds == n] == name).sum()) for n, name in enumerate(KINDS, 1)}
    figures |= {f"{name}": int((kinds == n).sum()) for n, name in enumerate(KINDS, 1)}
    return figures | {"others": int((kinds == 0).sum()), "others told": int((told[kinds == 0] != "").sum())}


if __name__ == "__main__":
    sys.exit(main())
