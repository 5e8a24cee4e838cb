"""Intervals by the bootstrap (Efron 1979): what a figure would have been with other questions, ratings or votes.

It knows numbers only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_RESAMPLES, _AT_ONCE = 10_000, 500


def interval(values: np.ndarray, statistic: Callable[..., Any], seed: int = 0) -> tuple[float, float]:
    """The middle 95% of a statistic over 10,000 bootstrap samples.

    Args:
        values: (n,) or (n, columns); rows are drawn with replacement.
        statistic: takes (samples, n) or (samples, n, columns) and `axis=1`, gives one figure a sample, NaN for none.
        seed: of the drawing.
    """
    chance = np.random.default_rng(seed)
    drawn = np.concatenate(
        [
            statistic(values[chance.integers(0, len(values), (_AT_ONCE, len(values)))], axis=1)
            for _ in range(_RESAMPLES // _AT_ONCE)
        ]
    )
    low, high = np.percentile(drawn[~np.isnan(drawn)], [2.5, 97.5])
    return float(low), float(high)


def ratio(values: np.ndarray, axis: int) -> np.ndarray:
    """The first column's sum by the second's; NaN where that is 0.

    >>> ratio(np.array([[[1.0, 2.0], [2.0, 2.0]]]), axis=1)
    array([0.75])
    """
    parts, wholes = np.moveaxis(values.sum(axis), -1, 0)
    return np.divide(parts, wholes, out=np.full(parts.shape, np.nan), where=wholes > 0)
