"""RetriBertModel against values of the published one, by hand-made formulas, and through folders on disk."""

import json
import logging
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from retriever.configuration_retribert import RetriBertConfig
from retriever.modeling_retribert import RetriBertModel, register_auto_classes

FIXTURES = Path(__file__).parents[1] / "fixtures" / "retribert"
NAMES = ("shared", "two")
INPUTS = ("questions", "question_mask", "answers", "answer_mask")

published = pytest.mark.parametrize("name", NAMES)


def load(name: str, **kwargs) -> tuple[RetriBertModel, dict[str, torch.Tensor]]:
    model = RetriBertModel.from_pretrained(FIXTURES / name, **kwargs)
    return model, load_file(FIXTURES / name / "reference.safetensors")


def tiny_config(**kwargs) -> RetriBertConfig:
    sizes = dict(
        vocab_size=50,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=16,
        projection_dim=8,
        initializer_range=0.3,
    )
    return RetriBertConfig(**(sizes | kwargs))


def close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@published
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_embeddings_are_those_of_the_published_model(name, attention):
    model, reference = load(name, attn_implementation=attention)
    assert not model.training
    assert model.bert_query.config._attn_implementation == attention
    with torch.no_grad():
        close(
            model.embed_questions(reference["questions"], reference["question_mask"]),
            reference["question_embeddings"],
        )
        close(model.embed_answers(reference["answers"], reference["answer_mask"]), reference["answer_embeddings"])
        close(model.embed_questions(reference["questions"]), reference["question_embeddings_no_mask"])
        close(model.embed_answers(reference["answers"]), reference["answer_embeddings_no_mask"])
        mask = reference["question_mask"].float()
        close(model.embed_questions(reference["questions"], mask), reference["question_embeddings"])


@published
@pytest.mark.parametrize("checkpoint_batch_size", [-1, 0, 1, 2, 5, 6])
def test_loss_and_gradients_are_those_of_the_published_model(name, checkpoint_batch_size):
    model, reference = load(name)
    loss = model(*(reference[key] for key in INPUTS), checkpoint_batch_size)
    close(loss, reference["loss"])
    close(loss, reference["loss_checkpointed"])
    loss.backward()
    gradients = {f"grad.{key}": p.grad for key, p in model.named_parameters() if p.grad is not None}
    assert set(gradients) == {key for key in reference if key.startswith("grad.")}
    for key, gradient in gradients.items():
        close(gradient, reference[key])


@published
def test_loss_is_the_mean_of_two_cross_entropies(name):
    model, reference = load(name)
    with torch.no_grad():
        loss = model(*(reference[key] for key in INPUTS)).item()
    scores = reference["question_embeddings"].double().numpy() @ reference["answer_embeddings"].double().numpy().T
    rows = -np.log(np.diag(np.exp(scores) / np.exp(scores).sum(1, keepdims=True))).mean()
    columns = -np.log(np.diag(np.exp(scores) / np.exp(scores).sum(0, keepdims=True))).mean()
    assert math.isclose(loss, (rows + columns) / 2, rel_tol=1e-5)


def test_checkpointing_gives_the_same_with_mean_pooling_and_without_masks():
    torch.manual_seed(0)
    model = RetriBertModel(tiny_config(pooling="mean", normalize=True, share_encoders=False)).eval()
    questions, answers = torch.randint(1, 50, (5, 6)), torch.randint(1, 50, (5, 9))
    gradients = []
    for checkpoint_batch_size in (-1, 2):
        model.zero_grad()
        model(questions, None, answers, None, checkpoint_batch_size).backward()
        gradients.append([parameter.grad.clone() for parameter in model.parameters()])
    for plain, checkpointed in zip(*gradients, strict=True):
        close(checkpointed, plain)


def test_checkpointing_repeats_the_same_dropout():
    torch.manual_seed(0)
    model = RetriBertModel(tiny_config(hidden_dropout_prob=0.5)).double().train()
    ids = torch.randint(1, 50, (4, 6))

    def loss() -> torch.Tensor:
        torch.manual_seed(7)
        return model(ids, None, ids, None, 2)

    loss().backward()
    weight = model.bert_query.encoder.layer[0].output.dense.weight
    step = 1e-4 * weight.grad / weight.grad.norm()
    with torch.no_grad():
        weight += step
        higher = loss().item()
        weight -= 2 * step
        lower = loss().item()
    assert math.isclose((higher - lower) / 2e-4, weight.grad.norm().item(), rel_tol=1e-3)


