"""Passages read once: the same states as reading them anew, within the memory given."""

import pytest
import torch

from generator.modeling_fused import FusedModel
from generator.passage_cache import PassageCache

PASSAGES = [[7, 8, 9], [10, 11, 12, 13], [14], [7, 8, 9]]


@pytest.fixture
def model(tiny_fused):
    return FusedModel(tiny_fused[0].config, tiny_fused[0])


@pytest.fixture
def reads(model, monkeypatch):
    """The passages that the encoder was given."""
    given = []
    real = model.read
    monkeypatch.setattr(model, "read", lambda prefix, passages: given.extend(passages) or real(prefix, passages))
    return given


def test_states_are_those_of_reading_alone_and_each_passage_is_read_once(model, reads):
    cache = PassageCache(model, [1, 2], 1 << 20)
    states = cache.read(PASSAGES)
    assert sorted(reads) == [(7, 8, 9), (10, 11, 12, 13), (14,)]
    for passage, state in zip(PASSAGES, states, strict=True):
        with torch.no_grad():
            alone = FusedModel.read(model, cache.prefix, [passage])[0]
        torch.testing.assert_close(state, alone, atol=1e-5, rtol=1e-4)
    reads.clear()
    again = cache.read(PASSAGES[::-1])
    assert not reads and torch.equal(again[0], states[3])
    assert cache.bytes == sum(state.nbytes for state in states[:3])


def test_states_are_the_same_bits_whatever_else_is_read(model):
    passages = [[(7 * place + length) % 250 for place in range(length)] for length in (5, 40, 97, 130)]
    together = PassageCache(model, [1, 2], 1 << 24).read(passages)
    for passage, state in zip(passages, together, strict=True):
        assert torch.equal(state, PassageCache(model, [1, 2], 1 << 24).read([passage])[0])


def test_the_least_recently_used_makes_room(model, reads):
    cache = PassageCache(model, [1, 2], 0)
    one = cache.read([[7, 8, 9]])[0].nbytes
    cache = PassageCache(model, [1, 2], 2 * one)
    cache.read([[1, 2, 3], [4, 5, 6]])
    cache.read([[1, 2, 3]])
    cache.read([[7, 8, 9]])
    reads.clear()
    cache.read([[1, 2, 3], [7, 8, 9]])
    assert not reads and cache.bytes == 2 * one
    cache.read([[4, 5, 6]])
    assert reads == [(4, 5, 6)]


def test_without_eviction_those_that_fit_stay(model, reads):
    one = PassageCache(model, [1, 2], 0).read([[7, 8, 9]])[0].nbytes
    cache = PassageCache(model, [1, 2], one, evict=False)
    cache.read([[1, 2, 3]])
    cache.read([[4, 5, 6]])
    reads.clear()
    cache.read([[1, 2, 3]])
    assert not reads and cache.bytes == one
