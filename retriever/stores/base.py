"""What every store of vectors offers, and every way to search words."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class VectorStore(Protocol):
    """Vectors by row number, searched by inner product."""

    def __len__(self) -> int:
        """How many vectors there are."""
        ...

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k nearest of each query.

        Args:
            queries: float32 (q, dimensions).
            k: 1 to the number of vectors.

        Returns:
            Scores float32 (q, k) and rows int64 (q, k), best first; never a row of -1.
        """
        ...

    def scores(self, query: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The inner products of one query (dimensions,) with the vectors of these rows, float32 (rows,)."""
        ...


class SparseSearch(Protocol):
    """Passages by their words, scored by BM25."""

    def search(self, question: str, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k best passages, best first: scores float32 (k,) and rows int64 (k,), equal scores by row."""
        ...

    def scores(self, question: str, rows: np.ndarray) -> np.ndarray:
        """BM25 of these passages, float32 (rows,)."""
        ...