def test_checkpointed_embedding_in_inference_mode():
    model, reference = load("shared")
    with torch.inference_mode():
        embeddings = model.embed_questions(reference["questions"], reference["question_mask"], 2)
    close(embeddings, reference["question_embeddings"])


def test_checkpointing_of_the_library_gives_the_same_loss_and_gradients():
    model, reference = load("two", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    model.activation_checkpointing_enable()
    assert model.bert_doc.encoder.layer[0].gradient_checkpointing
    loss = model.train()(*(reference[key] for key in INPUTS))
    loss.backward()
    close(loss, reference["loss"])
    for key, parameter in model.named_parameters():
        close(parameter.grad, reference[f"grad.{key}"])


def test_mean_pooling_is_the_mean_over_the_mask():
    torch.manual_seed(0)
    model = RetriBertModel(tiny_config(pooling="mean")).eval()
    assert model.bert_query.pooler is None
    ids = torch.randint(1, 50, (3, 7))
    mask = torch.tensor([[1] * 7, [1] * 3 + [0] * 4, [1] + [0] * 6])
    with torch.no_grad():
        hidden = model.bert_query(ids, attention_mask=mask).last_hidden_state.numpy()
        embeddings = model.embed_questions(ids, mask)
    weight = model.project_query.weight.detach().numpy()
    expected = np.stack([hidden[row, : int(mask[row].sum())].mean(axis=0) @ weight.T for row in range(3)])
    np.testing.assert_allclose(embeddings.numpy(), expected, rtol=1e-4, atol=1e-6)


def test_padding_does_not_change_an_embedding():
    torch.manual_seed(0)
    for pooling in ("cls", "mean"):
        model = RetriBertModel(tiny_config(pooling=pooling)).eval()
        ids = torch.randint(1, 50, (1, 5))
        padded = torch.cat([ids, torch.zeros(1, 4, dtype=torch.long)], dim=1)
        mask = torch.tensor([[1] * 5 + [0] * 4])
        with torch.no_grad():
            close(model.embed_answers(padded, mask), model.embed_answers(ids))


def test_normalize_gives_unit_length():
    model = RetriBertModel(tiny_config(normalize=True)).eval()
    plain = RetriBertModel(tiny_config()).eval()
    plain.load_state_dict(model.state_dict())
    ids = torch.randint(1, 50, (3, 5))
    with torch.no_grad():
        for method in ("embed_questions", "embed_answers"):
            embeddings, raw = getattr(model, method)(ids), getattr(plain, method)(ids)
            np.testing.assert_allclose(embeddings.numpy(), raw / np.linalg.norm(raw, axis=1, keepdims=True), rtol=1e-5)


def test_questions_and_documents_share_an_encoder_or_not():
    assert RetriBertModel(tiny_config()).bert_doc is None
    model = RetriBertModel(tiny_config(share_encoders=False)).eval()
    ids = torch.randint(1, 50, (2, 5))
    with torch.no_grad():
        before = model.embed_questions(ids)
        for parameter in model.bert_doc.parameters():
            parameter.zero_()
        close(model.embed_questions(ids), before)
        assert not model.embed_answers(ids).any()


@published
@pytest.mark.parametrize("extra", [{}, {"pooling": "mean", "normalize": True}])
def test_round_trip_through_a_folder(name, extra, tmp_path):
    torch.manual_seed(0)
    model = RetriBertModel(tiny_config(share_encoders=name == "shared", **extra)).eval()
    model.save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors"}
    register_auto_classes()  # a second time: allowed
    for loaded in (RetriBertModel.from_pretrained(tmp_path), AutoModel.from_pretrained(tmp_path)):
        assert type(loaded) is RetriBertModel
        assert loaded.config.pooling == model.config.pooling
        state = loaded.state_dict()
        assert set(state) == set(model.state_dict())
        assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())


