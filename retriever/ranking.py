"""The best of many scores, in linear time."""

from __future__ import annotations

import numpy as np


def best(scores: np.ndarray, k: int) -> np.ndarray:
    """Where the k largest scores (n,) stand, int64 (up to k,): best first, equal ones in their order.

    >>> best(np.array([1.0, 3.0, 2.0, 3.0, 2.0]), 3).tolist()
    [1, 3, 2]
    """
    if k >= len(scores):
        return np.argsort(-scores, kind="stable")
    if k < 1:
        return np.zeros(0, np.int64)
    least = np.partition(scores, len(scores) - k)[len(scores) - k]
    above = np.flatnonzero(scores > least)
    places = np.concatenate([above, np.flatnonzero(scores == least)[: k - len(above)]])
    return places[np.lexsort((places, -scores[places]))]
