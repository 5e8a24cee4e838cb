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

    def search(self, question: str, k: int, also: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The k best passages and some others, each scored once.

        Args:
            question: any text.
            k: 1 to the number of passages.
            also: rows int64 (m,) whose scores are wanted whether they are among the best or not.

        Returns:
            Scores float32 and rows int64, (k,) and more: the k best, best first, equal scores by row; then the others
            that are not among them, by row.
        """
        ...
