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

from core.words import snowball_stems
from data.passage_table import PassageTable
from data.passages import Passage, PassageSequence
from retriever.index_folder import IndexFolderError, IndexManifest
from retriever.sparse import K1, B

if TYPE_CHECKING:
    from pymilvus import MilvusClient

PREFIX = "milvus:"
COLLECTION = "passages"
_FIELDS = ("passage", "title", "section", "text", "url")
_LONGEST = {"passage": 512, "title": 2048, "section": 4096, "text": 65535, "url": 8192, "words": 65535}
_BATCH = 1000
# Words are stemmed here, so that Milvus in a file, Milvus on a cluster and `Bm25` count the same ones.
_ANALYZER = {"tokenizer": "standard"}
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

    def search(self, question: str, k: int) -> tuple[np.ndarray, np.ndarray]:
        """See `retriever.stores.base.SparseSearch.search`; passages without any of the words make up the number."""
        found = self._found(question, k)
        rows = sorted(found, key=lambda row: (-found[row], row))
        filler = (row for row in range(k + len(rows)) if row not in found)
        rows += [next(filler) for _ in range(k - len(rows))]
        return np.array([found.get(row, 0.0) for row in rows], np.float32), np.array(rows, np.int64)

    def scores(self, question: str, rows: np.ndarray) -> np.ndarray:
        """See `retriever.stores.base.SparseSearch.scores`."""
        found = self._found(question, len(rows), f"row in {[int(row) for row in rows]}")
        return np.array([found.get(int(row), 0.0) for row in rows], np.float32)

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
        for start in range(0, len(rows), _BATCH):
            wanted = list(rows[start : start + _BATCH])
            for item in self._client.get(self._collection, ids=wanted, output_fields=["row", *_FIELDS]):
                found[int(item["row"])] = Passage(*(item[name] for name in _FIELDS))
        return [found[row] for row in rows]


def open_milvus(
    folder: Path, manifest: IndexManifest
) -> tuple[MilvusPassages, MilvusStore, IndexManifest, MilvusWords]:
    """What a `PassageIndex` of a Milvus store is made of.

    Raises:
        IndexFolderError: the store cannot be reached, or does not hold what the manifest says.
    """
    address, collection = manifest.store["uri"], manifest.store["collection"]
    client = _connect(_resolved(address, folder))

    def opened() -> int:
        if not client.has_collection(collection):
            raise IndexFolderError(f"the Milvus store {address} has no collection {collection}: build the index again")
        client.load_collection(collection)
        return int(client.query(collection, filter="", output_fields=["count(*)"])[0]["count(*)"])

    count = _asked(address, opened)
    if count != manifest.passages:
        raise IndexFolderError(
            f"the collection {collection} of {address} holds {count:,} passages and the manifest says "
            f"{manifest.passages:,}: build the index again"
        )
    parts = client, collection, count
    return MilvusPassages(*parts), MilvusStore(*parts), manifest, MilvusWords(client, collection)


def fill_store(folder: Path, store: str, manifest: IndexManifest, before: IndexManifest | None) -> dict[str, Any]:
    """Put passages and vectors of a folder into Milvus; rows that are there already stay.

    Args:
        folder: of the build.
        store: "milvus:URI".
        manifest: of the index that is being built.
        before: of the finished index that it extends.

    Returns:
        The manifest's "store".

    Raises:
        IndexFolderError: the store cannot be reached.
    """
    from retriever.building.progress import Progress
    from retriever.index import passage_table, vector_shards

    uri = store.removeprefix(PREFIX)
    client = _connect(_resolved(uri, folder))
    collection = before.store["collection"] if before else f"{COLLECTION}_{manifest.model_identity[:12]}"

    def fill() -> None:
        begun = client.has_collection(collection)
        if begun and before is None and not (folder / ".milvus").exists():
            raise IndexFolderError(
                f"{uri} has a collection {collection} of another build: name another store, or drop that collection"
            )
        (folder / ".milvus").touch()
        if not begun:
            _create(client, collection, manifest.dimensions, served="://" in uri)
        client.load_collection(collection)
        there = int(client.query(collection, filter="", output_fields=["count(*)"])[0]["count(*)"])
        passages, vectors = passage_table(folder, manifest), vector_shards(folder, manifest)
        with Progress("storing (Milvus)", folder, len(passages)) as bar:
            # The last batch of a killed run may be there in part; rows are written by number, so twice is once.
            first = max(0, there - _BATCH)
            bar.start_at(first)
            for start in range(first, len(passages), _BATCH):
                numbers = np.arange(start, min(start + _BATCH, len(passages)))
                client.upsert(collection, _rows(passages, vectors.rows(numbers), numbers))
                bar.add(len(numbers))
        client.flush(collection)

    _asked(uri, fill)
    return {"uri": uri, "collection": collection}


