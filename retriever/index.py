"""Passages and their vectors, searched together; opened from a folder without reading it into memory.

The index knows vectors, row numbers and passages. It knows no model and no torch.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import faiss
import numpy as np

from data.passages import Passage
from retriever.errors import IndexFolderError
from retriever.index_folder import IndexManifest, check_files, passage_table, read_index_manifest, today, vector_shards
from retriever.sparse import Bm25
from retriever.stores.base import SparseSearch, VectorStore
from retriever.stores.faiss_store import FaissStore

__all__ = ["IndexFolderError", "IndexManifest", "PassageIndex", "flat_index"]

# Without BM25 in the folder, it is built in memory for so many passages at most: a few seconds.
_BM25_IN_MEMORY = 50_000


class PassageIndex:
    """Passages with a store of their vectors, searched by inner product.

    Attributes:
        passages: row → passage.
        manifest: what it is made of.
    """

    def __init__(
        self,
        passages: Sequence[Passage],
        vectors: VectorStore | faiss.Index,
        manifest: IndexManifest,
        sparse: SparseSearch | None = None,
    ) -> None:
        """Hold passages and their vectors.

        Args:
            passages: in the order of the rows.
            vectors: a store, or a FAISS index that is searched as it is.
            manifest: what they are.
            sparse: finds passages by their words; None to build it from the passages when it is first needed.

        Raises:
            IndexFolderError: there are not as many of the one as of the other.
        """
        store = FaissStore(vectors) if isinstance(vectors, faiss.Index) else vectors
        if len(store) != len(passages):
            raise IndexFolderError(
                f"the index has {len(store):,} vectors but there are {len(passages):,} passages: rebuild it"
            )
        self.passages = passages
        self.manifest = manifest
        self._vectors = store
        self._sparse = sparse
        self._building = threading.Lock()

    @classmethod
    def build(
        cls, passages: Sequence[Passage], vectors: np.ndarray, model: str, model_identity: str, source: str
    ) -> PassageIndex:
        """Index passages by their vectors, float32 (n, dimensions), today, in memory and exactly."""
        manifest = IndexManifest(
            passages=len(passages),
            dimensions=vectors.shape[1],
            model=model,
            model_identity=model_identity,
            source=source,
            date=today(),
        )
        return cls(passages, flat_index(vectors), manifest)

    def __len__(self) -> int:
        """How many passages there are."""
        return len(self.passages)

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The passages whose vectors have the largest inner product with each query.

        Args:
            queries: float32 (q, dimensions).
            k: how many; at most the size of the index are returned, and none for k below 1.

        Returns:
            Scores float32 (q, k) and rows int64 (q, k), best first; never a row of -1.
        """
        k = max(0, min(k, len(self)))
        if k == 0:
            return np.zeros((len(queries), 0), np.float32), np.zeros((len(queries), 0), np.int64)
        return self._vectors.search(np.ascontiguousarray(queries, dtype=np.float32), k)

    def scores(self, query: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The inner products of one query (dimensions,) with the vectors of these rows, float32 (rows,)."""
        if len(rows) == 0:
            return np.zeros(0, np.float32)
        return self._vectors.scores(query, np.asarray(rows, dtype=np.int64))

    @property
    def has_sparse(self) -> bool:
        """Whether passages can be found by their words: a large index may have been built without."""
        return self._sparse is not None or len(self) <= _BM25_IN_MEMORY

    @property
    def sparse(self) -> SparseSearch:
        """What finds passages by their words.

        Raises:
            IndexFolderError: the index is too large to build it now, and was built without.
        """
        with self._building:
            if self._sparse is None:
                if not self.has_sparse:
                    raise IndexFolderError(
                        f"this index of {len(self):,} passages was built without BM25: choose dense retrieval, or "
                        "build it again with --bm25 yes or in a Milvus store"
                    )
                self._sparse = Bm25.build(self.passages)
            return self._sparse

    @classmethod
    def open(cls, folder: Path, model_identity: str) -> PassageIndex:
        """Open an index folder, checking that it is whole and belongs to the model that will search it.

        Files are mapped, not read; only those of a small index are hashed.

        Raises:
            IndexFolderError: it is missing, incomplete, damaged, or was built by another model.
        """
        manifest = read_index_manifest(folder)
        if manifest.model_identity != model_identity:
            raise IndexFolderError(
                f"the index {folder} was built by the encoder {manifest.model} ({manifest.model_identity[:12]}) and "
                f"the encoder in use is another ({model_identity[:12]}): rebuild the index or name its encoder"
            )
        check_files(folder, manifest)
        if manifest.store:
            from retriever.stores.milvus_store import open_milvus

            return cls(*open_milvus(folder, manifest))
        store = FaissStore.open(
            folder / manifest.index_file, manifest.kind, manifest.effort, vector_shards(folder, manifest)
        )
        sparse = Bm25.open(folder / manifest.bm25_folder, manifest.passages) if manifest.has_bm25 else None
        return cls(passage_table(folder, manifest), store, manifest, sparse)


def flat_index(vectors: np.ndarray) -> faiss.Index:
    """An exact inner-product index of float32 (n, dimensions)."""
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors, dtype=np.float32))
    return index
