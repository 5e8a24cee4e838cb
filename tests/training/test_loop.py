"""The loop on a small regression with dropout: the same run whether stopped or not, and what it keeps."""

import json
import random
import signal

import numpy as np
import pytest
import torch
from torch import nn

from training.checkpoint import CheckpointError, load_state, seed_everything
from training.log import read_log
from training.loop import LOG, PICTURE, STATE, Evaluation, Training, TrainingError
from training.schedule import Schedule

STEPS = 12


class Regression:
    """Learns a plane with random inputs, drawn from all three generators; what happens at a step can be added."""

    def __init__(self, folder, at=None, **changed):
        seed_everything(changed.pop("seed", 3))
        self.model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1))
        self.at, self.scores, self.kept = at or {}, changed.pop("scores", {}), []
        weights = dict(self.model.named_parameters())
        groups = [{"params": list(weights.values())[:2], "lr": 0.1}, {"params": list(weights.values())[2:], "lr": 0.02}]
        evaluation = Evaluation(self.measure, lambda figures: figures["score"], self.keep, every=4)
        given = {
            "weights": weights,
            "optimizer": torch.optim.AdamW(groups),
            "step": self.step,
            "schedule": Schedule(STEPS, 3),
            "settings": {"size": 4, "name": "plane"},
            "save_every": 5,
            "evaluation": evaluation,
        }
        self.training = Training(folder, **given | changed)

    def step(self, number):
        if number in self.at:
            self.at[number]()
        inputs = torch.randn(5, 4) * random.random() + float(np.random.rand())
        loss = (self.model(inputs)[:, 0] - inputs.sum(1)).square().mean()
        loss.backward()
        return {"loss": loss.item()}

    def measure(self):
        self.now = self.training._now.step
        return {"score": self.scores.get(self.now, self.now)}

    def keep(self, step, figures):
        self.kept.append((step, figures["score"]))

    def weights(self):
        return {name: weight.detach().clone() for name, weight in self.model.named_parameters()}


class Killed(Exception):
    pass


def killed():
    raise Killed


def same(one, other):
    assert all(torch.equal(weight, other.weights()[name]) for name, weight in one.weights().items())


