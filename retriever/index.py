"""Passages and their vectors, searched together and kept in one folder.

A folder holds `manifest.json`, `passages.jsonl` and `vectors.faiss`, with the hashes of the latter two in the first.
The index knows vectors, row numbers and passages. It knows no model and no torch.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import faiss
import numpy as np

from data.passages import Passage, PassageError, read_passages, write_passages

FORMAT = 1
_MANIFEST, _PASSAGES, _VECTORS = "manifest.json", "passages.jsonl", "vectors.faiss"


class IndexFolderError(RuntimeError):
    """A folder is no index, is damaged, or belongs to another model; the message says which and what to do."""


@dataclass(frozen=True)
class IndexManifest:
    """What an index is made of.

    Attributes:
        passages: how many there are.
        dimensions: the length of a vector.
        model: the encoder's name, and `model_identity`, its hash.
        source: where the passages come from, in a few words.
        date: the day it was built, YYYY-MM-DD.
        passages_sha256: the hash of the passages, see `hash_passages`.
        vectors_sha256: the hash of the vector file; "" when the vectors are not in a file of the folder.
        format: the version of the folder's layout.
    """

    passages: int
    dimensions: int
    model: str
    model_identity: str
    source: str
    date: str
    passages_sha256: str
    vectors_sha256: str = ""
    format: int = FORMAT


class PassageIndex:
    """Passages with a FAISS index of their vectors; exact inner-product search.

    Attributes:
        passages: row → passage.
        manifest: what it is made of.
    """

    def __init__(self, passages: Sequence[Passage], vectors: faiss.Index, manifest: IndexManifest) -> None:
        """Hold passages and their vectors.

        Raises:
            IndexFolderError: there are not as many of the one as of the other.
        """
        if vectors.ntotal != len(passages):
            raise IndexFolderError(
                f"the index has {vectors.ntotal:,} vectors but there are {len(passages):,} passages: rebuild it"
            )
        self.passages = passages
        self.manifest = manifest
        self._vectors = vectors

    @classmethod
    def build(
        cls, passages: Sequence[Passage], vectors: np.ndarray, model: str, model_identity: str, source: str
    ) -> PassageIndex:
        """Index passages by their vectors, float32 (n, dimensions), today."""
        manifest = IndexManifest(
            passages=len(passages),
            dimensions=vectors.shape[1],
            model=model,
            model_identity=model_identity,
            source=source,
            date=datetime.now(UTC).date().isoformat(),
            passages_sha256=hash_passages(passages),
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
        return self._vectors.reconstruct_batch(np.asarray(rows, dtype=np.int64)) @ query

    def save(self, folder: Path) -> None:
        """Write the index to a folder; the manifest comes last, so that a killed run leaves no index that opens."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MANIFEST).unlink(missing_ok=True)
        write_passages(self.passages, folder / _PASSAGES)
        faiss.write_index(self._vectors, str(folder / _VECTORS))
        manifest = asdict(self.manifest) | {"vectors_sha256": _file_sha256(folder / _VECTORS)}
        part = folder / f"{_MANIFEST}.part"
        part.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        os.replace(part, folder / _MANIFEST)

    @classmethod
    def open(cls, folder: Path, model_identity: str) -> PassageIndex:
        """Open an index folder, checking that it is whole and belongs to the model that will search it.

        Raises:
            IndexFolderError: it is missing, incomplete, damaged, or was built by another model.
        """
        manifest = _read_manifest(folder)
        if manifest.model_identity != model_identity:
            raise IndexFolderError(
                f"the index {folder} was built by the encoder {manifest.model} ({manifest.model_identity[:12]}) and "
                f"the encoder in use is another ({model_identity[:12]}): rebuild the index or name its encoder"
            )
        for name in (_PASSAGES, _VECTORS):
            if not (folder / name).is_file():
                raise IndexFolderError(f"the index {folder} is incomplete: {name} is missing; rebuild it")
        if _file_sha256(folder / _VECTORS) != manifest.vectors_sha256:
            raise IndexFolderError(f"{folder / _VECTORS} is truncated or was changed; rebuild the index")
        try:
            passages = list(read_passages(folder / _PASSAGES))
        except PassageError as error:
            raise IndexFolderError(f"{error}; rebuild the index") from error
        if hash_passages(passages) != manifest.passages_sha256:
            raise IndexFolderError(
                f"{folder / _PASSAGES} is truncated or was changed ({len(passages):,} passages, "
                f"{manifest.passages:,} expected); rebuild the index"
            )
        return cls(passages, faiss.read_index(str(folder / _VECTORS)), manifest)


def flat_index(vectors: np.ndarray) -> faiss.Index:
    """An exact inner-product index of float32 (n, dimensions)."""
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors, dtype=np.float32))
    return index


def hash_passages(passages: Sequence[Passage]) -> str:
    """A hash of all passages in order; two corpora with the same hash have the same rows."""
    digest = hashlib.sha256()
    for passage in passages:
        digest.update(json.dumps(asdict(passage), ensure_ascii=False, sort_keys=True).encode())
        digest.update(b"\n")
    return digest.hexdigest()


def _read_manifest(folder: Path) -> IndexManifest:
    """The manifest of an index folder, of a layout that this program knows."""
    cure = "build one with `python -m data.build_index --output DIR`"
    if not folder.is_dir():
        raise IndexFolderError(f"there is no index folder {folder}; {cure}")
    path = folder / _MANIFEST
    if not path.is_file():
        raise IndexFolderError(f"{folder} is no index, or its build did not end: {path.name} is missing; {cure}")
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        manifest = IndexManifest(**facts)
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError) as error:
        raise IndexFolderError(f"{path} is no manifest of an index ({error}); {cure}") from error
    if manifest.format != FORMAT:
        raise IndexFolderError(f"{folder} has layout {manifest.format}, this program reads {FORMAT}; {cure}")
    return manifest


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
