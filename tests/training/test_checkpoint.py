import random
from pathlib import Path

import numpy as np
import pytest
import torch

from training import checkpoint
from training.checkpoint import CheckpointError, TrainingState, load_state, save_state, seed_everything


def fresh():
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))
    return model, torch.optim.AdamW(model.parameters(), lr=0.1)


def train(model, optimizer, steps):
    for _ in range(steps):
        loss = model(torch.randn(3, 4)).square().mean() * random.random() + np.random.rand() * 0
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_a_resumed_run_has_the_weights_of_an_uninterrupted_one(tmp_path):
    model, optimizer = fresh()
    seed_everything(5)
    train(model, optimizer, 3)
    save_state(tmp_path / "state.safetensors", TrainingState(3, model.state_dict(), optimizer.state_dict(), {"a": 1}))
    train(model, optimizer, 4)

    resumed, new_optimizer = fresh()
    seed_everything(99)
    state = load_state(tmp_path / "state.safetensors")
    resumed.load_state_dict(dict(state.tensors))
    new_optimizer.load_state_dict(dict(state.optimizer))
    train(resumed, new_optimizer, 4)
    assert (state.step, state.progress) == (3, {"a": 1})
    for name, value in model.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name])


def test_random_numbers_go_on_where_they_were(tmp_path):
    seed_everything(3)
    random.gauss(0, 1)
    save_state(tmp_path / "state", TrainingState(0, {"x": torch.zeros(1)}))
    expected = (random.random(), np.random.normal(), torch.rand(2).tolist())
    load_state(tmp_path / "state")
    assert (random.random(), np.random.normal(), torch.rand(2).tolist()) == expected


def test_shared_tensors_are_kept_under_both_names(tmp_path):
    weight = torch.ones(2)
    save_state(tmp_path / "state", TrainingState(0, {"x": weight, "y": weight}))
    assert torch.equal(load_state(tmp_path / "state").tensors["y"], weight)


def test_an_unfinished_write_leaves_the_last_state(tmp_path, monkeypatch):
    save_state(tmp_path / "state", TrainingState(1, {"x": torch.ones(1)}))

    class Killed(Exception):
        pass

    def killed(tensors, path, metadata):
        Path(path).write_bytes(b"half")
        raise Killed

    monkeypatch.setattr(checkpoint, "save_file", killed)
    with pytest.raises(Killed):
        save_state(tmp_path / "state", TrainingState(2, {"x": torch.ones(1)}))
    assert load_state(tmp_path / "state").step == 1


@pytest.mark.parametrize(
    ("content", "message"), [(None, "there is no checkpoint"), (b"", "no training state"), (b"x" * 99, "delete it")]
)
def test_missing_and_damaged_states_are_named(tmp_path, content, message):
    if content is not None:
        (tmp_path / "state").write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        load_state(tmp_path / "state")
