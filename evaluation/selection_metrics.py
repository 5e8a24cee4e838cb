"""Figures of how well it is told whether passages hold an answer, and which of their sentences belong into it.

It knows probabilities and verdicts. Intervals are percentiles of bootstrap samples of the questions (Efron 1979).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

SAMPLES = 1000
_BINS = 10
Figure = dict[str, float | list[float] | None]


def roc_auc(chances: np.ndarray, truth: np.ndarray) -> float:
    """The area under the ROC curve, ties counted half (Mann and Whitney's U); NaN when one verdict is missing.

    >>> roc_auc(np.array([0.9, 0.5, 0.5]), np.array([True, True, False]))
    0.75
    """
    if truth.all() or not truth.any():
        return float("nan")
    above = chances[truth][:, None] - chances[~truth][None]
    return float(((above > 0) + 0.5 * (above == 0)).mean())


def average_precision(chances: np.ndarray, truth: np.ndarray) -> float:
    """The mean precision at each that is right, equal chances taken together; NaN when none is right.

    >>> round(average_precision(np.array([0.9, 0.8, 0.1]), np.array([True, False, True])), 4)
    0.8333
    """
    if not truth.any():
        return float("nan")
    order = np.argsort(-chances, kind="stable")
    right = np.cumsum(truth[order])
    ends = np.append(np.nonzero(np.diff(chances[order]))[0], len(chances) - 1)
    gained = np.diff(np.append(0, right[ends]))
    return float((gained * right[ends] / (ends + 1)).sum() / right[-1])


def f1(chances: np.ndarray, truth: np.ndarray, least: float) -> float:
    """F1 of saying yes from `least` on; 0 when nothing is right."""
    said = chances >= least
    total = said.sum() + truth.sum()
    return float(2 * (said & truth).sum() / total) if total else float("nan")


def precision(chances: np.ndarray, truth: np.ndarray, least: float) -> float:
    """The share that is right of those from `least` on; NaN when there are none."""
    said = chances >= least
    return float(truth[said].mean()) if said.any() else float("nan")


def recall(chances: np.ndarray, truth: np.ndarray, least: float) -> float:
    """The share of what is right that is from `least` on; NaN when nothing is right."""
    return float((chances[truth] >= least).mean()) if truth.any() else float("nan")


def coverage(chances: np.ndarray, truth: np.ndarray, wanted: float = 0.9) -> float:
    """The largest share of what is right that is reached with so much precision; 0 when that is never reached."""
    kept, found, _ = precision_recall(chances, truth)
    reached = found[kept >= wanted]
    return float(reached.max()) if len(reached) else 0.0


def best_precision(chances: np.ndarray, truth: np.ndarray, wanted: float = 0.6) -> float:
    """The highest precision with which at least so much of what is right is reached; NaN when nothing is right."""
    kept, found, _ = precision_recall(chances, truth)
    reached = kept[found >= wanted]
    return float(reached.max()) if len(reached) else float("nan")


def precision_recall(chances: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and the share of all questions answered, at each chance from the highest on."""
    if not truth.any():
        return np.zeros(0), np.zeros(0), np.zeros(0)
    order = np.argsort(-chances, kind="stable")
    right = np.cumsum(truth[order])
    ends = np.append(np.nonzero(np.diff(chances[order]))[0], len(chances) - 1)
    return right[ends] / (ends + 1), right[ends] / right[-1], (ends + 1) / len(chances)


def calibration_error(chances: np.ndarray, truth: np.ndarray) -> float:
    """How far chances are from the shares that are right, in ten bins of equal width (Naeini et al. 2015)."""
    return float(
        sum(len(rows) * abs(chances[rows].mean() - truth[rows].mean()) for rows in bins(chances)) / len(chances)
    )


def bins(chances: np.ndarray) -> list[np.ndarray]:
    """The places of the chances in each tenth of [0, 1]; empty tenths are left out."""
    tenths = np.minimum((chances * _BINS).astype(int), _BINS - 1)
    return [rows for tenth in range(_BINS) if len(rows := np.nonzero(tenths == tenth)[0])]


def with_interval(measure: Callable[[np.ndarray], float], count: int, seed: int = 0) -> Figure:
    """A figure with its 95% interval over questions.

    Args:
        measure: rows (n,) → the figure of these questions; NaN where it has none.
        count: how many questions there are.
        seed: of the samples.

    Returns:
        "value" and "interval"; None for both when there is no figure.
    """
    if not count or np.isnan(value := measure(np.arange(count))):
        return {"value": None, "interval": None}
    random = np.random.default_rng(seed)
    drawn = [measure(random.integers(count, size=count)) for _ in range(SAMPLES)]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return {"value": round(value, 4), "interval": [round(float(low), 4), round(float(high), 4)]}


def holding_figures(chances: Sequence[float], truth: Sequence[bool], least: float | None = None) -> dict[str, Figure]:
    """The figures of telling whether passages hold something; those at a threshold only where one is given."""
    scores, right = np.array(chances, float), np.array(truth, bool)
    measures: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
        "roc_auc": roc_auc,
        "average_precision": average_precision,
        "recall_at_precision_0.9": coverage,
        "precision_at_recall_0.6": best_precision,
    }
    if least is not None:
        measures |= {
            "calibration_error": calibration_error,
            "f1": lambda s, t: f1(s, t, least),
            "precision": lambda s, t: precision(s, t, least),
            "recall": lambda s, t: recall(s, t, least),
        }
    return {
        name: with_interval(lambda rows, own=own: own(scores[rows], right[rows]), len(scores))  # type: ignore[misc]
        for name, own in measures.items()
    }


def sentence_figures(rows: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, Figure]:
    """The figures of finding the evidence.

    Args:
        rows: of each question the chances of its sentences and whether they are evidence; those without any evidence
            are left out.
    """
    found = [(chances, truth) for chances, truth in rows if truth.any()]

    def mean(values: list[float]) -> Figure:
        own = np.array(values)
        return with_interval(lambda places: float(own[places].mean()), len(own))

    def reached(chances: np.ndarray, truth: np.ndarray, most: int) -> float:
        return float(truth[np.argsort(-chances, kind="stable")[:most]].sum() / truth.sum())

    return {
        "map": mean([average_precision(*row) for row in found]),
        "first_right": mean([float(truth[int(np.argmax(chances))]) for chances, truth in found]),
        "recall@3": mean([reached(*row, 3) for row in found]),
        "recall@5": mean([reached(*row, 5) for row in found]),
    }


def chosen_figures(rows: Sequence[tuple[Collection[Any], Collection[Any]]]) -> dict[str, Figure]:
    """How the sentences that an answer is made of agree with the evidence.

    Args:
        rows: of each question the places chosen and those of its evidence; questions without any evidence are left out.
    """
    found = [(set(chosen), set(evidence)) for chosen, evidence in rows if evidence]
    right = np.array([len(chosen & evidence) for chosen, evidence in found])
    taken = np.array([len(chosen) for chosen, _ in found])
    wanted = np.array([len(evidence) for _, evidence in found])

    def figure(value: Callable[[np.ndarray], float]) -> Figure:
        return with_interval(value, len(found))

    return {
        "chosen": figure(lambda places: float(taken[places].mean())),
        "precision": figure(lambda places: float(right[places].sum() / max(1, taken[places].sum()))),
        "recall": figure(lambda places: float(right[places].sum() / wanted[places].sum())),
    }
