"""The selector's calibrated judgement: the network's logits and the search's scores, joined by logistic regressions.

It knows numbers only. The regressions are fitted on questions that the network was not trained on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import UserError

# What the judgement of the whole is made of, beside a constant.
FEATURES = ("part", "whole", "passage", "best", "second", "top", "gap")
# Of these the search's; left out where its scores are of another kind than those that the judgement was fitted on.
SEARCH = ("top", "gap")
# The search's scores that it was fitted on.
SCORE_NAME = "cosine + 0.02 × BM25"
SENTENCE_FEATURES = ("logit", "part")
_MOST = 12.0


class JointError(UserError):
    """The file of the judgement is not one."""


@dataclass(frozen=True)
class Regression:
    """A logistic regression: a weight for each feature, by name, and a constant."""

    weights: Mapping[str, float]
    constant: float

    def __call__(self, features: Mapping[str, float]) -> float:
        """The probability, 0 to 1."""
        logit = self.constant + sum(weight * features[name] for name, weight in self.weights.items())
        return float(1 / (1 + np.exp(-np.clip(logit, -30, 30))))


@dataclass(frozen=True)
class Joint:
    """The judgement.

    Attributes:
        part: features → the probability that the passages hold at least a part of the answer.
        whole: the same, that they hold it whole.
        part_unscored: as `part`, without the search's scores.
        whole_unscored: as `whole`, without the search's scores.
        sentence: SENTENCE_FEATURES → the probability that a sentence belongs into the answer.
        least: below this probability of `part` the passages are said not to hold the answer.
        least_whole: from this probability of `whole`, given that they hold something, they are said to hold it whole.
    """

    part: Regression
    whole: Regression
    part_unscored: Regression
    whole_unscored: Regression
    sentence: Regression
    least: float
    least_whole: float

    @classmethod
    def load(cls, path: Path) -> Joint:
        """Read what `save` wrote.

        Raises:
            JointError: the file is missing or not of that form.
        """
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            regressions = {
                name: Regression({key: float(value) for key, value in row["weights"].items()}, float(row["constant"]))
                for name, row in kept["regressions"].items()
            }
            return cls(**regressions, least=float(kept["least"]), least_whole=float(kept["least_whole"]))
        except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise JointError(
                f"{path} is no judgement of a selector ({error}): train one, or restore the file"
            ) from error

    def to_json(self) -> dict[str, object]:
        """What `load` reads."""
        names = ("part", "whole", "part_unscored", "whole_unscored", "sentence")
        regressions: dict[str, Regression] = {name: getattr(self, name) for name in names}
        return {
            "regressions": {
                name: {"weights": dict(row.weights), "constant": row.constant} for name, row in regressions.items()
            },
            "least": self.least,
            "least_whole": self.least_whole,
        }

    def holding(self, features: Mapping[str, float]) -> tuple[float, float]:
        """The probabilities that the passages hold at least a part of the answer, and that they hold it whole."""
        scored = all(name in features for name in SEARCH)
        part = (self.part if scored else self.part_unscored)(features)
        whole = (self.whole if scored else self.whole_unscored)(features)
        return part, min(part, whole)


def holding_features(
    holds: Sequence[float], passages: Sequence[float], sentences: Sequence[float], scores: Sequence[float] | None
) -> dict[str, float]:
    """What the judgement of the whole is made of.

    Args:
        holds: the network's two logits: at least a part, the whole.
        passages: its logits of the pieces.
        sentences: its logits of the sentences.
        scores: the search's, best first; None where they are of another kind than `SCORE_NAME`.
    """
    best, second, *_ = [*sorted(sentences, reverse=True), -_MOST, -_MOST]
    found = {
        "part": float(holds[0]),
        "whole": float(holds[1]),
        "passage": max([*map(float, passages), -_MOST]),
        "best": float(best),
        "second": float(second),
    }
    if scores:
        top, *others = sorted(scores, reverse=True)
        found |= {"top": float(top), "gap": float(top - np.mean(others)) if others else 0.0}
    return found