def _create(client: MilvusClient, collection: str, dimensions: int, served: bool) -> None:
    """A collection with a dense vector and BM25; search is exact in a file, and as the server chooses where one is."""
    from pymilvus import DataType, Function, FunctionType

    schema = client.create_schema(auto_id=False)
    schema.add_field("row", DataType.INT64, is_primary=True)
    for name in _FIELDS:
        schema.add_field(name, DataType.VARCHAR, max_length=_LONGEST[name])
    schema.add_field(
        "words", DataType.VARCHAR, max_length=_LONGEST["words"], enable_analyzer=True, analyzer_params=_ANALYZER
    )
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimensions)
    schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
    schema.add_function(Function("bm25", FunctionType.BM25, input_field_names=["words"], output_field_names=["sparse"]))
    indexes = client.prepare_index_params()
    indexes.add_index("vector", index_type="AUTOINDEX" if served else "FLAT", metric_type="IP")
    # A server reads the parameters one by one, a file as one object under the name "params".
    bm25 = {"bm25_k1": K1, "bm25_b": B}
    indexes.add_index("sparse", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25", params=bm25 | {"params": bm25})
    client.create_collection(collection, schema=schema, index_params=indexes)


def _rows(passages: PassageTable, vectors: np.ndarray, numbers: np.ndarray) -> list[dict[str, Any]]:
    """Passages with their vectors as Milvus takes them; what is longer than a field holds is cut at a character."""
    read = [passages[int(number)] for number in numbers]
    tokens = snowball_stems([f"{passage.title}. {passage.text}" for passage in read])
    rows = []
    for number, passage, vector, words in zip(numbers, read, vectors, tokens, strict=True):
        values = {"passage": passage.id, **{name: getattr(passage, name) for name in _FIELDS[1:]}}
        values["words"] = " ".join(words)
        cut = {name: _cut(value, _LONGEST[name]) for name, value in values.items()}
        rows.append({"row": int(number), "vector": vector.tolist(), **cut})
    return rows


def _cut(text: str, longest: int) -> str:
    """A text of at most so many bytes of UTF-8.

    >>> _cut("für", 2)
    'f'
    """
    return text.encode()[:longest].decode(errors="ignore")


def _resolved(uri: str, folder: Path) -> str:
    """An address as it is; a file's path, which lies in the index's folder unless it is a path of its own."""
    if "://" in uri:
        return uri
    path = Path(uri)
    return str(path if path.is_absolute() or len(path.parts) > 1 else folder / path)


def _connect(uri: str) -> MilvusClient:
    """A client; the token, where the server wants one, is in the variable MILVUS_TOKEN."""
    try:
        from pymilvus import MilvusClient
    except ImportError as error:
        raise IndexFolderError(
            "a Milvus store needs pymilvus: python -m pip install -r requirements-scale.txt"
        ) from error
    if "://" not in uri:
        # The server behind a file lacks a call that the client tries and does without; gRPC would log a traceback.
        logging.getLogger("grpc._server").setLevel(logging.CRITICAL)
    return _asked(uri, lambda: MilvusClient(uri, token=os.environ.get("MILVUS_TOKEN", ""), timeout=20))


def _asked(uri: str, question: Callable[[], Any]) -> Any:  # noqa: ANN401 — whatever the question gives
    """What a store answers; its failures in one line."""
    from pymilvus.exceptions import MilvusException

    try:
        return question()
    except (MilvusException, ConnectionError) as error:
        said = str(error).strip().splitlines()[0]
        raise IndexFolderError(
            f"the Milvus store {uri} cannot be used: {said}. Check the address and MILVUS_TOKEN"
        ) from error
