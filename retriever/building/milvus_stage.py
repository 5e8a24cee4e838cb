"""The last stage of a build whose vectors and words are kept in Milvus: passages and vectors → a collection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.words import snowball_stems
from data.passage_table import PassageTable
from retriever.building.folder import MILVUS
from retriever.building.progress import Progress
from retriever.errors import IndexFolderError
from retriever.index_folder import IndexManifest, passage_table, vector_shards
from retriever.sparse import K1, B
from retriever.stores.address import PREFIX, resolved
from retriever.stores.milvus_store import BATCH, FIELDS, ask_store, connect

if TYPE_CHECKING:
    from pymilvus import MilvusClient

COLLECTION = "passages"
_LONGEST = {"passage": 512, "title": 2048, "section": 4096, "text": 65535, "url": 8192, "words": 65535}
# Words are stemmed here, so that Milvus in a file, Milvus on a cluster and `Bm25` count the same ones.
_ANALYZER = {"tokenizer": "standard"}


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
    uri = store.removeprefix(PREFIX)
    client = connect(resolved(uri, folder))
    collection = before.store["collection"] if before else f"{COLLECTION}_{manifest.model_identity[:12]}"

    def fill() -> None:
        begun = client.has_collection(collection)
        if begun and before is None and not (folder / MILVUS).exists():
            raise IndexFolderError(
                f"{uri} has a collection {collection} of another build: name another store, or drop that collection"
            )
        (folder / MILVUS).touch()
        if not begun:
            _create(client, collection, manifest.dimensions, served="://" in uri)
        client.load_collection(collection)
        there = int(client.query(collection, filter="", output_fields=["count(*)"])[0]["count(*)"])
        passages, vectors = passage_table(folder, manifest), vector_shards(folder, manifest)
        with Progress("storing (Milvus)", folder, len(passages)) as bar:
            # The last batch of a killed run may be there in part; rows are written by number, so twice is once.
            first = max(0, there - BATCH)
            bar.start_at(first)
            for start in range(first, len(passages), BATCH):
                numbers = np.arange(start, min(start + BATCH, len(passages)))
                client.upsert(collection, _rows(passages, vectors.rows(numbers), numbers))
                bar.add(len(numbers))
        client.flush(collection)

    ask_store(uri, fill)
    return {"uri": uri, "collection": collection}


def _create(client: MilvusClient, collection: str, dimensions: int, served: bool) -> None:
    """A collection with a dense vector and BM25; search is exact in a file, and as the server chooses where one is."""
    from pymilvus import DataType, Function, FunctionType

    schema = client.create_schema(auto_id=False)
    schema.add_field("row", DataType.INT64, is_primary=True)
    for name in FIELDS:
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
        values = {"passage": passage.id, **{name: getattr(passage, name) for name in FIELDS[1:]}}
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
