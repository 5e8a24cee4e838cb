"""The judgement: boosted trees over plain evidence and the cross-encoder, joined by a calibrated regression.

It knows numbers and JSON. Everything is computed with numpy; training/support_judgement.py fits it with scikit-learn.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SUPPORTED, PARTLY, UNSUPPORTED = "supported", "partly", "not supported"
# Plain features that the regression sees beside the trees, which cut them into steps.
BESIDE = ("quoted", "cosine")


@dataclass(frozen=True)
class Trees:
    """Gradient-boosted regression trees (Friedman 2001), their leaves summed into a logit.

    Attributes:
        start: the logit before the first tree.
        feature: (trees, nodes) the feature that a node asks for; -1 for a leaf.
        threshold: (trees, nodes) go left where the feature is not above it.
        left: (trees, nodes) the left child; the right one follows in `right`.
        right: (trees, nodes).
        value: (trees, nodes) what a leaf adds.
    """

    start: float
    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Features (claims, features) → logits (claims,)."""
        trees = np.arange(len(self.feature))[None]
        node = np.zeros((len(features), len(self.feature)), np.int64)
        rows = np.arange(len(features))[:, None]
        while (self.feature[trees, node] >= 0).any():
            asked = self.feature[trees, node]
            goes_left = features[rows, np.maximum(asked, 0)] <= self.threshold[trees, node]
            child = np.where(goes_left, self.left[trees, node], self.right[trees, node])
            node = np.where(asked >= 0, child, node)
        return self.start + self.value[trees, node].sum(1)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Trees:
        """From what `to_json` gave."""
        whole = {name: np.array(kept[name], np.int64) for name in ("feature", "left", "right")}
        return cls(
            kept["start"], threshold=np.array(kept["threshold"]), value=np.array(kept["value"]), **whole
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Plain lists; thresholds and leaves keep six significant digits."""
        short = {
            name: [[float(f"{x:.6g}") for x in row] for row in getattr(self, name)] for name in ("threshold", "value")
        }
        whole = {name: getattr(self, name).tolist() for name in ("feature", "left", "right")}
        return {"start": self.start} | whole | short


@dataclass(frozen=True)
class Joint:
    """What the parts say together.

    Attributes:
        names: of the plain features, in their order.
        trees: plain features → logit.
        weights: of the trees' logit, the cross-encoder's logit, and the features in `BESIDE`.
        bias: of the regression.
        supported: from this probability on, a sentence counts as supported.
        partly: from this one on, as partly supported.
    """

    names: tuple[str, ...]
    trees: Trees
    weights: tuple[float, ...]
    bias: float
    supported: float
    partly: float

    def probability(self, plain: np.ndarray, cross: np.ndarray) -> np.ndarray:
        """The probability that each claim is supported.

        Args:
            plain: (claims, features).
            cross: (claims,) logits of the cross-encoder.

        Returns:
            float64 (claims,), 0 to 1.
        """
        parts = joint_inputs(self.trees(plain), cross, plain[:, [self.names.index(name) for name in BESIDE]])
        return 1 / (1 + np.exp(-(parts @ np.array(self.weights) + self.bias)))

    def label(self, probability: float) -> str:
        """The word for a probability."""
        if probability >= self.supported:
            return SUPPORTED
        return PARTLY if probability >= self.partly else UNSUPPORTED

    @classmethod
    def load(cls, path: Path) -> Joint:
        """Read the file that `save` wrote."""
        kept = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            tuple(kept["names"]), Trees.from_json(kept["trees"]), tuple(kept["weights"]), kept["bias"],
            kept["supported"], kept["partly"],
        )  # fmt: skip

    def save(self, path: Path) -> None:
        """Write everything as JSON."""
        kept = {
            "names": self.names, "weights": self.weights, "bias": self.bias, "supported": self.supported,
            "partly": self.partly, "trees": self.trees.to_json(),
        }  # fmt: skip
        path.write_text(json.dumps(kept) + "\n", encoding="utf-8")


def joint_inputs(trees: np.ndarray, cross: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """The regression's inputs, (claims, 2 + beside).

    Args:
        trees: (claims,) logits; cut at ±8, so that no part alone can decide everything.
        cross: (claims,) logits, cut likewise.
        beside: (claims, features) plain features that count by themselves too.
    """
    return np.column_stack([np.clip(trees, -8, 8), np.clip(cross, -8, 8), beside])
