import numpy as np
import pytest

from retriever.ranking import best


@pytest.mark.parametrize("k", [-1, 0, 1, 5, 39, 40, 41])
def test_the_best_are_those_of_a_stable_sort(k):
    for seed in range(20):
        # Few different values, so that many are equal, at the boundary too.
        scores = np.random.default_rng(seed).integers(0, 6, 40).astype(np.float32)
        assert best(scores, k).tolist() == np.argsort(-scores, kind="stable")[: max(0, k)].tolist()


def test_of_no_scores_none_is_best():
    assert best(np.zeros(0), 3).tolist() == []
