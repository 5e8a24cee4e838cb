"""Checking an index folder, and its card in words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.passage_table import shard_path
from retriever.building.embed import encoder_texts
from retriever.errors import IndexFolderError
from retriever.index import PassageIndex
from retriever.index_folder import (
    PASSAGES,
    IndexManifest,
    check_files,
    passage_table,
    read_index_manifest,
    vector_shards,
)

if TYPE_CHECKING:
    from retriever.encode import Encoder

_SAMPLES = 64
# Float16 and another machine's arithmetic move a vector's components by less.
_TOLERANCE = 4e-3


def verify(folder: Path, encoder: Encoder | None = None) -> list[str]:
    """Check a folder in full: every file's hash, every shard's rows, ids that repeat, vectors against the encoder.

    Args:
        folder: of an index.
        encoder: the one it was built by; None to leave the vectors' meaning unchecked.

    Returns:
        What was checked, in words.

    Raises:
        IndexFolderError, data.passages.SourceError: something is wrong; the message says what.
    """
    manifest = read_index_manifest(folder)
    check_files(folder, manifest, hashed=True)
    said = [f"{len(manifest.files):,} files have the sizes and hashes of the manifest"]
    said.append(_check_passages(folder, manifest))
    said.append(_check_vectors(folder, manifest))
    if encoder is not None:
        said.append(_check_against_encoder(folder, manifest, encoder))
        index = PassageIndex.open(folder, encoder.identity)
        rows = np.unique(np.linspace(0, len(index) - 1, _SAMPLES).astype(int))
        vectors = vector_shards(folder, manifest).rows(rows)
        found = index.search(vectors, min(10, len(index)))[1]
        hits = np.mean([row in near for row, near in zip(rows, found, strict=True)])
        if hits < 0.9:
            raise IndexFolderError(
                f"only {hits:.0%} of {len(rows)} passages are found by their own vectors: rebuild it"
            )
        said.append(f"{hits:.0%} of {len(rows)} passages are found among ten by their own vectors")
    return said


def _check_passages(folder: Path, manifest: IndexManifest) -> str:
    """Count passages and look for ids that repeat."""
    seen: set[int] = set()
    count = 0
    for passage in passage_table(folder, manifest):
        count += 1
        seen.add(hash(passage.id))
    if count != manifest.passages:
        raise IndexFolderError(f"{folder} has {count:,} passages, its manifest says {manifest.passages:,}: rebuild it")
    if len(seen) < count:
        raise IndexFolderError(f"{count - len(seen):,} passage ids of {folder} repeat: give the source unique ids")
    return f"{count:,} passages can be read and no id repeats"


def _check_vectors(folder: Path, manifest: IndexManifest) -> str:
    """Look for vectors that are not finite."""
    count = 0
    for first, block in vector_shards(folder, manifest).blocks():
        bad = np.flatnonzero(~np.isfinite(block).all(axis=1))
        if len(bad):
            raise IndexFolderError(f"the vector of row {first + int(bad[0]):,} of {folder} is not finite: rebuild it")
        count += len(block)
    if count != manifest.passages:
        raise IndexFolderError(f"{folder} has {count:,} vectors for {manifest.passages:,} passages: rebuild it")
    return f"{count:,} vectors of {manifest.dimensions} dimensions are finite"


def _check_against_encoder(folder: Path, manifest: IndexManifest, encoder: Encoder) -> str:
    """Embed a few passages again and compare."""
    if encoder.identity != manifest.model_identity:
        raise IndexFolderError(f"{folder} was built by {manifest.model}, not by {encoder.name}: name its --encoder")
    rows = np.unique(np.linspace(0, manifest.shards[0] - 1, 8).astype(int)) if manifest.shards[0] else np.zeros(0, int)
    texts = encoder_texts(shard_path(folder / PASSAGES, 0), manifest.settings.get("titles", False))
    fresh = encoder.encode_passages([texts[row] for row in rows])
    stored = vector_shards(folder, manifest).rows(rows)
    if not np.allclose(fresh, stored, atol=_TOLERANCE):
        far = float(np.abs(fresh - stored).max())
        raise IndexFolderError(
            f"{len(rows)} passages embedded again differ from {folder} by up to {far:.3f}: rebuild it"
        )
    return f"{len(rows)} passages embedded again have the vectors that are stored"


def card(folder: Path) -> str:
    """What an index is, in lines of text.

    Raises:
        IndexFolderError: it is none.
    """
    manifest = read_index_manifest(folder)
    size = sum(size for size, _ in manifest.files.values())
    recall = (
        f"{manifest.recall['recall@10']:.3f} on {manifest.recall['queries']} held-out queries, effort {manifest.effort}"
        if manifest.recall
        else "exact search"
    )
    rows = {
        "index": str(folder),
        "passages": f"{manifest.passages:,} in {len(manifest.shards):,} shards",
        "source": manifest.source,
        "licence": manifest.licence or "not known",
        "model": f"{manifest.model} ({manifest.model_identity[:12]}), {manifest.dimensions} dimensions",
        "kind": manifest.kind,
        "recall@10": recall,
        "BM25": "in the store" if manifest.store else "yes" if manifest.has_bm25 else "no",
        "store": str(manifest.store or "FAISS, in the folder"),
        "size": f"{size / 1e6:,.1f} MB in {len(manifest.files):,} files",
        "built": manifest.date,
        "settings": ", ".join(f"{name} {value}" for name, value in manifest.settings.items()),
        "versions": ", ".join(f"{name} {value}" for name, value in manifest.versions.items()),
    }
    return "\n".join(f"{name + ':':<12}{value}" for name, value in rows.items())
