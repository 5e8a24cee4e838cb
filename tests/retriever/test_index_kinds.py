import faiss
import numpy as np
import pytest

from retriever.errors import BuildError
from retriever.index_kinds import KINDS, build_index, choose_kind, needs
from retriever.recall import exact_rows, recall, tune
from retriever.stores.faiss_store import FaissStore
from retriever.vector_shards import VectorShards, write_vectors

COUNT, DIMENSIONS = 1500, 16


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vectors")
    rng = np.random.default_rng(0)
    middle = rng.normal(size=(30, DIMENSIONS))
    rows = middle[rng.integers(30, size=COUNT)] + 0.5 * rng.normal(size=(COUNT, DIMENSIONS))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    write_vectors(folder / "0.npy", rows[:1000])
    write_vectors(folder / "1.npy", rows[1000:])
    return VectorShards([folder / "0.npy", folder / "1.npy"], [1000, 500], DIMENSIONS)


@pytest.fixture(scope="module")
def queries():
    rows = np.random.default_rng(1).normal(size=(40, DIMENSIONS)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def by_sorting(vectors, queries, k):
    everything = np.vstack([block for _, block in vectors.blocks()])
    scores = queries @ everything.T
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, order, axis=1), order


def test_exact_rows_equal_sorting_all_products(vectors, queries):
    np.testing.assert_array_equal(exact_rows(vectors, queries, 10), by_sorting(vectors, queries, 10)[1])


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_finds_what_exact_search_finds_from_a_mapped_file(vectors, queries, tmp_path, kind):
    index = build_index(kind, vectors, lists=16)
    measured = tune(index, kind, vectors, queries, 0.95)
    faiss.write_index(index, str(tmp_path / "i.faiss"))
    store = FaissStore.open(tmp_path / "i.faiss", kind, measured.effort, vectors)
    rows = by_sorting(vectors, queries, 10)[1]
    found_scores, found = store.search(queries, 10)
    assert len(store) == COUNT and measured.queries == 20
    assert recall(found, rows) >= 0.95 and measured.recall >= 0.95
    everything = queries @ np.vstack([block for _, block in vectors.blocks()]).T
    np.testing.assert_allclose(found_scores, np.take_along_axis(everything, found, axis=1), atol=1e-5)
    np.testing.assert_allclose(store.scores(queries[0], found[0]), found_scores[0], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_as_many_as_there_are_can_be_asked_for(vectors, queries, kind):
    store = FaissStore(build_index(kind, vectors, lists=16), None if kind == "flat" else vectors)
    rows = store.search(queries[:2], COUNT)[1]
    assert rows.shape == (2, COUNT) and all(sorted(row) == list(range(COUNT)) for row in rows.tolist())


@pytest.mark.parametrize(
    ("count", "memory", "kind"),
    [(10, 10**9, "flat"), (200_000, 10**9, "flat"), (300_000, 10**9, "hnsw"), (2_000_000, 10**9, "ivfpq")],
)
def test_auto_goes_by_passages_and_memory(count, memory, kind):
    assert choose_kind("auto", count, 128, memory) == kind


def test_an_unknown_kind_is_refused_with_those_known():
    with pytest.raises(BuildError, match='"magic"; allowed are auto, flat, hnsw, ivfpq'):
        choose_kind("magic", 10, 128, 10**9)


def test_what_does_not_fit_is_refused_with_both_numbers():
    with pytest.raises(BuildError, match=r"5\.\d GB of memory and the limit is 2\.0 GB: raise --memory-limit"):
        choose_kind("hnsw", 10_000_000, 128, 2 * 10**9)
    with pytest.raises(BuildError, match="at least 1,000 passages"):
        choose_kind("ivfpq", 12, 128, 10**9)


def test_ten_million_fit_two_gigabytes():
    assert needs("ivfpq", 10_000_000, 128).memory < 2 * 10**9
