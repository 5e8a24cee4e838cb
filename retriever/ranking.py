"""The best of many scores, in linear time."""

from __future__ import annotations

import numpy as np


def best(scores: np.ndarray, k: int) -> np.ndarray:
    """Where the k largest scores (n,) stand, int64 (up to k,): best first, equal ones in their order.

    >>> best(np.array([1.0, 3.0, 2.0, 3.0, 2.0]), 3).tolist()
    [1, 3, 2]
    """
    if k < 1 or len(scores) == 0:
        return np.zeros(0, np.int64)
    # BM25 of most passages is 0: a partition of mostly equal scores would take longer than sorting them.
    lowest = scores.min()
    places = np.flatnonzero(scores > lowest)
    if len(places) > k:
        values = scores[places]
        places = places[values >= np.partition(values, len(values) - k)[len(values) - k]]
    places = places[np.argsort(-scores[places], kind="stable")][:k]
    return np.concatenate([places, np.flatnonzero(scores == lowest)[: k - len(places)]])
