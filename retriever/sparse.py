"""BM25 over title and text of passages, in memory or memory-mapped from a folder (Lù 2024, arXiv 2407.03618).

It knows words and row numbers; vectors are elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import reading
from core.texts import parse_json, read_text
from core.words import snowball_stems
from data.passages import Passage
from retriever.errors import REBUILD, IndexFolderError
from retriever.ranking import best

if TYPE_CHECKING:
    import bm25s

# Chosen on training questions for mixed search; see retriever/README.md.
K1, B = 0.9, 0.4
# What building takes of memory for a passage of a hundred words, in bytes (measured: see docs/scale.md).
BYTES_A_PASSAGE = 5_000


class Bm25:
    """Lucene's BM25 of every passage for a question."""

    def __init__(self, model: bm25s.BM25, count: int, folder: Path | None = None) -> None:
        """Hold an index of the words of `count` passages, which lies in `folder` where it is not in memory."""
        self._model = model
        self._count = count
        self._folder = folder

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
            IndexFolderError: a file is missing, damaged, or not of so many passages.
        """
        import bm25s

        with reading(folder, "BM25 index", IndexFolderError, REBUILD):
            _check_parameters(folder / "params.index.json", count)
            model = bm25s.BM25.load(folder, mmap=True, show_progress=False)
            _check_arrays(model)
        return cls(model, count, folder)

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

    def unknown(self, words: Sequence[str]) -> list[str]:
        """Those of some words that no passage has in any form; stop words are never among them."""
        return [
            word
            for word, stems in zip(words, snowball_stems(words), strict=True)
            if stems and not any(form in self._model.vocab_dict for stem in stems for form in (stem, _undoubled(stem)))
        ]

    def _all(self, question: str) -> np.ndarray:
        """BM25 of every passage, float32 (n,)."""
        known = [token for token in snowball_stems([question])[0] if token in self._model.vocab_dict]
        if not known:
            return np.zeros(self._count, np.float32)
        if self._folder is None:
            return self._model.get_scores(known)
        with reading(self._folder, "BM25 index", IndexFolderError, REBUILD):
            return self._model.get_scores(known)


def _undoubled(stem: str) -> str:
    """A stem as Snowball leaves it where an ending was cut off: "purring" becomes "pur", while "purr" stays.

    >>> _undoubled("purr"), _undoubled("bee")
    ('pur', 'be')
    """
    return stem[:-1] if stem[-2:-1] == stem[-1:] else stem


def _check_parameters(path: Path, count: int) -> None:
    """See that a file says what `Bm25.save` writes there.

    Raises:
        ValueError: it does not.
    """
    found, _ = parse_json(read_text(path))
    wanted = {"num_docs": count, "method": "lucene", "dtype": "float32", "int_dtype": "int32", "backend": "numpy"}
    for name, value in wanted.items():
        if found.get(name) != value or isinstance(found[name], bool):
            raise ValueError(f"{path.name} says {name} {str(found.get(name))[:40]} where {value} is needed")


def _check_arrays(model: bm25s.BM25) -> None:
    """See that every word's numbers lie where the arrays have some; which passages they name is seen in search.

    Raises:
        ValueError: they do not.
    """
    data, indices, starts = (model.scores[name] for name in ("data", "indices", "indptr"))
    kinds = [(array.ndim, array.dtype.kind) for array in (data, indices, starts)]
    if kinds != [(1, "f"), (1, "i"), (1, "i")] or len(data) != len(indices):
        raise ValueError("its arrays are not those of words")
    if not len(starts) or starts[0] or starts[-1] != len(data) or (np.diff(starts) < 0).any():
        raise ValueError("its words' numbers are not where they should be")
    words = model.vocab_dict
    # bm25s adds "", behind the last word.
    if not isinstance(words, dict) or not all(type(at) is int and 0 <= at < len(starts) for at in words.values()):
        raise ValueError("its words have no numbers")
