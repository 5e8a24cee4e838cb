"""Low-rank adapters (LoRA, Hu et al. 2021, arXiv 2106.09685) on any module's linear layers.

An adapted layer computes W x + (alpha / rank) · B (A x), with A (rank, in) random and B (out, rank) zero at first, so
that nothing changes before training, and W's gradient is never computed. Only A and B are trained and saved; what
merges them at run time is core/weights.py. Nothing is known here of what the layers are for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.errors import SettingsError


class LowRankLinear(nn.Module):
    """A frozen linear layer with a trainable low-rank update beside it."""

    def __init__(self, base: nn.Linear, rank: int, alpha: float) -> None:
        """Make A and B for a layer; both are float32, whatever the layer's own type."""
        super().__init__()
        if rank < 1:
            raise SettingsError(f"the adapters' rank is {rank}; it must be at least 1")
        self.base = base.requires_grad_(False)
        self.a = nn.Parameter(torch.empty(rank, base.in_features, device=base.weight.device))
        self.b = nn.Parameter(torch.zeros(base.out_features, rank, device=base.weight.device))
        self.scale = alpha / rank
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))

    @property
    def weight(self) -> Tensor:
        """The layer's own weight, (out, in); some models look at its type."""
        return self.base.weight

    def forward(self, inputs: Tensor) -> Tensor:
        """(…, in) → (…, out)."""
        low = functional.linear(inputs, self.a.to(inputs.dtype)) * self.scale
        return self.base(inputs) + functional.linear(low, self.b.to(inputs.dtype))


def add_adapters(module: nn.Module, targets: str, rank: int, alpha: float) -> list[str]:
    """Freeze a module and put adapters on its linear layers.

    Args:
        module: changed in place; all its parameters stop being trained, the adapters' are.
        targets: a regular expression that a layer's dotted name must contain, such as "attention|dense".
        rank: of each update, at least 1.
        alpha: the update is scaled by alpha / rank.

    Returns:
        The names of the layers that were adapted, in the module's order.

    Raises:
        SettingsError: no linear layer's name matches, or the rank is below 1.
    """
    module.requires_grad_(False)
    names = [
        name for name, layer in module.named_modules() if isinstance(layer, nn.Linear) and re.search(targets, name)
    ]
    if not names:
        raise SettingsError(f"no linear layer's name matches {targets!r}")
    for name in names:
        layer = module.get_submodule(name)
        assert isinstance(layer, nn.Linear)
        parent, _, own = name.rpartition(".")
        setattr(module.get_submodule(parent), own, LowRankLinear(layer, rank, alpha))
    return names


def adapter_tensors(module: nn.Module) -> dict[str, Tensor]:
    """The adapters' A and B, "layer.a" and "layer.b", the scale folded into B, as `core.weights` merges them."""
    found = {}
    for name, layer in module.named_modules():
        if isinstance(layer, LowRankLinear):
            found[f"{name}.a"] = layer.a.detach()
            found[f"{name}.b"] = layer.b.detach() * layer.scale
    return found


def average_adapters(runs: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of several trainings from one start (a "model soup", Wortsman et al. 2022, arXiv 2203.05482).

    Args:
        runs: tensors as `adapter_tensors` gives them, and perhaps plain weights; the same names in each.

    Returns:
        Adapters whose rank is the sum of the ranks, as B A's mean is that of the factors side by side; other tensors
        are averaged.

    Raises:
        SettingsError: the runs have different names.
    """
    if len({frozenset(run) for run in runs}) != 1:
        raise SettingsError("the adapters cannot be averaged: they are not of the same layers; train them alike")
    mean = {}
    for name in runs[0]:
        values = [run[name] for run in runs]
        if name.endswith(".a"):
            mean[name] = torch.cat(values, dim=0)
        elif name.endswith(".b"):
            mean[name] = torch.cat(values, dim=1) / len(runs)
        else:
            mean[name] = torch.stack(values).mean(dim=0)
    return mean


def merged_state(module: nn.Module) -> dict[str, Tensor]:
    """The module's state as if it had no adapters, their updates added to the weights; the module stays as it is."""
    state = dict(module.state_dict())
    for name, layer in module.named_modules():
        if isinstance(layer, LowRankLinear):
            update = (state.pop(f"{name}.b") * layer.scale) @ state.pop(f"{name}.a")
            for key in [key for key in state if key.startswith(f"{name}.base.")]:
                state[key.replace(f"{name}.base.", f"{name}.")] = state.pop(key)
            state[f"{name}.weight"] = state[f"{name}.weight"] + update.to(state[f"{name}.weight"].dtype)
    return state
