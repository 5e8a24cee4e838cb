import json
from pathlib import Path

import numpy as np
import pytest

from retriever.errors import IndexFolderError
from retriever.index import PassageIndex


def numpy_search(vectors: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    return np.argsort(-(queries @ vectors.T), axis=1, kind="stable")[:, :k]


@pytest.fixture
def vectors() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(12, 16)).astype(np.float32)


@pytest.fixture
def index(corpus, vectors) -> PassageIndex:
    return PassageIndex.build(corpus, vectors, "a model", "identity", "a test")


class GivenVectors:
    """Stands in for an encoder: the vectors of the passages are known."""

    name, identity, dimensions = "a model", "identity", 16

    def __init__(self, vectors: np.ndarray) -> None:
        self.vectors = vectors

    def encode_passages(self, texts) -> np.ndarray:
        return self.vectors[: len(texts)]


@pytest.fixture
def folder(corpus, vectors, write_index, tmp_path) -> Path:
    return write_index(tmp_path / "i", corpus, GivenVectors(vectors))


@pytest.mark.parametrize("k", [1, 5, 12, 13, 1000])
def test_search_equals_sorting_all_products(index, vectors, k):
    queries = np.random.default_rng(1).normal(size=(7, 16)).astype(np.float32)
    scores, rows = index.search(queries, k)
    assert rows.shape == (7, min(k, 12))
    np.testing.assert_array_equal(rows, numpy_search(vectors, queries, k))
    np.testing.assert_allclose(scores, np.take_along_axis(queries @ vectors.T, rows, axis=1), atol=1e-5)


@pytest.mark.parametrize("k", [0, -3])
def test_k_below_one_gives_nothing(index, vectors, k):
    scores, rows = index.search(vectors[:2], k)
    assert scores.shape == rows.shape == (2, 0)


def test_an_empty_index_gives_nothing():
    empty = PassageIndex.build([], np.zeros((0, 16), np.float32), "a model", "identity", "a test")
    assert empty.search(np.ones((1, 16), np.float32), 4)[1].shape == (1, 0)


def test_scores_of_chosen_rows(index, vectors):
    np.testing.assert_allclose(index.scores(vectors[3], np.array([3, 0])), vectors[[3, 0]] @ vectors[3], rtol=1e-5)
    assert index.scores(vectors[3], np.array([], dtype=np.int64)).shape == (0,)


def test_a_written_index_opens_with_the_same_contents(index, vectors, folder):
    opened = PassageIndex.open(folder, "identity")
    assert list(opened.passages) == list(index.passages)
    assert opened.manifest.model == "a model" and opened.manifest.passages == 12
    np.testing.assert_array_equal(opened.search(vectors, 5)[1], index.search(vectors, 5)[1])


def test_unequal_numbers_are_refused_with_both(corpus, vectors):
    with pytest.raises(IndexFolderError, match="12 vectors but there are 11 passages"):
        PassageIndex.build(corpus[:-1], vectors, "a model", "identity", "a test")


@pytest.mark.parametrize("name", ["passages/00000.arrow", "vectors/00000.npy", "index-1.faiss", "manifest.json"])
@pytest.mark.parametrize("damage", ["remove", "truncate", "change"])
def test_a_damaged_folder_is_refused(folder, name, damage):
    path = folder / name
    content = path.read_bytes()
    if damage == "remove":
        path.unlink()
    elif damage == "truncate":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.write_bytes(content.replace(b"o", b"0").replace(b"\0", b"\1"))
    with pytest.raises(IndexFolderError, match=r"rebuild|build one"):
        PassageIndex.open(folder, "identity")


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(IndexFolderError, match="there is no index folder"):
        PassageIndex.open(tmp_path / "none", "identity")


def test_an_index_of_another_model_is_refused_with_both(folder):
    with pytest.raises(IndexFolderError, match=r"built by the encoder a model \(identity\).*another \(other\)"):
        PassageIndex.open(folder, "other")


def test_a_future_layout_is_refused(folder):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 9}))
    with pytest.raises(IndexFolderError, match="layout 9"):
        PassageIndex.open(folder, "identity")
