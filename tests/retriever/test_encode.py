import logging

import numpy as np
import pytest
import torch

from retriever.encode import Encoder
from retriever.errors import EncoderError

TEXTS = [
    "The Moon.",
    "Bees make honey from nectar and keep it in wax combs.",
    "",
    "A flute is a woodwind instrument.",
] * 6


def one_by_one(encoder: Encoder, texts: list[str]) -> np.ndarray:
    """Masked mean of the last layer, projected and normalised, one text at a time and without padding."""
    rows = []
    for text in texts:
        ids = torch.tensor([encoder.tokenizer(text)["input_ids"]])
        with torch.no_grad():
            states = encoder.model.bert_query(input_ids=ids).last_hidden_state[0].numpy()
        projected = encoder.model.project_doc.weight.detach().numpy() @ states.mean(axis=0)
        rows.append(projected / np.linalg.norm(projected))
    return np.stack(rows)


@pytest.mark.parametrize("batch_size", [1, 5, 16])
def test_batches_of_any_size_give_the_vectors_of_single_texts_in_order(tiny_encoder, batch_size):
    vectors = tiny_encoder.encode_passages(TEXTS, batch_size)
    assert vectors.dtype == np.float32 and vectors.shape == (len(TEXTS), 128)
    np.testing.assert_allclose(vectors, one_by_one(tiny_encoder, TEXTS), atol=1e-5)


def test_no_texts_give_no_rows(tiny_encoder):
    assert tiny_encoder.encode_questions([]).shape == (0, 128)


def test_questions_use_their_own_projection(tiny_encoder):
    assert not np.allclose(tiny_encoder.encode_questions(TEXTS[:2]), tiny_encoder.encode_passages(TEXTS[:2]))


def test_a_long_text_is_cut_and_it_is_said(tiny_encoder, caplog):
    with caplog.at_level(logging.WARNING):
        vectors = tiny_encoder.encode_passages(["the " * 500, "the"])
    assert "1 of 2 texts are longer than 64 tokens" in caplog.text
    np.testing.assert_allclose(vectors[0], one_by_one(tiny_encoder, ["the " * 62])[0], atol=1e-5)


def test_a_batch_size_of_none_is_refused(tiny_encoder):
    with pytest.raises(ValueError, match="batch size is 0"):
        tiny_encoder.encode_passages(TEXTS, 0)


def test_a_checkpoint_folder_gives_the_same_vectors(tiny_encoder, tmp_path):
    tiny_encoder.model.save_pretrained(tmp_path)
    tiny_encoder.tokenizer.save_pretrained(tmp_path)
    loaded = Encoder.load(tmp_path)
    np.testing.assert_allclose(loaded.encode_questions(TEXTS), tiny_encoder.encode_questions(TEXTS), atol=1e-6)
    assert loaded.identity == Encoder.load(tmp_path).identity != tiny_encoder.identity


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(EncoderError, match=r"model\.safetensors is missing"):
        Encoder.load(tmp_path)
