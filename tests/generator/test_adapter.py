"""Adapters of the fused model: their folder, merging them, and those that belong to another model."""

import copy
import json

import pytest
import torch
from safetensors.torch import load_file

from generator.adapter import WEIGHTS, AdapterCard, adapted_model, read_adapter, save_adapter
from generator.base import GeneratorError
from generator.modeling_fused import FusedModel
from training.lora import adapter_tensors, add_adapters

BASE = ("tiny", "a" * 64)


@pytest.fixture
def trained(tiny_fused):
    """A fused model with random adapters in both stacks and random rank vectors."""
    stack, _ = tiny_fused
    model = FusedModel(stack.config, copy.deepcopy(stack), copy.deepcopy(stack))
    for part in (model.encoder, model.decoder):
        add_adapters(part, "query|down", 2, 4)
    for weight in model.parameters():
        if weight.requires_grad or weight is model.rank_keys:
            # Values that half precision holds exactly.
            weight.data = torch.randint(-8, 8, weight.shape) / 64
    return model.eval()


def tensors(model) -> dict:
    parts = {"encoder": model.encoder, "decoder": model.decoder}
    found = {f"{name}.{key}": value for name, part in parts.items() for key, value in adapter_tensors(part).items()}
    return found | {"rank_keys": model.rank_keys}


def test_a_saved_adapter_merged_gives_the_trained_model(tiny_fused, trained, tmp_path):
    stack, _ = tiny_fused
    save_adapter(tmp_path, tensors(trained), AdapterCard(*BASE, training={"rank": 2}))
    before = {name: weight.clone() for name, weight in stack.state_dict().items()}
    merged = adapted_model(stack, tmp_path, *BASE)
    asked, passages = torch.tensor([[4, 5, 6]]), [[7, 8, 9], [10, 11]]
    with torch.no_grad():
        expected = trained(asked, trained.encode([1, 2], passages))
        torch.testing.assert_close(merged(asked, merged.encode([1, 2], passages)), expected, atol=1e-5, rtol=1e-4)
        plain = FusedModel(stack.config, stack)
        assert not torch.allclose(plain(asked, plain.encode([1, 2], passages)), expected, atol=1e-3)
    assert all(torch.equal(weight, before[name]) for name, weight in stack.state_dict().items())
    assert merged.decoder.layers[0].gate.weight.data_ptr() == stack.layers[0].gate.weight.data_ptr()


def test_in_8_bits_it_takes_half_the_room_and_says_the_same(tiny_fused, trained, tmp_path):
    made = {name: tensor for name, tensor in tensors(trained).items() if name != "rank_keys"}
    for name, small in (("half", False), ("small", True)):
        save_adapter(tmp_path / name, made, AdapterCard(*BASE), small)
    half, small = (read_adapter(tmp_path / name, *BASE) for name in ("half", "small"))
    assert half.keys() == small.keys()
    for name, tensor in half.items():
        torch.testing.assert_close(small[name].float(), tensor.float(), atol=float(tensor.abs().max()) / 127, rtol=0)
    stored = load_file(tmp_path / "small" / WEIGHTS)
    assert {tensor.dtype for name, tensor in stored.items() if not name.endswith(".scale")} == {torch.int8}


def test_rank_vectors_make_order_matter(trained):
    asked, passages = torch.tensor([[4, 5, 6]]), [[7, 8, 9], [10, 11]]
    with torch.no_grad():
        first = trained(asked, trained.encode([1, 2], passages))
        second = trained(asked, trained.encode([1, 2], passages[::-1]))
    assert not torch.allclose(first, second, atol=1e-3)


def test_an_adapter_for_another_base_is_refused_with_both_names(tiny_fused, trained, tmp_path):
    save_adapter(tmp_path, tensors(trained), AdapterCard("big", "b" * 64))
    with pytest.raises(GeneratorError, match=r"trained for big \(bbbbbbbbbbbb\).* is tiny \(aaaaaaaaaaaa\)"):
        adapted_model(tiny_fused[0], tmp_path, *BASE)


def test_a_folder_without_adapter_a_damaged_one_and_another_shape_are_refused(tiny_fused, trained, tmp_path):
    stack, _ = tiny_fused
    with pytest.raises(GeneratorError, match=r"holds no adapter: adapter\.json is missing"):
        adapted_model(stack, tmp_path, *BASE)
    save_adapter(tmp_path, {"decoder.layers.7.gate.a": torch.ones(1, 2), "decoder.layers.7.gate.b": torch.ones(2, 1)},
                 AdapterCard(*BASE))  # fmt: skip
    with pytest.raises(GeneratorError, match="does not fit its model"):
        adapted_model(stack, tmp_path, *BASE)
    (tmp_path / "adapter.safetensors").write_bytes(b"broken")
    with pytest.raises(GeneratorError, match="missing or damaged"):
        adapted_model(stack, tmp_path, *BASE)
    (tmp_path / "adapter.json").write_text(json.dumps({"base": "tiny"}))
    with pytest.raises(GeneratorError, match="is no adapter's card"):
        adapted_model(stack, tmp_path, *BASE)
