import json

import numpy as np
import pytest

from generator.selection.beyond import Beyond, BeyondError
from training.beyond import fitted, folds


def questions(count=40, seed=0):
    """Vectors in three heaps: others, about the asker, about now."""
    random = np.random.default_rng(seed)
    heaps = np.eye(8)[:3] * 2
    kinds = np.arange(count) % 3
    return (heaps[kinds] + random.normal(0, 0.2, (count, 8))).astype(np.float32), kinds


def test_each_kind_is_told_by_its_vectors():
    vectors, kinds = questions()
    model = fitted(vectors, kinds, "this encoder")
    told = [model.kind(vector, "this encoder") for vector in questions(seed=1)[0]]
    assert told == [["", "asker", "now"][kind] for kind in kinds]
    found = folds(vectors, kinds)
    assert found["others told"] == 0 and found["asker told"] == found["asker"] == 13


def test_another_encoder_s_vectors_tell_nothing():
    vectors, kinds = questions()
    model = fitted(vectors, kinds, "this encoder")
    assert model.kind(vectors[1], "that encoder") == "" and model.kind(None, "this encoder") == ""
    assert model.kind(vectors[1][:4], "this encoder") == ""


def test_it_is_kept_and_read(tmp_path):
    vectors, kinds = questions()
    model, path = fitted(vectors, kinds, "this encoder"), tmp_path / "beyond.json"
    path.write_text(json.dumps(model.to_json()))
    assert [Beyond.load(path).kind(v, "this encoder") for v in vectors] == [
        model.kind(v, "this encoder") for v in vectors
    ]


@pytest.mark.parametrize("text", [None, "", "[]", '{"identity": 1}', '{"identity": "x", "weights": [[1], [2]]}'])
def test_a_broken_file_is_told(tmp_path, text):
    path = tmp_path / "beyond.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BeyondError, match="restore it"):
        Beyond.load(path)


@pytest.mark.assets
def test_the_shipped_one_knows_questions_that_it_was_not_fitted_on():
    from retriever.encode import Encoder

    model, encoder = Beyond.load(), Encoder.load()
    asked = {
        "asker": ["What did I eat for dinner yesterday?", "What's my passport number?"],
        "now": ["What will the weather be tomorrow in Lyon?", "who won the match yesterday"],
        "": ["Why is the sky blue?", "why do my teeth fall out if I need them to eat?", "What is a blood type?"],
    }
    for kind, texts in asked.items():
        assert [model.kind(vector, encoder.identity) for vector in encoder.encode_questions(texts)] == [kind] * len(
            texts
        )
