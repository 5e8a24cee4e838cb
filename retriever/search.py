"""Questions to hits: dense, sparse, mixed, random or no retrieval over one index.

It holds an encoder, an index and BM25 together. It knows nothing of generators.

Scores are what their names say: "cosine" (or "inner product", where the encoder does not normalise) for dense and
random, BM25's own score for sparse, and their weighted sum for mixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.records import Found, Retrieved
from core.settings import METHODS

if TYPE_CHECKING:
    from retriever.encode import Encoder
    from retriever.index import PassageIndex
    from retriever.index_folder import IndexManifest

# The weight of BM25's score beside the cosine, chosen on training questions; see retriever/README.md.
BM25_WEIGHT = 0.02
# Mixed search scores this many of each list exactly.
_CANDIDATES = 200
# Below these, the best hit likely misses the question: of the answerable development questions all have a best hit
# above (lowest 0.48 dense, 0.60 mixed, 5.1 sparse).
_LOW_SCORE = {"dense": 0.45, "random": 0.45, "mixed": 0.50, "sparse": 4.0}


@dataclass(frozen=True)
class RetrieverPlan:
    """An encoder and an index that can be had, and are not loaded yet.

    Attributes:
        folder: of the index; None for the vital articles.
        manifest: what the index is made of.
        checkpoint: the encoder's folder; None for the embedded one.
        index: as it was named; "" for the vital articles.
    """

    folder: Path | None
    manifest: IndexManifest
    checkpoint: Path | str | None
    index: str = ""

    @classmethod
    def of(cls, index: Path | str | None = None, encoder: Path | str | None = None) -> RetrieverPlan:
        """Find out what is needed, and fetch what is missing; arguments and errors as in `Retriever.load`."""
        from data.assets import asset_path
        from retriever.embedded import embedded_manifest
        from retriever.hub import index_folder
        from retriever.index_folder import read_manifest

        folder = None if index is None else index_folder(index)
        manifest = embedded_manifest() if folder is None else read_manifest(folder)
        checkpoint = encoder or manifest.encoder or None
        needed = ["vital-articles"] if folder is None else []
        needed += ["minilm", "minilm-vocabulary"] if checkpoint is None else []
        for name in needed:
            asset_path(name)
        return cls(folder, manifest, checkpoint, "" if index is None else str(index))

    def open(self) -> Retriever:
        """Load the encoder and open the index; errors as in `Retriever.load`."""
        from retriever.embedded import load_embedded_index
        from retriever.encode import Encoder
        from retriever.index import PassageIndex

        encoder = Encoder.load(self.checkpoint)
        if self.folder is None:
            return Retriever(encoder, load_embedded_index(encoder))
        return Retriever(encoder, PassageIndex.open(self.folder, encoder.identity), self.index)

    def card(self) -> dict[str, Any]:
        """What will be searched; see `Retriever.card`."""
        return _card(self.manifest, self.manifest.passages, self.index)


class Retriever:
    """Finds passages for questions."""

    def __init__(self, encoder: Encoder, index: PassageIndex, name: str = "") -> None:
        """Hold an encoder and the index that was built by it; `name` is what it was opened by, "" where by none."""
        self._name = name
        self.encoder = encoder
        self.index = index

    @staticmethod
    def load(index: Path | str | None = None, encoder: Path | str | None = None) -> Retriever:
        """Load the encoder and open an index.

        Args:
            index: an index folder, or "hf:user/name" for one on the hub; None for the vital articles.
            encoder: a RetriBERT checkpoint's folder; None for the one that the index was built by.

        Raises:
            data.assets.AssetError: an embedded asset cannot be had.
            retriever.encode.EncoderError: the encoder cannot be loaded.
            retriever.index.IndexFolderError: the index is missing, damaged or another encoder's.
        """
        return RetrieverPlan.of(index, encoder).open()

    def find(self, question: str, k: int = 4, method: str = "mixed", seed: int = 0) -> Retrieved:
        """What `search` finds, with all that it learnt."""
        found = self.search(question, k, method, seed)
        vector = self.embed_questions([question])[0]
        return Retrieved(question, tuple(found), vector, self.score_name(method), self.low_scores(found, method))

    def search(self, question: str, k: int = 4, method: str = "mixed", seed: int = 0) -> list[Found]:
        """Find passages for a question.

        Args:
            question: any text.
            k: how many; none below 1, at most the size of the index.
            method: one of `METHODS`.
            seed: of random retrieval; the same seed and question give the same passages.

        Returns:
            Hits, best score first.

        Raises:
            ValueError: there is no such method.
            retriever.index.IndexFolderError: it is sparse, and the index was built without BM25; mixed search is then
                dense search, and `score_name` says so.
        """
        if method not in METHODS:
            raise ValueError(f"retrieval is {method!r}; allowed are {', '.join(METHODS)}")
        k = max(0, min(k, len(self.index)))
        if k == 0 or method == "none":
            return []
        scores, rows = getattr(self, f"_{method}")(question, k, seed)
        return [
            Found(rank, self.index.passages[int(row)], float(score))
            for rank, (score, row) in enumerate(zip(scores, rows, strict=True), start=1)
        ]

    def score_name(self, method: str) -> str:
        """What the scores of a method are called."""
        similarity = self.encoder.score_name
        if method == "mixed" and not self.index.has_sparse:
            return similarity
        names = {"sparse": "BM25", "mixed": f"{similarity} + {BM25_WEIGHT:g} × BM25", "none": ""}
        return names.get(method, similarity)

    def low_scores(self, hits: Sequence[Found], method: str) -> bool:
        """Whether even the best hit scores so low that the passages likely miss the question."""
        if method == "mixed" and not self.index.has_sparse:
            method = "dense"
        if method not in _LOW_SCORE or self.encoder.score_name != "cosine":
            return False
        return not hits or hits[0].score < _LOW_SCORE[method]

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Passages or sentences → float32 (n, dimensions), to compare them with one another."""
        return self.encoder.encode_passages(texts)

    def embed_questions(self, questions: Sequence[str]) -> np.ndarray:
        """Questions → float32 (n, dimensions), to compare them with passages or sentences."""
        return self.encoder.encode_questions(questions)

    def card(self) -> dict[str, Any]:
        """What is searched: the name it was opened by ("" for the vital articles), passages, model, date and source."""
        return _card(self.index.manifest, len(self.index), self._name)

    def _dense(self, question: str, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        scores, rows = self.index.search(self.embed_questions([question]), k)
        return scores[0], rows[0]

    def _sparse(self, question: str, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        return self.index.sparse.search(question, k)

    def _mixed(self, question: str, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """The weighted sum, exact for every passage that either list holds near its top."""
        if not self.index.has_sparse:
            return self._dense(question, k, seed)
        query = self.embed_questions([question])
        candidates = max(k, _CANDIDATES)
        _, dense_rows = self.index.search(query, candidates)
        _, sparse_rows = self.index.sparse.search(question, min(candidates, len(self.index)))
        rows = np.union1d(dense_rows[0], sparse_rows)
        bm25 = self.index.sparse.scores(question, rows)
        return _best(self.index.scores(query[0], rows) + BM25_WEIGHT * bm25, rows, k)

    def _random(self, question: str, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Random passages, with the scores that dense search would give them."""
        drawn = np.random.default_rng([seed, *question.encode()]).choice(len(self.index), size=k, replace=False)
        return _best(self.index.scores(self.embed_questions([question])[0], drawn), drawn, k)


def _card(manifest: IndexManifest, passages: int, name: str) -> dict[str, Any]:
    """What a card says of an index."""
    return {
        "index": name,
        "passages": passages,
        "model": manifest.model,
        "date": manifest.date,
        "source": manifest.source,
        "licence": manifest.licence,
    }


def _best(scores: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k largest scores with their rows, best first; equal scores in the order of the rows."""
    order = np.argsort(-scores, kind="stable")[:k]
    return scores[order], rows[order]
