import pytest
import torch
from transformers import get_scheduler

from training.schedule import Batches, Schedule, epoch_order


@pytest.mark.parametrize(("steps", "rise"), [(20, 0), (20, 5), (7, 7), (3, 1)])
@pytest.mark.parametrize("shape", ["linear", "cosine", "constant"])
def test_from_zero_the_rates_are_those_of_transformers(shape, steps, rise):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1.0)
    theirs = get_scheduler(shape if shape != "constant" else "constant_with_warmup", optimizer, rise, steps)
    expected = []
    for _ in range(steps):
        expected.append(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
    ours = Schedule(steps, rise, shape, from_zero=True)
    assert [ours(step) for step in range(steps)] == pytest.approx(expected, abs=1e-12)


def test_a_line_may_fall_from_the_beginning_and_stays_above_its_floor():
    rate = Schedule(10, rise=2.5, floor=0.3, falls_from=0)
    assert [rate(step) for step in range(10)] == pytest.approx(
        [1 / 2.5, 2 / 2.5 * 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.3, 0.3]
    )


def test_each_epoch_has_its_own_order_of_all_examples():
    orders = [epoch_order(20, 0, epoch).tolist() for epoch in range(3)]
    assert all(sorted(order) == list(range(20)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3


def test_an_epochs_batches_are_its_order_in_parts():
    batches = Batches(10, 4, seed=3)
    drawn = [batches.at(step) for step in range(6)]
    assert [epoch for epoch, _ in drawn] == [0, 0, 0, 1, 1, 1]
    assert [len(numbers) for _, numbers in drawn] == [4, 4, 2, 4, 4, 2]
    assert sum((numbers for _, numbers in drawn[3:]), []) == epoch_order(10, 3, 1).tolist()
    assert Batches(10, 4, 3, full_only=True).per_epoch == 2 and Batches(3, 4, 3, full_only=True).per_epoch == 1
