"""What a step of a run follows from: its learning rate and its examples, both functions of its number alone."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Schedule:
    """The learning rate over a run, as a share of its highest value: up along a line, then down.

    Attributes:
        steps: of the whole run.
        rise: steps of the way up, perhaps a fraction; 0 for none.
        shape: how it falls: "linear" or "cosine" towards the end, or "constant".
        floor: the share that it does not fall below.
        falls_from: the step from which it falls; None for the end of the rise.
        from_zero: whether the first step is one at a rate of 0, as in transformers' schedules.

    >>> rate = Schedule(100, rise=10, shape="cosine", floor=0.1)
    >>> [round(rate(step), 2) for step in (0, 9, 10, 55, 99)]
    [0.1, 1.0, 1.0, 0.55, 0.1]
    """

    steps: int
    rise: float = 0.0
    shape: str = "linear"
    floor: float = 0.0
    falls_from: float | None = None
    from_zero: bool = False

    def __call__(self, step: int) -> float:
        """The share at a step, from 0."""
        rising = min(1.0, (step if self.from_zero else step + 1) / self.rise) if self.rise else 1.0
        start = self.rise if self.falls_from is None else self.falls_from
        done = max(0.0, step - start) / max(1, self.steps - start)
        if self.shape == "cosine":
            return rising * (self.floor + (1 - self.floor) * (1 + math.cos(math.pi * done)) / 2)
        return rising * max(self.floor, 1 - done if self.shape == "linear" else 1.0)


@dataclass(frozen=True)
class Batches:
    """Which examples each step takes: every epoch all of them, in a new order; a function of the step alone.

    Attributes:
        count: of all examples.
        size: of a batch.
        seed: of the orders.
        full_only: whether an epoch's last batch is left out when it is not full.
    """

    count: int
    size: int
    seed: int
    full_only: bool = False

    @property
    def per_epoch(self) -> int:
        """Steps of an epoch, at least 1."""
        return max(1, self.count // self.size if self.full_only else math.ceil(self.count / self.size))

    def at(self, step: int) -> tuple[int, list[int]]:
        """The epoch of a step, and the numbers of its examples."""
        epoch, place = divmod(step, self.per_epoch)
        return epoch, epoch_order(self.count, self.seed, epoch)[place * self.size : (place + 1) * self.size].tolist()


class SizedBatches:
    """Batches of examples of about one size, so that little is padded; a function of the step alone.

    Every epoch has all of them, in a new order. So many batches at a time are sorted by what is read, and groups of
    them by what is written.
    """

    _POOL, _GROUP = 128, 8

    def __init__(self, sizes: Sequence[tuple[int, int]], size: int, seed: int) -> None:
        """Hold the examples' sizes (tokens read, written), the batches' size, and the seed of the orders."""
        self._sizes, self._size, self._seed = list(sizes), size, seed
        self._pools = Batches(len(sizes), size * self._POOL, seed)

    @property
    def per_epoch(self) -> int:
        """Steps of an epoch."""
        return math.ceil(len(self._sizes) / self._size)

    def at(self, step: int) -> list[int]:
        """The numbers of a step's examples."""
        epoch, place = divmod(step, self.per_epoch)
        pool, within = divmod(place, self._POOL)
        ordered = self._ordered(self._pools.at(epoch * self._pools.per_epoch + pool)[1])
        order = np.random.default_rng([self._seed, epoch, pool]).permutation(math.ceil(len(ordered) / self._size))
        start = int(order[within]) * self._size
        return ordered[start : start + self._size]

    def _ordered(self, numbers: Sequence[int]) -> list[int]:
        """A pool's examples, those of one batch side by side."""
        by_read = sorted(numbers, key=lambda number: (self._sizes[number][0], number))
        width = self._size * self._GROUP
        groups = [by_read[start : start + width] for start in range(0, len(by_read), width)]
        return [number for group in groups for number in sorted(group, key=lambda n: (self._sizes[n][1], n))]


@functools.lru_cache(maxsize=8)
def epoch_order(count: int, seed: int, epoch: int) -> np.ndarray:
    """The order of an epoch's examples, int64 (count,): a function of its arguments, so that resuming needs no state.

    >>> epoch_order(5, seed=0, epoch=1).tolist(), epoch_order(5, seed=0, epoch=2).tolist()
    ([1, 4, 3, 0, 2], [4, 2, 1, 0, 3])
    """
    return np.random.default_rng([seed, epoch]).permutation(count)