@pytest.fixture
def interruptible():
    """Ctrl-C as a terminal gives it, even where the tests run with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("step", [0, 3, 5, 8, 11])
def test_a_killed_run_goes_on_to_the_weights_and_the_record_of_an_uninterrupted_one(tmp_path, step):
    whole = Regression(tmp_path / "whole")
    assert whole.training.run() == STEPS
    with pytest.raises(Killed):
        Regression(tmp_path / "cut", {step: killed}).training.run()
    resumed = Regression(tmp_path / "cut")
    assert resumed.training.run() == STEPS
    same(whole, resumed)
    rows = [read_log(tmp_path / name / LOG) for name in ("whole", "cut")]
    assert rows[0] == rows[1] and len(rows[0]) == STEPS + 3
    assert (tmp_path / "cut" / PICTURE).read_bytes().startswith(b"\x89PNG")


def test_ctrl_c_ends_after_the_step_and_loses_nothing(tmp_path, interruptible):
    whole = Regression(tmp_path / "whole")
    whole.training.run()
    with pytest.raises(KeyboardInterrupt):
        Regression(tmp_path / "cut", {6: lambda: signal.raise_signal(signal.SIGINT)}).training.run()
    assert load_state(tmp_path / "cut" / STATE).step == 7
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    # With the step before an evaluation, which is then made up for.
    with pytest.raises(KeyboardInterrupt):
        Regression(tmp_path / "cut", {7: lambda: signal.raise_signal(signal.SIGINT)}).training.run()
    resumed = Regression(tmp_path / "cut")
    resumed.training.run()
    same(whole, resumed)
    assert read_log(tmp_path / "cut" / LOG) == read_log(tmp_path / "whole" / LOG)
    assert resumed.kept == [(8, 8), (12, 12)]


def test_a_second_ctrl_c_ends_at_once_and_the_last_state_stays(tmp_path, interruptible):
    def twice():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        Regression(tmp_path, {6: twice}).training.run()
    assert load_state(tmp_path / STATE).step == 5


def test_where_ctrl_c_is_ignored_it_stays_so(tmp_path):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run = Regression(tmp_path, {6: lambda: signal.raise_signal(signal.SIGINT)})
        assert run.training.run() == STEPS and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_finished_run_is_left_as_it_is(tmp_path):
    first = Regression(tmp_path)
    first.training.run()
    again = Regression(tmp_path, {number: killed for number in range(STEPS)})
    assert again.training.run() == STEPS and again.kept == []
    same(first, again)


def test_the_rates_are_the_groups_times_the_schedules(tmp_path):
    seen = []
    at = {
        number: lambda: seen.append([g["lr"] for g in run.training.optimizer.param_groups]) for number in range(STEPS)
    }
    run = Regression(tmp_path, at)
    run.training.run()
    shares = [Schedule(STEPS, 3)(number) for number in range(STEPS)]
    assert seen == [pytest.approx([0.1 * share, 0.02 * share]) for share in shares]
    logged = [row["learning_rate"] for row in read_log(tmp_path / LOG) if "loss" in row]
    assert logged == [rate for rate, _ in seen]


def test_the_best_weights_are_kept_and_too_many_worse_ones_end_a_run(tmp_path):
    scores = {2: 1.0, 4: 3.0, 6: 2.0, 8: 3.0, 10: 9.0}
    wanted = Evaluation(lambda: run.measure(), lambda figures: figures["score"], lambda *given: run.keep(*given), 2, 2)
    run = Regression(tmp_path, scores=scores, evaluation=wanted)
    assert run.training.run() == 3.0 and run.kept == [(2, 1.0), (4, 3.0)]
    assert [row["step"] for row in read_log(tmp_path / LOG) if "score" in row] == [2, 4, 6, 8]
    run = Regression(tmp_path, scores=scores, evaluation=wanted)
    assert run.training.run() == 3.0 and run.kept == []


def test_without_figures_the_last_weights_are_the_best_and_a_start_is_for_the_record(tmp_path):
    run = Regression(tmp_path, evaluation=Evaluation(dict, lambda _: 0.0, lambda step, _: run.kept.append(step), 5))
    run.training.run()
    assert run.kept == [5, 10, 12]
    first = Regression(
        tmp_path / "first",
        scores={0: 99.0},
        evaluation=Evaluation(
            lambda: first.measure(), lambda f: f["score"], lambda *g: first.keep(*g), 6, at_start=True
        ),
    )
    first.training.run()
    assert read_log(tmp_path / "first" / LOG)[0] == {"step": 0, "score": 99.0} and first.kept == [(6, 6), (12, 12)]


def test_other_settings_are_refused_and_may_be_forgotten(tmp_path):
    Regression(tmp_path).training.run()
    with pytest.raises(CheckpointError, match=r"size was 4, now 5\): give the same, or --restart"):
        Regression(tmp_path, settings={"size": 5, "name": "plane"}).training.run()
    again = Regression(tmp_path, settings={"size": 5, "name": "plane"}, restart=True)
    again.training.run()
    assert len(read_log(tmp_path / LOG)) == STEPS + 3


def test_weights_of_another_shape_are_named(tmp_path):
    Regression(tmp_path).training.run()
    other = {"0.weight": nn.Parameter(torch.zeros(9, 4))}
    with pytest.raises(CheckpointError, match=r"0\.weight is of shape \(8, 4\) .* expected \(9, 4\)"):
        Regression(tmp_path, weights=other).training.run()
    with pytest.raises(CheckpointError, match="new is missing"):
        Regression(tmp_path, weights={"new": nn.Parameter(torch.zeros(1))}).training.run()


def test_a_loss_that_is_no_number_ends_the_run_before_the_weights_take_it(tmp_path):
    run = Regression(tmp_path)
    run.at[6] = lambda: run.model[0].bias.data.fill_(torch.inf)
    with pytest.raises(TrainingError, match=r"loss is (inf|nan) at step 7: lower --learning-rate"):
        run.training.run()
    assert (
        load_state(tmp_path / STATE).step == 5 and torch.isfinite(load_state(tmp_path / STATE).tensors["0.bias"]).all()
    )


def test_gradients_are_cut_at_a_norm_of_one(tmp_path):
    weight = nn.Parameter(torch.zeros(2))

    def step(number):
        (weight * torch.tensor([30.0, 40.0])).sum().backward()
        return {"loss": 0.0}

    run = Training(tmp_path, {"w": weight}, torch.optim.SGD([weight], lr=1.0), step, Schedule(1), {}, save_every=1)
    assert run.run() is None
    assert weight.tolist() == pytest.approx([-0.6, -0.8], abs=1e-4)


def test_the_state_is_plain(tmp_path):
    Regression(tmp_path).training.run()
    progress = load_state(tmp_path / STATE).progress
    assert json.loads(json.dumps(progress)) == progress
    assert progress | {"settings": 0} == {"settings": 0, "step": 12, "evaluated": 12, "best": 12, "no_better": 0}
