import pytest
import torch
from torch import nn

from generator.support.compact import pack, unpack


def test_what_comes_back_is_near_and_vectors_are_exact():
    torch.manual_seed(0)
    start, trained = nn.Linear(16, 8), nn.Linear(16, 8)
    kept = pack(start.state_dict(), trained.state_dict())
    assert kept["weight"].dtype == torch.int8
    largest = (trained.weight - start.weight).abs().amax(1, keepdim=True)
    unpack(start, kept)
    assert ((start.weight - trained.weight).abs() <= largest / 127 / 2 + 1e-7).all()
    torch.testing.assert_close(start.bias, trained.bias)


def test_new_parts_are_packed_whole():
    trained, fresh = nn.Linear(4, 2), nn.Linear(4, 2)
    kept = pack({}, trained.state_dict())
    unpack(fresh, kept, zeroed=("weight", "bias"))
    torch.testing.assert_close(fresh.weight, trained.weight, atol=0.01, rtol=0)


def test_another_models_weights_are_refused():
    kept = pack({}, nn.Linear(4, 2).state_dict())
    with pytest.raises(ValueError, match=r"weight has shape \(2, 4\), expected \(2, 5\)"):
        unpack(nn.Linear(5, 2), kept)
    with pytest.raises(ValueError, match="lack 0.weight"):
        unpack(nn.Sequential(nn.Linear(4, 2)), kept)
