"""The whole state of a training run in one safetensors file: weights, optimiser, random numbers, counters.

Nothing is pickled: tensors are tensors, everything else is JSON in the file's header. The file appears whole or not
at all, so a run that is killed at any moment goes on from the last one that was written.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

FORMAT = "training-state-1"


class CheckpointError(RuntimeError):
    """A checkpoint is missing, damaged or another run's; the message says which and what to do."""


@dataclass
class TrainingState:
    """A run at one moment.

    Attributes:
        step: optimiser steps done.
        tensors: the weights that training changes, and whatever else is to be kept (averages, best weights).
        optimizer: `Optimizer.state_dict()`.
        progress: anything that JSON holds: epoch, best score, the run's settings.
    """

    step: int
    tensors: Mapping[str, Tensor]
    optimizer: Mapping[str, Any] = field(default_factory=dict)
    progress: dict[str, Any] = field(default_factory=dict)


def save_state(path: Path, state: TrainingState) -> None:
    """Write a run's state, with the random number generators of Python, numpy and torch as they are now.

    The file is written beside `path`, flushed to the disk and put in its place in one step.
    """
    tensors = {f"tensor/{name}": value.detach().cpu().contiguous() for name, value in state.tensors.items()}
    plain: dict[str, Any] = {}
    for index, values in state.optimizer.get("state", {}).items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer/{index}/{name}"] = value.detach().cpu().contiguous()
            else:
                plain.setdefault(str(index), {})[name] = value
    tensors |= _random_tensors()
    header = {
        "step": state.step,
        "progress": state.progress,
        "optimizer": plain,
        "groups": state.optimizer.get("param_groups", []),
        "python": random.getstate(),
        "numpy": _numpy_state(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    # A tensor that two names share would be refused; each gets memory of its own.
    save_file({name: value.clone() for name, value in tensors.items()}, part, {FORMAT: json.dumps(header)})
    with part.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(part, path)


def load_state(path: Path, restore_random: bool = True) -> TrainingState:
    """Read a run's state, and set the random number generators to what they were.

    Args:
        path: a file that `save_state` wrote.
        restore_random: whether to set the generators of Python, numpy and torch.

    Raises:
        CheckpointError: there is no such file, or it is not a state.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[FORMAT])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no checkpoint {path}: start the run without resuming") from error
    except (OSError, SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise CheckpointError(
            f"{path} is no training state ({error}): delete it to start anew, or name another folder"
        ) from error
    optimizer: dict[int, dict[str, Any]] = {int(index): values for index, values in header["optimizer"].items()}
    for name, value in tensors.items():
        if name.startswith("optimizer/"):
            _, index, field_name = name.split("/", 2)
            optimizer.setdefault(int(index), {})[field_name] = value
    if restore_random:
        _restore_random(header, tensors)
    return TrainingState(
        header["step"],
        {name.removeprefix("tensor/"): value for name, value in tensors.items() if name.startswith("tensor/")},
        {"state": optimizer, "param_groups": header["groups"]},
        header["progress"],
    )


def seed_everything(seed: int) -> None:
    """Seed the generators of Python, numpy and torch (every device)."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def epoch_order(count: int, seed: int, epoch: int) -> np.ndarray:
    """The order of an epoch's examples, int64 (count,): a function of its arguments, so that resuming needs no state.

    >>> epoch_order(5, seed=0, epoch=1).tolist(), epoch_order(5, seed=0, epoch=2).tolist()
    ([1, 4, 3, 0, 2], [4, 2, 1, 0, 3])
    """
    return np.random.default_rng([seed, epoch]).permutation(count)


def _random_tensors() -> dict[str, Tensor]:
    """The states of torch's generators, uint8."""
    states = {"random/cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states |= {f"random/cuda/{device}": state for device, state in enumerate(torch.cuda.get_rng_state_all())}
    return states


def _numpy_state() -> list[Any]:
    name, keys, *rest = np.random.get_state(legacy=True)
    return [name, np.asarray(keys).tolist(), *rest]


def _restore_random(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    version, internal, gauss = header["python"]
    random.setstate((version, tuple(internal), gauss))
    np.random.set_state(tuple(header["numpy"]))
    torch.set_rng_state(tensors["random/cpu"])
    if torch.cuda.is_available():
        for device in range(torch.cuda.device_count()):
            if f"random/cuda/{device}" in tensors:
                torch.cuda.set_rng_state(tensors[f"random/cuda/{device}"], device)
