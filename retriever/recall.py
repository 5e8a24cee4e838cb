"""Recall of an approximate index against exact search, and the effort that reaches a wanted recall.

It knows vectors and stores of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import faiss
import numpy as np

from retriever.index_kinds import EFFORTS, set_effort
from retriever.stores.faiss_store import FaissStore
from retriever.vector_shards import VectorShards

DEPTH = 10


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found.

    Attributes:
        effort: what search was set to, see `retriever.index_kinds.EFFORTS`.
        recall: the share of the exact ten that it finds, 0 to 1, on queries that the effort was not chosen by.
        queries: how many these were.
    """

    effort: int
    recall: float
    queries: int


def exact_rows(vectors: VectorShards, queries: np.ndarray, k: int = DEPTH) -> np.ndarray:
    """The rows of the k largest inner products of each query, found by computing all of them.

    Args:
        vectors: what is searched; it is read once, block by block.
        queries: float32 (q, dimensions).
        k: how many, at most the number of vectors.

    Returns:
        int64 (q, k), best first.
    """
    best = np.full((len(queries), 0), 0.0, np.float32)
    rows = np.full((len(queries), 0), 0, np.int64)
    for first, block in vectors.blocks():
        scores, found = faiss.knn(queries, block, min(k, len(block)), metric=faiss.METRIC_INNER_PRODUCT)
        best = np.concatenate([best, scores], axis=1)
        rows = np.concatenate([rows, found + first], axis=1)
        order = np.argsort(-best, axis=1, kind="stable")[:, :k]
        best, rows = np.take_along_axis(best, order, axis=1), np.take_along_axis(rows, order, axis=1)
    return rows


def recall(found: np.ndarray, exact: np.ndarray) -> float:
    """The mean share of each exact row list (q, k) that was found (q, any).

    >>> recall(np.array([[1, 2], [3, 4]]), np.array([[2, 1], [4, 5]]))
    0.75
    """
    return float(np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, exact, strict=True)]))


def tune(index: faiss.Index, kind: str, vectors: VectorShards, queries: np.ndarray, wanted: float) -> Measured:
    """Set an index to the least effort that reaches a wanted recall@10, and measure what it then reaches.

    Args:
        index: of that kind; its effort is set.
        kind: one of `retriever.index_kinds.KINDS`.
        vectors: the vectors it holds.
        queries: float32 (q, dimensions), not among the vectors; every other one chooses, the rest measure.
        wanted: 0 to 1; where no effort reaches it, the greatest is taken.
    """
    exact = exact_rows(vectors, queries, min(DEPTH, len(vectors)))
    store = FaissStore(index, None if kind == "flat" else vectors)
    choosing, measuring = slice(0, None, 2), slice(1, None, 2)
    efforts: Sequence[int] = EFFORTS[kind]
    for effort in efforts:
        set_effort(index, kind, effort)
        found = store.search(queries[choosing], exact.shape[1])[1]
        if recall(found, exact[choosing]) >= wanted or effort == efforts[-1]:
            break
    found = store.search(queries[measuring], exact.shape[1])[1]
    return Measured(effort, round(recall(found, exact[measuring]), 4), len(queries[measuring]))
