"""Questions that no encyclopedia answers: about the asker, or about what is new today.

A logistic regression over the question's own vector, as search has made it; it counts only where the vector is that of
the encoder that it was fitted on. It knows vectors, no texts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import UserError

WEIGHTS = Path(__file__).with_name("beyond.json")
ABOUT_ASKER, ABOUT_NOW = "asker", "now"
KINDS = (ABOUT_ASKER, ABOUT_NOW)


class BeyondError(UserError):
    """The file of the regression is not one."""


@dataclass(frozen=True)
class Beyond:
    """The regression.

    Attributes:
        identity: of the encoder whose vectors it reads.
        weights: float64 (1 + kinds, dimensions), the first row for all other questions.
        constants: float64 (1 + kinds,).
        least: the probability from which a kind is said.
    """

    identity: str
    weights: np.ndarray
    constants: np.ndarray
    least: float = 0.5

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> Beyond:
        """Read what `save` wrote.

        Raises:
            BeyondError: the file is missing or not of that form.
        """
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                str(kept["identity"]),
                np.array(kept["weights"], np.float64).reshape(1 + len(KINDS), -1),
                np.array(kept["constants"], np.float64).reshape(1 + len(KINDS)),
                float(kept["least"]),
            )
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise BeyondError(
                f"{path} does not tell questions beyond an encyclopedia ({error}): restore it, or run "
                "`python -m training.beyond --install`"
            ) from error

    def to_json(self) -> dict[str, object]:
        """What `load` reads."""
        return {
            "identity": self.identity,
            "least": self.least,
            "constants": self.constants.round(4).tolist(),
            "weights": self.weights.round(4).tolist(),
        }

    def kind(self, vector: np.ndarray | None, identity: str) -> str:
        """One of `KINDS`, or "" for any other question.

        Args:
            vector: of the question, float32 (dimensions,); None where nothing embedded it.
            identity: of the encoder that made it.
        """
        if vector is None or identity != self.identity or len(vector) != self.weights.shape[1]:
            return ""
        logits = self.weights @ vector + self.constants
        chances = np.exp(logits - logits.max())
        chances /= chances.sum()
        best = int(chances[1:].argmax())
        return KINDS[best] if chances[1 + best] >= self.least else ""