def hub_folder(folder: Path) -> dict[str, torch.Tensor]:
    """Writes a tiny model with the keys and settings of the files of yjernite/retribert-base-uncased."""
    weights = load_file(FIXTURES / "shared" / "model.safetensors")
    weights["bert_query.embeddings.position_ids"] = torch.arange(32)[None]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((FIXTURES / "shared" / "config.json").read_text())
    config |= {"attention_probs_dropout_prob": 0.1, "gradient_checkpointing": False, "hidden_act": "gelu"}
    config |= {"hidden_dropout_prob": 0.1, "layer_norm_eps": 1e-12, "pad_token_id": 0, "type_vocab_size": 2}
    (folder / "config.json").write_text(json.dumps(config))
    return weights


def test_loads_the_original_files_quietly(tmp_path, caplog, capsys):
    weights = hub_folder(tmp_path)
    with caplog.at_level(logging.WARNING):
        model, info = AutoModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), info
    assert "position_ids" not in caplog.text + "".join(capsys.readouterr())
    reference = load_file(FIXTURES / "shared" / "reference.safetensors")
    with torch.no_grad():
        close(
            model.embed_questions(reference["questions"], reference["question_mask"]),
            reference["question_embeddings"],
        )
    assert set(model.state_dict()) == set(weights) - {"bert_query.embeddings.position_ids"}


def test_pickled_weights_are_never_loaded(tmp_path):
    hub_folder(tmp_path)
    torch.save(load_file(tmp_path / "model.safetensors"), tmp_path / "pytorch_model.bin")
    with pytest.raises(ValueError, match="pickled weights are never loaded"):
        RetriBertModel.from_pretrained(tmp_path, use_safetensors=False)
    with pytest.raises(ValueError, match="is not a safetensors file"):
        RetriBertModel.from_pretrained(tmp_path / "pytorch_model.bin")
    (tmp_path / "model.safetensors").unlink()
    for model_class in (RetriBertModel, AutoModel):
        with pytest.raises(OSError, match=r"model\.safetensors"):
            model_class.from_pretrained(tmp_path)


def test_checkpoint_of_another_shape_is_refused(tmp_path):
    RetriBertModel(tiny_config()).save_pretrained(tmp_path)
    message = r"project_doc\.weight has shape \(8, 16\) in the file but \(9, 16\) in the configuration"
    for model_class in (RetriBertModel, AutoModel):
        with pytest.raises(ValueError, match=message):
            model_class.from_pretrained(tmp_path, projection_dim=9)
    replaced = RetriBertModel.from_pretrained(tmp_path, projection_dim=9, ignore_mismatched_sizes=True)
    assert replaced.project_doc.weight.shape == (9, 16)


def test_bad_inputs_are_named():
    model = RetriBertModel(tiny_config()).eval()
    ids = torch.ones(2, 5, dtype=torch.long)
    with pytest.raises(ValueError, match="17 tokens but the model has 16 positions"):
        model.embed_questions(torch.ones(1, 17, dtype=torch.long))
    with pytest.raises(ValueError, match=r"attention_mask has shape \(2, 4\) but input_ids \(2, 5\)"):
        model.embed_answers(ids, torch.ones(2, 4))
    with pytest.raises(ValueError, match="2 questions but 1 documents"):
        model(ids, None, ids[:1], None)


def test_batch_of_one_has_no_loss():
    model = RetriBertModel(tiny_config()).eval()
    ids = torch.ones(1, 5, dtype=torch.long)
    assert model(ids, None, ids, None).item() == 0.0


@pytest.mark.parametrize("share_encoders", [True, False])
def test_resizing_the_vocabulary_reaches_every_encoder(share_encoders, tmp_path):
    model = RetriBertModel(tiny_config(share_encoders=share_encoders)).eval()
    model.resize_token_embeddings(60, mean_resizing=False)
    ids = torch.full((1, 4), 59)
    expected = model.embed_answers(ids), model.embed_questions(ids)
    model.save_pretrained(tmp_path)
    loaded = RetriBertModel.from_pretrained(tmp_path)
    assert loaded.config.vocab_size == 60
    close(loaded.embed_answers(ids), expected[0])
    close(loaded.embed_questions(ids), expected[1])
