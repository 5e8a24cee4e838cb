"""The whole state of a training run in one safetensors file: weights, optimiser, random numbers, counters.

Nothing is pickled: tensors are tensors, everything else is JSON in the file's header. The file appears whole or not
at all, so a run that is killed at any moment goes on from the last one that was written.
"""

from __future__ import annotations

import json
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

from core.errors import UserError, reading
from core.files import replacing

FORMAT = "training-state-2"


class CheckpointError(UserError):
    """A checkpoint is missing, damaged or another run's; the message says which and what to do."""


@dataclass
class TrainingState:
    """A run at one moment.

    Attributes:
        step: optimiser steps done.
        tensors: the weights that training changes.
        optimizer: `Optimizer.state_dict()`.
        progress: anything that JSON holds: best score, the run's settings.
    """

    step: int
    tensors: Mapping[str, Tensor]
    optimizer: Mapping[str, Any] = field(default_factory=dict)
    progress: dict[str, Any] = field(default_factory=dict)


def save_state(path: Path, state: TrainingState) -> None:
    """Write a run's state, with the random number generators of Python, NumPy and torch as they are now."""
    tensors = {f"tensor/{name}": value for name, value in state.tensors.items()}
    plain: dict[str, Any] = {}
    for index, values in state.optimizer.get("state", {}).items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer/{index}/{name}"] = value
            else:
                plain.setdefault(str(index), {})[name] = value
    header = {
        "step": state.step,
        "progress": state.progress,
        "optimizer": plain,
        "groups": state.optimizer.get("param_groups", []),
        "python": random.getstate(),
        "numpy": _numpy_state(),
    }
    # Tensors that share memory would be refused; each gets its own.
    own = {name: value.detach().cpu().contiguous().clone() for name, value in (tensors | _torch_states()).items()}
    with replacing(path) as part:
        save_file(own, part, {FORMAT: json.dumps(header)})


def load_state(path: Path) -> TrainingState:
    """Read a run's state, and set the random number generators of Python, NumPy and torch to what they were.

    Raises:
        CheckpointError: there is no such file, or it is not a state.
    """
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint {path}: start the run without resuming")
    with reading(path, "training state", CheckpointError, "delete it to start anew, or name another folder"):
        return _state(path)


def _state(path: Path) -> TrainingState:
    """A run's state, of a file that may hold something else."""
    with safe_open(path, framework="pt") as file:
        header = json.loads((file.metadata() or {})[FORMAT])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    optimizer: dict[int, dict[str, Any]] = {int(index): values for index, values in header["optimizer"].items()}
    for name, value in tensors.items():
        if name.startswith("optimizer/"):
            _, index, field_name = name.split("/", 2)
            optimizer.setdefault(int(index), {})[field_name] = value
    _restore_random(header, tensors)
    weights = {name.removeprefix("tensor/"): value for name, value in tensors.items() if name.startswith("tensor/")}
    state = {"state": optimizer, "param_groups": header["groups"]}
    return TrainingState(header["step"], weights, state, header["progress"])


def is_state(path: Path) -> bool:
    """Whether a file is a run's state."""
    try:
        with safe_open(path, framework="pt") as file:
            return FORMAT in (file.metadata() or {})
    except (OSError, SafetensorError):
        return False


def seed_everything(seed: int) -> None:
    """Seed the generators of Python, NumPy and torch (every device)."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def _torch_states() -> dict[str, Tensor]:
    """The states of torch's generators, uint8."""
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"random/cpu": torch.get_rng_state()} | {f"random/cuda/{n}": state for n, state in enumerate(devices)}


def _numpy_state() -> list[Any]:
    name, keys, *rest = np.random.get_state(legacy=True)
    return [name, np.asarray(keys).tolist(), *rest]


def _restore_random(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    version, internal, gauss = header["python"]
    random.setstate((version, tuple(internal), gauss))
    np.random.set_state(tuple(header["numpy"]))
    torch.set_rng_state(tensors["random/cpu"])
    for device in range(torch.cuda.device_count()):
        if f"random/cuda/{device}" in tensors:
            torch.cuda.set_rng_state(tensors[f"random/cuda/{device}"], device)
