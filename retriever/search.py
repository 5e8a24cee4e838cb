"""Questions to hits over one index: dense, sparse, mixed, random or no retrieval.

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

from core.records import Found, Passage, Retrieved
from core.words import STOP_WORDS
from retriever.corpus import BM25_WEIGHT, Corpus, check_method
from retriever.query import content_words
from retriever.ranking import best
from retriever.sparse import Bm25

if TYPE_CHECKING:
    from retriever.encode import Encoder
    from retriever.index import PassageIndex
    from retriever.index_folder import IndexManifest

# Mixed search scores this many of each list exactly.
_CANDIDATES = 200
_NOTHING: tuple[np.ndarray, np.ndarray] = np.zeros(0, np.float32), np.zeros(0, np.int64)


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
        from retriever.index_folder import read_index_manifest

        folder = None if index is None else index_folder(index)
        manifest = embedded_manifest() if folder is None else read_index_manifest(folder)
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
            return Retriever(encoder, load_embedded_index(encoder.identity))
        return Retriever(encoder, PassageIndex.open(self.folder, encoder.identity), self.index)

    def card(self) -> dict[str, Any]:
        """What will be searched; see `Corpus.card`."""
        return _card(self.manifest, self.manifest.passages, self.index)


class Retriever(Corpus):
    """A corpus in an index: the embedded passages, or an index folder."""

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
            retriever.errors.EncoderError: the encoder cannot be loaded.
            retriever.errors.IndexFolderError: the index is missing, damaged or another encoder's.
        """
        return RetrieverPlan.of(index, encoder).open()

    def find(
        self, question: str, k: int = 4, method: str = "mixed", seed: int = 0, also: Sequence[Passage] = ()
    ) -> Retrieved:
        """See `Corpus.find`; all passages of an index are candidates anyway.

        Raises:
            core.errors.SettingsError: there is no such method.
            retriever.errors.IndexFolderError: it is sparse, and the index was built without BM25; mixed search is then
                dense search, and `score_name` says so.
        """
        check_method(method)
        vector = self.embed_questions([question])[0]
        k = max(0, min(k, len(self.index)))
        search = getattr(self, f"_{self._done(method)}")
        scores, rows = search(question, vector, k, seed) if k else _NOTHING
        hits = [
            Found(rank, self.index.passages[int(row)], float(score))
            for rank, (score, row) in enumerate(zip(scores, rows, strict=True), start=1)
        ]
        return self._result(question, method, hits, vector)

    @property
    def has_words(self) -> bool:
        """Whether the index has BM25: a large one may have been built without."""
        return self.index.has_sparse

    def unknown_words(self, question: str) -> list[str]:
        """See `Corpus.unknown_words`; not known where BM25 is another program's."""
        sparse = self.index.sparse if self.has_words else None
        words = [word for word in content_words(question) if word.isalpha() and word.casefold() not in STOP_WORDS]
        return sparse.unknown(words) if isinstance(sparse, Bm25) else []

    def card(self) -> dict[str, Any]:
        """See `Corpus.card`."""
        return _card(self.index.manifest, len(self.index), self._name)

    def _none(self, question: str, vector: np.ndarray, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        return _NOTHING

    def _dense(self, question: str, vector: np.ndarray, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        scores, rows = self.index.search(vector[None], k)
        return scores[0], rows[0]

    def _sparse(self, question: str, vector: np.ndarray, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        return self.index.sparse.search(question, k)

    def _mixed(self, question: str, vector: np.ndarray, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """The weighted sum, exact for every passage that either list holds near its top."""
        candidates = min(max(k, _CANDIDATES), len(self.index))
        near = self.index.search(vector[None], candidates)[1][0]
        bm25, rows = self.index.sparse.search(question, candidates, also=near)
        order = np.argsort(rows)  # equal scores in the order of the rows
        bm25, rows = bm25[order], rows[order]
        return _best(self.index.scores(vector, rows) + BM25_WEIGHT * bm25, rows, k)

    def _random(self, question: str, vector: np.ndarray, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Random passages, with the scores that dense search would give them."""
        drawn = np.random.default_rng([seed, *question.encode()]).choice(len(self.index), size=k, replace=False)
        return _best(self.index.scores(vector, drawn), drawn, k)


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
    """The k largest scores with their rows, best first; equal scores in the order given."""
    order = best(scores, k)
    return scores[order], rows[order]
