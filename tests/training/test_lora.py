import copy

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.errors import SettingsError
from core.weights import merge_adapters
from training.lora import adapter_tensors, add_adapters, average_adapters, merged_state


@pytest.fixture
def plain():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))


def adapted(plain):
    model = copy.deepcopy(plain)
    assert add_adapters(model, r"^0$", rank=2, alpha=4) == ["0"]
    return model


def test_nothing_changes_before_training_and_only_the_adapters_learn(plain):
    model, inputs = adapted(plain), torch.randn(4, 6)
    assert torch.equal(model(inputs), plain(inputs))
    model(inputs).sum().backward()
    assert sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad) == 2 * (6 + 5)
    assert model[0].base.weight.grad is None and model[2].weight.grad is None


def test_the_update_is_alpha_over_rank_times_b_a_saved_merged_or_stated(plain, tmp_path):
    model, inputs = adapted(plain), torch.randn(4, 6)
    update = model[0]
    torch.nn.init.normal_(update.b)
    by_hand = inputs @ (plain[0].weight + 4 / 2 * update.b @ update.a).T + plain[0].bias
    expected = torch.tanh(by_hand) @ plain[2].weight.T + plain[2].bias
    torch.testing.assert_close(model(inputs), expected)
    save_file(adapter_tensors(model), tmp_path / "a.safetensors")
    merge_adapters(plain, load_file(tmp_path / "a.safetensors"))
    torch.testing.assert_close(plain(inputs), expected)
    fresh = copy.deepcopy(plain)
    fresh.load_state_dict(merged_state(model))
    torch.testing.assert_close(fresh(inputs), expected)
    torch.testing.assert_close(model(inputs), expected)


def test_no_match_and_no_rank_are_refused(plain):
    with pytest.raises(SettingsError, match="no linear layer's name matches 'attention'"):
        add_adapters(plain, "attention", 2, 4)
    with pytest.raises(SettingsError, match="rank is 0"):
        add_adapters(plain, "0", 0, 4)


def test_the_mean_of_adapters_is_the_mean_of_their_updates(plain):
    runs = [{"0.a": torch.randn(2, 6), "0.b": torch.randn(5, 2), "w": torch.full((2,), float(x))} for x in (1, 4)]
    expected = plain[0].weight.detach() + (runs[0]["0.b"] @ runs[0]["0.a"] + runs[1]["0.b"] @ runs[1]["0.a"]) / 2
    mean = average_adapters(runs)
    assert mean.pop("w").tolist() == [2.5, 2.5]
    merge_adapters(plain, mean)
    torch.testing.assert_close(plain[0].weight.detach(), expected)
    with pytest.raises(SettingsError, match="not of the same layers"):
        average_adapters([{"0.a": torch.zeros(1)}, {}])
