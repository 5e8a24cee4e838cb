import json

import numpy as np
import pytest

from benchmarks.search import centres, draw, main


def test_rows_for_each_kind_and_a_picture(tmp_path, capsys):
    given = ["--vectors", "600", "--kinds", "flat", "hnsw", "--folder", str(tmp_path / "v"), "--output"]
    assert main([*given, str(tmp_path / "r.json")]) == 0
    flat, hnsw = json.loads((tmp_path / "r.json").read_text())
    assert flat["recall@10"] == 1.0 and hnsw["recall@10"] > 0.9 and flat["index_mb"] == pytest.approx(0.2, abs=0.05)
    assert "| 600 | flat |" in capsys.readouterr().out
    assert main([str(tmp_path / "r.json"), "--picture", str(tmp_path / "p.png")]) == 0
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("content", ["{", "{}x", '["row"]', '[{"kind": "flat"}]', "3"])
def test_a_file_that_holds_no_rows_is_named(tmp_path, capsys, content):
    path = tmp_path / "r.json"
    path.write_text(content)
    assert main([str(path)]) == 1
    error = capsys.readouterr().err
    assert str(path) in error and "--output wrote" in error and error.count("\n") == 1


def test_vectors_are_clustered_and_of_length_one():
    vectors = draw(centres(10), 500, seed=0)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    nearest = np.sort(vectors @ vectors.T, axis=1)[:, -2]
    uniform = np.random.default_rng(0).normal(size=(500, 128))
    uniform /= np.linalg.norm(uniform, axis=1, keepdims=True)
    assert nearest.mean() > 2 * np.sort(uniform @ uniform.T, axis=1)[:, -2].mean()
