"""A FAISS index, in memory or memory-mapped from a file, whose candidates are scored by the vectors themselves."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np

from core.errors import reading
from retriever.errors import REBUILD, IndexFolderError
from retriever.faiss_file import check_faiss
from retriever.index_kinds import LEAST_REFINED, REFINED, set_effort
from retriever.ranking import best
from retriever.vector_shards import VectorShards

# The lists of an IVF index are mapped by one reader, the codes and links of the other kinds by another.
_MAPPED = {"ivfpq": faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY}
_NOT_FINITE = f"the index holds vectors that are not finite; {REBUILD}"


class FaissStore:
    """Vectors in a FAISS index."""

    def __init__(self, index: faiss.Index, vectors: VectorShards | None = None) -> None:
        """Search an index.

        Args:
            index: of inner products; exact where there are no `vectors`.
            vectors: the same vectors on disk, by which what the index proposes is scored; None where the index
                holds them as they are.
        """
        self._index = index
        self._vectors = vectors

    @classmethod
    def open(cls, path: Path, kind: str, effort: int, vectors: VectorShards) -> FaissStore:
        """Map an index file into memory.

        Args:
            path: what `faiss.write_index` wrote.
            kind: one of `retriever.index_kinds.KINDS`.
            effort: see `retriever.index_kinds.EFFORTS`.
            vectors: the vectors of the same rows.

        Raises:
            IndexFolderError: the file holds no such index.
        """
        with reading(path, f"FAISS index ({kind})", IndexFolderError, REBUILD):
            check_faiss(path, kind, len(vectors), vectors.dimensions)
            index = faiss.read_index(str(path), _MAPPED.get(kind, faiss.IO_FLAG_MMAP_IFC))
            set_effort(index, kind, effort)
        return cls(index, None if kind == "flat" else vectors)

    def __len__(self) -> int:
        """How many vectors there are."""
        return self._index.ntotal

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """See `VectorStore.search`."""
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        if self._vectors is None:
            scores, rows = self._index.search(queries, k)
            if rows.min(initial=0) < 0:
                raise IndexFolderError(_NOT_FINITE)
            return scores, rows
        _, proposed = self._index.search(queries, min(len(self), max(k * REFINED, LEAST_REFINED)))
        if proposed.max(initial=-1) >= len(self):
            raise IndexFolderError(f"the FAISS index names row {proposed.max()} of {len(self):,}; {REBUILD}")
        pairs = [self._refined(query, rows[rows >= 0], k) for query, rows in zip(queries, proposed, strict=True)]
        return np.stack([scores for scores, _ in pairs]), np.stack([rows for _, rows in pairs])

    def scores(self, query: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """See `VectorStore.scores`."""
        rows = np.asarray(rows, dtype=np.int64)
        vectors = self._index.reconstruct_batch(rows) if self._vectors is None else self._vectors.rows(rows)
        return vectors @ query

    def _refined(self, query: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k best of the proposed rows by their exact scores, (k,) and (k,)."""
        if len(rows) < k:
            # The lists that were visited hold too little: take the first rows that were not proposed as well.
            others = np.setdiff1d(np.arange(min(len(self), k + len(rows))), rows)
            rows = np.concatenate([rows, others])
        rows = np.sort(rows)
        scores = self.scores(query, rows)
        if not np.isfinite(scores).all():
            raise IndexFolderError(_NOT_FINITE)
        order = best(scores, k)
        return scores[order], rows[order]
