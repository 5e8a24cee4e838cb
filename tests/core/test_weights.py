import pytest
import torch
from torch import nn

from core.weights import filled, merge_adapters


@pytest.fixture
def plain():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))


def test_updates_are_added_in_new_weights(plain):
    old, inputs = plain[0].weight.detach(), torch.randn(4, 6)
    a, b = torch.randn(2, 6), torch.randn(5, 2)
    before = old.clone()
    merge_adapters(plain, {"0.a": a, "0.b": b, "2.bias": torch.ones(3)})
    torch.testing.assert_close(plain[0](inputs), inputs @ (before + b @ a).T + plain[0].bias)
    assert torch.equal(old, before) and plain[0].weight is not old


def test_adapters_of_another_model_are_refused(plain):
    with pytest.raises(ValueError, match=r"7: .*|adapter of 7 belongs"):
        merge_adapters(plain, {"7.a": torch.zeros(1, 6), "7.b": torch.zeros(5, 1)})
    with pytest.raises(ValueError, match=r"shape \(5, 9\) but the layer \(5, 6\)"):
        merge_adapters(plain, {"0.a": torch.zeros(1, 9), "0.b": torch.zeros(5, 1)})


def test_a_filled_module_draws_nothing_and_a_missing_weight_is_named():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    layer = filled(lambda: nn.Linear(2, 1), {"weight": torch.ones(1, 2), "bias": torch.zeros(1)})
    assert torch.equal(torch.rand(3), expected) and layer(torch.ones(2)).item() == 2
    with pytest.raises(RuntimeError, match="bias"):
        filled(lambda: nn.Linear(2, 1), {"weight": torch.ones(1, 2)})
