import numpy as np
import pytest

from retriever.vector_shards import VectorShards, is_whole, write_vectors


@pytest.fixture
def vectors():
    return np.random.default_rng(0).normal(size=(300, 8)).astype(np.float16)


@pytest.fixture
def shards(tmp_path, vectors):
    cuts = [0, 100, 100, 250, 300]
    files = []
    for number, (start, stop) in enumerate(zip(cuts, cuts[1:], strict=False)):
        files.append(tmp_path / f"{number}.npy")
        write_vectors(files[-1], vectors[start:stop])
    return VectorShards(files, np.diff(cuts).tolist(), 8)


def test_chosen_rows_in_any_order(shards, vectors):
    rows = np.array([299, 0, 99, 100, 249, 250, 0])
    np.testing.assert_array_equal(shards.rows(rows), vectors[rows].astype(np.float32))
    assert shards.rows(np.array([], np.int64)).shape == (0, 8)


@pytest.mark.parametrize("row", [-1, 300])
def test_a_row_that_is_not_there_is_refused(shards, row):
    with pytest.raises(IndexError, match="of 300 vectors"):
        shards.rows(np.array([row]))


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
def test_blocks_are_all_vectors_in_order(shards, vectors, size):
    blocks = list(shards.blocks(size))
    np.testing.assert_array_equal(np.vstack([block for _, block in blocks]), vectors.astype(np.float32))
    assert [first for first, _ in blocks] == list(range(0, 300, size))


def test_a_sample_is_drawn_from_all_shards(shards, vectors):
    sample = shards.sample(50)
    assert sample.shape == (50, 8) and len(shards.sample(1000)) == 300
    known = {row.tobytes() for row in vectors.astype(np.float32)}
    assert {row.tobytes() for row in sample} <= known and len({row.tobytes() for row in sample}) == 50


def test_a_file_that_was_cut_off_is_not_whole(shards, tmp_path):
    path = tmp_path / "0.npy"
    assert is_whole(path, 100, 8) and not is_whole(path, 99, 8) and not is_whole(tmp_path / "none", 1, 8)
    path.write_bytes(path.read_bytes()[:-1])
    assert not is_whole(path, 100, 8)
