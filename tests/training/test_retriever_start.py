import json

import pytest
import torch
from transformers import BertConfig, BertModel, GPT2Config

from retriever.errors import EncoderError
from training.retriever_start import load_start

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}


@pytest.fixture
def bert(tiny_encoder, tmp_path):
    torch.manual_seed(0)
    model = BertModel(BertConfig(vocab_size=len(tiny_encoder.tokenizer), max_position_embeddings=48, **SIZES)).eval()
    model.save_pretrained(tmp_path)
    tiny_encoder.tokenizer.save_pretrained(tmp_path)
    return model


def test_a_bert_becomes_a_retribert_with_its_pooled_output(bert, tmp_path):
    model, tokenizer = load_start(str(tmp_path))
    assert tokenizer.model_max_length == 48 and model.config.pooling == "cls" and model.config.share_encoders
    batch = tokenizer(["The Moon", "Bees make honey from nectar."], padding=True, return_tensors="pt")
    with torch.no_grad():
        pooled = bert(**batch).pooler_output
        expected = pooled @ model.project_query.weight.T
        torch.testing.assert_close(model.embed_questions(**batch), expected)


def test_two_encoders_start_alike_and_cannot_become_one(bert, tiny_encoder, tmp_path):
    model, tokenizer = load_start(str(tmp_path), encoders=2)
    assert model.bert_doc is not model.bert_query and not model.config.share_encoders
    for name, value in model.bert_query.state_dict().items():
        assert torch.equal(value, model.bert_doc.state_dict()[name])
    model.save_pretrained(tmp_path / "two")
    tokenizer.save_pretrained(tmp_path / "two")
    with pytest.raises(EncoderError, match="has two encoders"):
        load_start(str(tmp_path / "two"), encoders=1)


def test_other_kinds_and_empty_folders_are_refused(tmp_path):
    with pytest.raises(EncoderError, match=r"model\.safetensors is missing"):
        load_start(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps(GPT2Config().to_dict()))
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(EncoderError, match="is a gpt2; name a RetriBERT or a BERT"):
        load_start(str(tmp_path))
