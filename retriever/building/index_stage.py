"""The last stage of a build: vectors → an index of the right kind, with its recall, and BM25.

What it writes has a new generation in its name; the manifest, written last, makes it the index.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from core.files import replacing
from core.sentences import split_sentences
from data.passage_table import PassageTable
from retriever.building.folder import is_own
from retriever.building.progress import Progress
from retriever.errors import BuildError
from retriever.index_kinds import build_index
from retriever.recall import tune
from retriever.sparse import BYTES_A_PASSAGE, Bm25
from retriever.vector_shards import VectorShards

if TYPE_CHECKING:
    from retriever.encode import Encoder

_QUERIES = 400
BM25_CHOICES = ("auto", "yes", "no")


def held_out_queries(encoder: Encoder, passages: PassageTable) -> np.ndarray:
    """Queries that are not in the index: first sentences of passages from all over it, encoded as questions.

    Returns:
        float32 (up to 400, dimensions).
    """
    rows = np.unique(np.linspace(0, len(passages) - 1, _QUERIES).astype(int))
    sentences = [(split_sentences(passages[int(row)].text) or [""])[0] for row in rows]
    return encoder.encode_questions(sentences)


def write_index(
    path: Path,
    kind: str,
    vectors: VectorShards,
    queries: np.ndarray,
    wanted: float,
    extends: Path | None = None,
    covered: int = 0,
) -> dict[str, Any]:
    """Build an index and write it to a file.

    Args:
        path: of the file, which gets its name only when it is whole.
        kind: one of `retriever.index_kinds.KINDS`.
        vectors: everything it shall hold.
        queries: float32 (q, dimensions), to measure by.
        wanted: the recall@10 that search is set to reach.
        extends: an index of the same kind that holds the first `covered` vectors already; None to train a new one.
        covered: see `extends`.

    Returns:
        The manifest's "effort" and "recall".
    """
    with Progress(f"indexing ({kind})", path.parent, len(vectors) - covered) as bar:
        if extends is None:
            index = build_index(kind, vectors, on_added=bar.add)
        else:
            index = faiss.read_index(str(extends))
            for first in range(covered, len(vectors), 65536):
                block = vectors.rows(np.arange(first, min(first + 65536, len(vectors))))
                index.add(block)
                bar.add(len(block))
    facts: dict[str, Any] = {"effort": 0, "recall": {}}
    if kind != "flat":
        found = tune(index, kind, vectors, queries, wanted)
        facts = {
            "effort": found.effort,
            "recall": {"recall@10": found.recall, "queries": found.queries, "wanted": wanted},
        }
    with replacing(path) as part:
        faiss.write_index(index, str(part))
    return facts


def write_bm25(folder: Path, passages: PassageTable, wanted: str, memory: int) -> list[str]:
    """Build BM25 where it is wanted and fits.

    Args:
        folder: to write; its parent is the index.
        passages: what it shall find.
        wanted: "yes", "no", or "auto" for as far as memory allows.
        memory: the most that may be used, in bytes.

    Returns:
        The files written, below the index.

    Raises:
        BuildError: "yes", and it does not fit.
    """
    needed = len(passages) * BYTES_A_PASSAGE
    if wanted == "no" or (wanted == "auto" and needed > memory):
        return []
    if needed > memory:
        raise BuildError(
            f"BM25 of {len(passages):,} passages takes about {needed / 1e9:.1f} GB of memory and the limit is "
            f"{memory / 1e9:.1f} GB: raise --memory-limit, choose --bm25 no, or a Milvus store"
        )
    words = Bm25.build(passages)
    shutil.rmtree(folder, ignore_errors=True)
    with replacing(folder) as part:
        words.save(part)
    return [f"{folder.name}/{file.name}" for file in sorted(folder.iterdir())]


def remove_others(folder: Path, kept: Sequence[str]) -> None:
    """Remove index files of other generations, once the manifest names the new ones."""
    for path in [*folder.glob("index-*.faiss*"), *folder.glob("bm25-*")]:
        if path.name in kept or not is_own(path.name):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
