"""Who finds the ten nearest of many vectors how fast, and how many of them are right: NumPy and FAISS's indexes.

It knows vectors, no texts: random ones around random centres, 128 dimensions, as ours have.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.contest import Measures, Prepare, Round

_DIMENSIONS, _NEAREST, _QUERIES = 128, 10, 50
KINDS = ("numpy", "faiss flat (ours)", "faiss HNSW", "faiss IVF-PQ")


def contestants(count: int) -> dict[str, tuple[Prepare, tuple[str, int]]]:
    """By name, for `benchmarks.contest.compete`; so many vectors are searched."""
    return {kind: (_prepare, (kind, count)) for kind in KINDS}


def vectors(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors float32 (count, 128), and 50 queries near some of them."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((max(1, count // 100), _DIMENSIONS), dtype=np.float32)
    stored = centres[random.integers(len(centres), size=count)]
    stored += 0.7 * random.standard_normal(stored.shape, dtype=np.float32)
    queries = stored[random.integers(count, size=_QUERIES)]
    queries = queries + 0.5 * random.standard_normal(queries.shape, dtype=np.float32)
    return unit_rows(stored), unit_rows(queries)


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Rows (n, dimensions), each divided by its length."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _prepare(kind: str, count: int) -> Round:
    stored, queries = vectors(count)
    right = np.argsort(-(queries @ stored.T), axis=1)[:, :_NEAREST]
    start = time.perf_counter()
    search = _searcher(kind, stored)
    built = time.perf_counter() - start

    def run() -> Measures:
        start = time.perf_counter()
        found = [search(query[None]) for query in queries]
        seconds = (time.perf_counter() - start) / len(queries)
        shares = [len(set(own) & set(best)) / _NEAREST for own, best in zip(found, right.tolist(), strict=True)]
        return {"seconds a search": seconds, "recall@10": float(np.mean(shares)), "seconds to build": built}

    return run


def _searcher(kind: str, stored: np.ndarray) -> Callable[[np.ndarray], list[int]]:
    """An index of the vectors: query (1, 128) to the rows of the nearest."""
    if kind == "numpy":

        def brute(query: np.ndarray) -> list[int]:
            scores = stored @ query[0]
            best = np.argpartition(-scores, _NEAREST)[:_NEAREST]
            return best[np.argsort(-scores[best])].tolist()

        return brute
    index = _faiss_index(kind, stored)
    index.add(stored)
    return lambda query: index.search(query, _NEAREST)[1][0].tolist()


def _faiss_index(kind: str, stored: np.ndarray) -> Any:  # noqa: ANN401 - FAISS's classes differ
    """An empty index of a kind, trained on the vectors where it has to be."""
    import faiss

    if kind.startswith("faiss flat"):
        return faiss.IndexFlatIP(_DIMENSIONS)
    if kind == "faiss HNSW":
        graph = faiss.IndexHNSWFlat(_DIMENSIONS, 32, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efSearch = 64
        return graph
    lists = max(8, int(len(stored) ** 0.5))
    codes: Any = faiss.index_factory(_DIMENSIONS, f"IVF{lists},PQ64x4fs", faiss.METRIC_INNER_PRODUCT)
    codes.nprobe = max(1, lists // 32)
    codes.train(stored[: 64 * lists])
    return codes
