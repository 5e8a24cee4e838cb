"""BM25 over title and text of passages, in memory or memory-mapped from a folder (Lù 2024, arXiv 2407.03618).

It knows words and row numbers; vectors are elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.words import snowball_stems
from data.passages import Passage
from retriever.ranking import best

if TYPE_CHECKING:
    import bm25s

# Chosen on training questions for mixed search; see retriever/README.md.
K1, B = 0.9, 0.4
# What building takes of memory for a passage of a hundred words, in bytes (measured: see docs/scale.md).
BYTES_A_PASSAGE = 5_000


class Bm25:
    """Lucene's BM25 of every passage for a question."""

    def __init__(self, model: bm25s.BM25, count: int) -> None:
        """Hold an index of the words of `count` passages."""
        self._model = model
        self._count = count

    @classmethod
    def build(cls, passages: Iterable[Passage]) -> Bm25:
        """Index passages."""
        import bm25s

        model = bm25s.BM25(method="lucene", k1=K1, b=B)
        tokens = snowball_stems([f"{passage.title}. {passage.text}" for passage in passages])
        # In order, so that the same passages give the same files; bm25s alone takes the words as a set has them.
        vocabulary = {word: number for number, word in enumerate(sorted(set(chain.from_iterable(tokens))))}
        model.index(([[vocabulary[word] for word in own] for own in tokens], vocabulary), show_progress=False)
        return cls(model, len(tokens))

    @classmethod
    def open(cls, folder: Path, count: int) -> Bm25:
        """Map what `save` wrote into memory.

        Raises:
            OSError: a file is missing.
            ValueError: a file is damaged.
        """
        import bm25s

        return cls(bm25s.BM25.load(folder, mmap=True, show_progress=False), count)

    def save(self, folder: Path) -> None:
        """Write the index as NumPy and JSON files."""
        self._model.save(folder, show_progress=False)

    def search(self, question: str, k: int, also: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """See `retriever.stores.base.SparseSearch.search`."""
        scores = self._all(question)
        rows = best(scores, k)
        if also is not None:
            rows = np.concatenate([rows, np.setdiff1d(also, rows)])
        return scores[rows], rows

    def _all(self, question: str) -> np.ndarray:
        """BM25 of every passage, float32 (n,)."""
        known = [token for token in snowball_stems([question])[0] if token in self._model.vocab_dict]
        if not known:
            return np.zeros(self._count, np.float32)
        return self._model.get_scores(known)
