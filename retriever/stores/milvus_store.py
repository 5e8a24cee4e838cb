"""Milvus as the store of vectors, passages and words: a file on a laptop (Milvus Lite), or a cluster's address.

One collection holds the passages with their vectors; BM25 is Milvus' own, over the stems of title and
text. The same code serves both, and `PassageIndex` sees no difference from FAISS.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import first_line
from core.words import snowball_stems
from data.passages import Passage, PassageSequence
from retriever.errors import IndexFolderError
from retriever.index_folder import IndexManifest
from retriever.sparse import K1
from retriever.stores.address import store_address

if TYPE_CHECKING:
    from pymilvus import MilvusClient

FIELDS = ("passage", "title", "section", "text", "url")
BATCH = 1000
TIMEOUT = 20  # seconds for an answer of the store
# Milvus multiplies Lucene's BM25 by this; in a file it also gives it a minus.
_FACTOR = K1 + 1


class _Collection:
    """A loaded collection and how many rows it has; a row number is the primary key."""

    def __init__(self, client: MilvusClient, collection: str, count: int) -> None:
        """Use a loaded collection of `count` rows."""
        self._client = client
        self._collection = collection
        self._count = count

    def __len__(self) -> int:
        """How many rows there are."""
        return self._count


class MilvusStore(_Collection):
    """Vectors of a Milvus collection."""

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """See `retriever.stores.base.VectorStore.search`."""
        found = self._client.search(
            self._collection, data=queries.tolist(), anns_field="vector", limit=k, search_params={"metric_type": "IP"}
        )
        scores = np.array([[hit["distance"] for hit in hits] for hits in found], np.float32)
        return scores, np.array(
            [[hit["row"] if "row" in hit else hit["id"] for hit in hits] for hits in found], np.int64
        )

    def scores(self, query: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """See `retriever.stores.base.VectorStore.scores`."""
        found = self._client.get(self._collection, ids=[int(row) for row in rows], output_fields=["row", "vector"])
        vectors = {int(item["row"]): np.asarray(item["vector"], np.float32) for item in found}
        return np.array([vectors[int(row)] @ query for row in rows], np.float32)


class MilvusWords:
    """BM25 by Milvus."""

    def __init__(self, client: MilvusClient, collection: str) -> None:
        """Search a loaded collection."""
        self._client = client
        self._collection = collection

    def search(self, question: str, k: int, also: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """See `retriever.stores.base.SparseSearch.search`; passages without any of the words make up the number."""
        found = self._found(question, k)
        rows = sorted(found, key=lambda row: (-found[row], row))
        filler = (row for row in range(k + len(rows)) if row not in found)
        # Fewer than k hold a word: then no other passage does.
        full = len(rows) == k
        rows += [next(filler) for _ in range(k - len(rows))]
        others = [] if also is None else np.setdiff1d(also, rows).tolist()
        if full and others:
            found |= self._found(question, len(others), f"row in {others}")
        rows += others
        return np.array([found.get(row, 0.0) for row in rows], np.float32), np.array(rows, np.int64)

    def _found(self, question: str, k: int, among: str = "") -> dict[int, float]:
        """Row → score of the passages that hold a word of the question."""
        words = snowball_stems([question])[0]
        if not words or k == 0:
            return {}
        hits = self._client.search(
            self._collection,
            data=[" ".join(words)],
            anns_field="sparse",
            limit=k,
            filter=among,
            search_params={"metric_type": "BM25"},
        )[0]
        return {int(hit["row"] if "row" in hit else hit["id"]): abs(float(hit["distance"])) / _FACTOR for hit in hits}


class MilvusPassages(_Collection, PassageSequence):
    """The passages of a collection, read when they are asked for."""

    def _read(self, rows: Sequence[int]) -> list[Passage]:
        found: dict[int, Passage] = {}
        for start in range(0, len(rows), BATCH):
            wanted = list(rows[start : start + BATCH])
            for item in self._client.get(self._collection, ids=wanted, output_fields=["row", *FIELDS]):
                found[int(item["row"])] = Passage(*(item[name] for name in FIELDS))
        return [found[row] for row in rows]


def open_milvus(
    folder: Path, manifest: IndexManifest
) -> tuple[MilvusPassages, MilvusStore, IndexManifest, MilvusWords]:
    """What a `PassageIndex` of a Milvus store is made of.

    Raises:
        IndexFolderError: the store is one that nobody named (see `retriever.stores.address`), cannot be reached, or
            does not hold what the manifest says.
    """
    address, collection = store_address(manifest.store, folder)
    client = connect(address)

    def opened() -> int:
        if not client.has_collection(collection):
            raise IndexFolderError(f"the Milvus store {address} has no collection {collection}: build the index again")
        client.load_collection(collection)
        return int(client.query(collection, filter="", output_fields=["count(*)"])[0]["count(*)"])

    count = ask_store(address, opened)
    if count != manifest.passages:
        raise IndexFolderError(
            f"the collection {collection} of {address} holds {count:,} passages and the manifest says "
            f"{manifest.passages:,}: build the index again"
        )
    parts = client, collection, count
    return MilvusPassages(*parts), MilvusStore(*parts), manifest, MilvusWords(client, collection)


def connect(uri: str) -> MilvusClient:
    """A client of an address that the operator named; its token, if it wants one, is in the variable MILVUS_TOKEN."""
    try:
        from pymilvus import MilvusClient
    except ImportError as error:
        raise IndexFolderError(
            "a Milvus store needs pymilvus: python -m pip install -r requirements-scale.txt"
        ) from error
    if "://" not in uri:
        # The server behind a file lacks a call that the client tries and does without; gRPC would log a traceback.
        logging.getLogger("grpc._server").setLevel(logging.CRITICAL)
    return ask_store(
        uri,
        lambda: MilvusClient(uri, token=os.environ.get("MILVUS_TOKEN", "") if "://" in uri else "", timeout=TIMEOUT),
    )


def ask_store(uri: str, question: Callable[[], Any]) -> Any:  # noqa: ANN401 — whatever the question gives
    """What a store answers; its failures in one line."""
    from pymilvus.exceptions import MilvusException

    try:
        return question()
    except (MilvusException, ConnectionError) as error:
        raise IndexFolderError(
            f"the Milvus store {uri} cannot be used: {first_line(error)}. Check the address and MILVUS_TOKEN"
        ) from error
