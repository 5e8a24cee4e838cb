"""Encoders with 8-bit products against the float32 ones that they stand in for."""

import numpy as np
import pytest
import torch

from retriever.encode import Encoder
from retriever.int8_bert import FastEmbedder, Int8Bert, why_not

pytest.importorskip("onnxruntime")

TEXTS = ["The Moon.", "Bees make honey from nectar and keep it in wax combs.", "", "A flute has no reed."]


def cosines(a, b) -> np.ndarray:
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.fixture(scope="module")
def embedder(tiny_encoder, tmp_path_factory) -> FastEmbedder:
    return FastEmbedder.load(tiny_encoder.model, tmp_path_factory.mktemp("graphs"), "tiny")


@pytest.fixture(scope="module")
def fast(tiny_encoder, embedder) -> Encoder:
    return Encoder(tiny_encoder.model, tiny_encoder.tokenizer, "tiny", "tiny", embedder)


def test_hidden_states_are_near_those_of_float32(tiny_encoder, tmp_path):
    bert = tiny_encoder.model.bert_query
    ids = tiny_encoder.tokenizer(TEXTS[1])["input_ids"]
    with torch.no_grad():
        expected = bert(torch.tensor([ids])).last_hidden_state[0].numpy()
    states = Int8Bert.load(bert, tmp_path / "graph.onnx")(ids)
    assert states.shape == expected.shape and states.dtype == np.float32
    assert np.abs(states - expected).mean() < 0.02 * np.abs(expected).mean()


def test_sums_and_norms_stay_apart_where_both_at_once_are_slower(tiny_encoder, tmp_path, monkeypatch):
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "run.onnx")
    monkeypatch.setattr(onnxruntime, "SessionOptions", lambda: options)
    Int8Bert.load(tiny_encoder.model.bert_query, tmp_path / "graph.onnx")
    kinds = {node.op_type for node in onnx.load(tmp_path / "run.onnx").graph.node}
    assert "LayerNormalization" in kinds and "SkipLayerNormalization" not in kinds


def test_vectors_point_where_those_of_float32_do(tiny_encoder, fast):
    assert cosines(fast.encode_passages(TEXTS), tiny_encoder.encode_passages(TEXTS)).min() > 0.99


def test_questions_are_encoded_exactly(tiny_encoder, fast):
    np.testing.assert_array_equal(fast.encode_questions(TEXTS), tiny_encoder.encode_questions(TEXTS))


def test_a_text_has_one_vector_whatever_stands_beside_it(fast):
    together = fast.encode_passages(TEXTS * 20)
    for row, text in enumerate(TEXTS):
        np.testing.assert_array_equal(together[row::4], np.repeat(fast.encode_passages([text]), 20, axis=0))


def test_no_texts_give_no_rows_and_long_ones_are_cut(fast, caplog):
    assert fast.encode_passages([]).shape == (0, 128)
    assert fast.encode_passages(["the " * 500]).shape == (1, 128)
    assert "1 of 1 texts are longer than 64 tokens" in caplog.text


def test_graphs_are_written_once_and_those_of_other_models_removed(tiny_encoder, tmp_path):
    (tmp_path / "1-other.onnx").write_bytes(b"old")
    FastEmbedder.load(tiny_encoder.model, tmp_path, "new")
    (graph,) = tmp_path.glob("*.onnx")
    written = graph.stat().st_mtime_ns
    FastEmbedder.load(tiny_encoder.model, tmp_path, "new")
    assert graph.name == "3-new.onnx" and graph.stat().st_mtime_ns == written


@pytest.mark.parametrize(
    "spoil", [lambda graph: b"", lambda graph: graph[:-100], lambda graph: graph[:5000] + b"x" + graph[5001:]]
)
def test_a_spoilt_graph_is_written_again(tiny_encoder, fast, tmp_path, caplog, spoil):
    FastEmbedder.load(tiny_encoder.model, tmp_path, "tiny")
    (graph,) = tmp_path.glob("*.onnx")
    written = graph.read_bytes()
    graph.write_bytes(spoil(written))
    again = Encoder(
        tiny_encoder.model,
        tiny_encoder.tokenizer,
        "tiny",
        "tiny",
        FastEmbedder.load(tiny_encoder.model, tmp_path, "tiny"),
    )
    np.testing.assert_array_equal(again.encode_passages(TEXTS), fast.encode_passages(TEXTS))
    assert graph.read_bytes() == written and f"{graph} " in caplog.text


def test_where_no_graph_can_be_kept_it_is_in_memory(tiny_encoder, fast, tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    embedder = FastEmbedder.load(tiny_encoder.model, tmp_path / "file", "tiny")
    found = Encoder(tiny_encoder.model, tiny_encoder.tokenizer, "tiny", "tiny", embedder).encode_passages(TEXTS)
    np.testing.assert_array_equal(found, fast.encode_passages(TEXTS))
    assert "cannot be kept" in caplog.text


def test_what_does_not_fit_is_said(tiny_encoder):
    assert why_not(tiny_encoder.model) == ""
    tiny_encoder.model.config.pooling = "cls"
    try:
        assert "mean pooling" in why_not(tiny_encoder.model)
    finally:
        tiny_encoder.model.config.pooling = "mean"


@pytest.mark.assets
def test_the_embedded_encoder_keeps_to_its_float32_vectors(corpus):
    texts = [passage.text for passage in corpus]
    fast, exact = Encoder.load(), Encoder.load(exact=True)
    assert cosines(fast.encode_passages(texts), exact.encode_passages(texts)).mean() > 0.99
