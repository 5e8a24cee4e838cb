"""Manifests and files that somebody else may have written: one clear error for each that is wrong."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.mutations import DIMENSIONS, write_folder
from core.errors import UserError
from data.passage_table import COLUMNS
from data.passages import SourceError
from retriever.building.check import verify
from retriever.errors import IndexFolderError
from retriever.index import PassageIndex
from retriever.index_folder import file_facts, read_index_manifest, write_index_manifest

IDENTITY = "0" * 64


@pytest.fixture
def folder(tmp_path):
    write_folder(tmp_path / "index", "flat")
    return tmp_path / "index"


def change(folder, **facts) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | facts))


def fit_hash(folder, name: str) -> None:
    """As a stranger would, who wrote the file and the manifest."""
    manifest = read_index_manifest(folder)
    write_index_manifest(folder, replace(manifest, files=dict(manifest.files) | file_facts(folder, [name])))


def test_a_whole_folder_opens(folder):
    assert len(PassageIndex.open(folder, IDENTITY)) == 1200 and verify(folder)


@pytest.mark.parametrize(
    "left_out", ["passages/00000.arrow", "vectors/00001.npy", "index-1.faiss", "bm25-1/vocab.index.json"]
)
def test_a_file_without_a_hash_is_refused(folder, left_out):
    files = dict(json.loads((folder / "manifest.json").read_text())["files"])
    del files[left_out]
    change(folder, files=files)
    with pytest.raises(IndexFolderError, match=f"no size and hash of {left_out}"):
        verify(folder)


def test_no_files_at_all_hide_no_flipped_shard(folder):
    change(folder, files={})
    path = folder / "vectors/00000.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(IndexFolderError, match=r"manifest\.json is no manifest of an index \(files: no size and hash"):
        verify(folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("passages", "1200"),
        ("passages", -1),
        ("passages", 10**30),
        ("passages", True),
        ("dimensions", 0),
        ("dimensions", None),
        ("model", 7),
        ("kind", "pickle"),
        ("kind", []),
        ("effort", -1),
        ("recall", {"x": 1.0}),
        ("recall", {"recall@10": "high"}),
        ("generation", 0),
        ("shards", [600, 601]),
        ("shards", [-1, 1201]),
        ("shards", {"a": 1}),
        ("files", []),
        ("files", {"passages/00000.arrow": 1}),
        ("files", {"passages/00000.arrow": [None, ""]}),
        ("store", "milvus"),
        ("sources", [1]),
        ("settings", []),
        ("another", 1),
    ],
)
def test_a_field_of_another_type_or_range_is_named(folder, field, value):
    change(folder, **{field: value})
    with pytest.raises(IndexFolderError, match=f"manifest.json is no manifest of an index.*{field}"):
        read_index_manifest(folder)


def test_a_name_outside_the_folder_is_refused(folder):
    files = json.loads((folder / "manifest.json").read_text())["files"]
    change(folder, files=files | {"../../etc/passwd": [1, "0" * 64]})
    with pytest.raises(IndexFolderError, match="etc/passwd is no file of an index"):
        read_index_manifest(folder)


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "7", "{", '{"format": NaN}', "[" * 100_000, "\x80", '{"format": []}']
)
def test_what_is_no_manifest_is_refused(folder, text):
    (folder / "manifest.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(IndexFolderError, match=r"build one with"):
        read_index_manifest(folder)


@pytest.mark.parametrize("name", ["vectors/00000.npy", "bm25-1/data.csc.index.npy"])
def test_pickled_objects_are_refused_with_a_word(folder, name):
    np.save(folder / name, np.array([{}], dtype=object), allow_pickle=True)
    fit_hash(folder, name)
    with pytest.raises(IndexFolderError, match="holds pickled objects, which are never opened; rebuild the index"):
        PassageIndex.open(folder, IDENTITY)
        verify(folder)


@pytest.mark.parametrize(
    "array",
    [np.zeros((600, DIMENSIONS), np.float32), np.zeros((599, DIMENSIONS), np.float16), np.zeros(5, "datetime64[s]")],
)
def test_vectors_of_another_shape_are_refused(folder, array):
    np.save(folder / "vectors/00000.npy", array)
    fit_hash(folder, "vectors/00000.npy")
    with pytest.raises(IndexFolderError):
        verify(folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [("num_docs", 10**12), ("num_docs", "7"), ("method", "bm25+"), ("dtype", "object"), ("backend", "numba")],
)
def test_other_parameters_of_bm25_are_refused(folder, name, value):
    path = folder / "bm25-1/params.index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))
    fit_hash(folder, "bm25-1/params.index.json")
    with pytest.raises(IndexFolderError, match=f"bm25-1 is no BM25 index that can be read .*says {name}"):
        PassageIndex.open(folder, IDENTITY)


def test_words_that_name_passages_beyond_the_last_are_refused_in_search(folder):
    path = folder / "bm25-1/indices.csc.index.npy"
    np.save(path, np.full_like(np.load(path), 10**6))
    fit_hash(folder, "bm25-1/indices.csc.index.npy")
    with pytest.raises(IndexFolderError, match="bm25-1 is no BM25 index"):
        PassageIndex.open(folder, IDENTITY).sparse.search("water", 3)


def test_a_card_and_an_error_are_shown_and_not_obeyed(folder, capsys):
    from data.build_index import main

    change(folder, source="sea\x1b]0;x\x07", licence="\x9b2J")
    assert main(["info", str(folder)]) == 0
    change(folder, kind="\x1b[2J")
    assert main(["info", str(folder)]) == 1
    found = capsys.readouterr()
    assert "sea" in found.out and "kind" in found.err and not set(found.out + found.err) & set("\x1b\x07\x9b")


def shard(columns: dict[str, pa.Array], facts: bytes = b"{}") -> bytes:
    sink = pa.BufferOutputStream()
    table = pa.record_batch(columns)
    with pa.ipc.new_file(sink, table.schema.with_metadata({b"facts": facts})) as writer:
        writer.write_batch(table)
    return sink.getvalue().to_pybytes()


def texts(count: int) -> pa.Array:
    return pa.array(["x"] * count, pa.string())


def wild_texts(count: int) -> pa.Array:
    """Texts that begin and end far outside of their bytes."""
    offsets = np.zeros(count + 1, np.int32)
    offsets[1:-1] = 2**30
    return pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(b"x" * 8)])


@pytest.mark.parametrize(
    "columns",
    [
        {name: texts(599) for name in COLUMNS},
        {name: pa.array([1] * 600) for name in COLUMNS},
        {"id": texts(600)},
        {name: pa.array([None] * 600, pa.string()) for name in COLUMNS},
        {name: wild_texts(600) for name in COLUMNS},
    ],
    ids=["rows", "types", "columns", "nulls", "offsets"],
)
def test_passages_of_another_shape_are_refused(folder, columns):
    (folder / "passages/00000.arrow").write_bytes(shard(columns))
    fit_hash(folder, "passages/00000.arrow")
    with pytest.raises(SourceError, match=r"00000\.arrow"):
        _ = PassageIndex.open(folder, IDENTITY).passages[3]


@pytest.mark.parametrize("content", [b"", b"ARROW1\0\0", b"\x80\x04pickle", bytes(1000)])
@pytest.mark.parametrize("name", ["passages/00000.arrow", "vectors/00000.npy", "bm25-1/vocab.index.json"])
def test_rubbish_is_refused_by_name(folder, name, content):
    (folder / name).write_bytes(content)
    fit_hash(folder, name)
    with pytest.raises(UserError, match=name.split("/")[0]):
        verify(folder)
        PassageIndex.open(folder, IDENTITY)
