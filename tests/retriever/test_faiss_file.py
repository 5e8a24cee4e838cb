"""Files that FAISS wrote are taken, and those that would make it crash or ask for terabytes are not."""

import struct

import faiss
import numpy as np
import pytest

from retriever.errors import IndexFolderError
from retriever.faiss_file import check_faiss
from retriever.index_kinds import build_index
from retriever.stores.faiss_store import FaissStore
from retriever.vector_shards import VectorShards, write_vectors

COUNT, DIMENSIONS = 1000, 16


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> VectorShards:
    path = tmp_path_factory.mktemp("vectors") / "0.npy"
    write_vectors(path, np.random.default_rng(0).normal(size=(COUNT, DIMENSIONS)).astype(np.float32))
    return VectorShards([path], [COUNT], DIMENSIONS)


@pytest.fixture(scope="module")
def contents(shards, tmp_path_factory) -> dict[str, bytes]:
    found = {}
    for kind in ("flat", "hnsw", "ivfpq"):
        path = tmp_path_factory.mktemp(kind) / "index.faiss"
        faiss.write_index(build_index(kind, shards), str(path))
        found[kind] = path.read_bytes()
    return found


def opened(path, content, kind, shards) -> FaissStore:
    path.write_bytes(content)
    return FaissStore.open(path, kind, 32, shards)


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivfpq"])
def test_what_faiss_writes_is_taken(contents, shards, tmp_path, kind):
    assert len(opened(tmp_path / "i", contents[kind], kind, shards)) == COUNT


def test_lists_of_which_most_are_empty_are_taken(tmp_path):
    index = faiss.index_factory(DIMENSIONS, f"OPQ4_{DIMENSIONS},IVF16,PQ4x4", faiss.METRIC_INNER_PRODUCT)
    vectors = np.random.default_rng(0).normal(size=(COUNT, DIMENSIONS)).astype(np.float32)
    index.train(vectors)
    index.add(vectors[:3])
    faiss.write_index(index, str(tmp_path / "i"))
    assert b"sprs" in (tmp_path / "i").read_bytes()
    check_faiss(tmp_path / "i", "ivfpq", 3, DIMENSIONS)


# Where a number stands that says how many follow: vectors, codes, probabilities, levels, the rotation, lists.
@pytest.mark.parametrize(
    ("kind", "at"),
    [
        *(("flat", at) for at in (8, 49, 57, 65, 73)),
        *(("hnsw", at) for at in (8, 37, 93)),
        *(("ivfpq", at) for at in (8, 46, 1132, 1185)),
    ],
)
def test_huge_numbers_are_refused_before_faiss_believes_them(contents, shards, tmp_path, monkeypatch, kind, at):
    monkeypatch.setattr(faiss, "read_index", lambda *given: pytest.fail("FAISS read it"))
    content = contents[kind][:at] + struct.pack("<Q", 1 << 40) + contents[kind][at + 8 :]
    with pytest.raises(IndexFolderError, match=r"i is no FAISS index .*; rebuild the index"):
        opened(tmp_path / "i", content, kind, shards)


@pytest.mark.parametrize("link", [COUNT, 1 << 30, -2])
def test_a_link_to_nowhere_is_refused(contents, shards, tmp_path, link):
    content = contents["hnsw"]
    first = 37 + 8 + 8 * struct.unpack_from("<Q", content, 37)[0]  # behind the probabilities of levels
    for size in (4, 4, 8):  # the room of each level, the levels, the starts
        first += 8 + size * struct.unpack_from("<Q", content, first)[0]
    content = content[: first + 8] + struct.pack("<i", link) + content[first + 12 :]
    with pytest.raises(IndexFolderError, match="a link leads to none of its vectors"):
        opened(tmp_path / "i", content, "hnsw", shards)


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivfpq"])
def test_another_kind_another_size_and_more_than_an_index_are_refused(contents, shards, tmp_path, kind):
    other = {"flat": "hnsw", "hnsw": "ivfpq", "ivfpq": "flat"}[kind]
    for content in (contents[other], contents[kind][:-1], contents[kind] + b"x", b"", b"\x80\x04pickle"):
        with pytest.raises(IndexFolderError, match="is no FAISS index"):
            opened(tmp_path / "i", content, kind, shards)
    (tmp_path / "i").write_bytes(contents[kind])
    for count, dimensions in ((COUNT + 1, DIMENSIONS), (COUNT, DIMENSIONS * 2)):
        with pytest.raises(ValueError, match="are needed"):
            check_faiss(tmp_path / "i", kind, count, dimensions)


def test_a_row_that_no_vector_has_is_refused_in_search(contents, shards, tmp_path):
    content = contents["ivfpq"][:-8] + struct.pack("<q", 1 << 40)  # the last list ends with its last vector's row
    store = opened(tmp_path / "i", content, "ivfpq", shards)
    with pytest.raises(IndexFolderError, match="names row 1099511627776 of 1,000"):
        store.search(shards.rows(np.arange(50)), 1000)
