"""Trained weights kept small: what training changed, as int8 rows with a scale each.

It knows tensors by name. A change is added to the weights that it was made from, so those must be the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

_SCALE = ".scale"


def pack(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The change of every tensor: int8 with a float32 scale a row for matrices, float32 for vectors.

    Args:
        before: the weights that training began with; a name that is missing counts as zeros.
        after: the trained weights.

    >>> start = {"w": torch.zeros(1, 2)}
    >>> kept = pack(start, {"w": torch.tensor([[1.27, -0.5]])})
    >>> kept["w"].tolist(), round(kept["w.scale"].item(), 4)
    ([[127, -50]], 0.01)
    """
    kept = {}
    for name, value in after.items():
        change = value.detach().float() - (before[name].detach().float() if name in before else 0.0)
        if change.ndim < 2:
            kept[name] = change.contiguous()
            continue
        scale = change.abs().amax(1).clamp(min=1e-12) / 127
        kept[name] = (change / scale[:, None]).round().to(torch.int8)
        kept[name + _SCALE] = scale
    return kept


def loosened(kept: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What `pack` made, with a name for every tensor: changes in float32; other tensors stay as they are.

    >>> loosened(pack({}, {"w": torch.tensor([[1.27, -0.5]])}))["w"].tolist()[0][0]
    1.2699999809265137
    """
    plain = {name: value for name, value in kept.items() if not name.endswith(_SCALE)}
    return {
        name: value.float() * kept[name + _SCALE][:, None] if name + _SCALE in kept else value
        for name, value in plain.items()
    }


def unpack(module: nn.Module, kept: Mapping[str, Tensor], zeroed: tuple[str, ...] = ()) -> None:
    """Add packed changes to a module's weights, in place.

    Args:
        module: holds the weights that training began with.
        kept: what `pack` returned.
        zeroed: beginnings of names whose change was packed against zeros.

    Raises:
        ValueError: a weight is missing on either side, or has another shape; the name is said.
    """
    state, changes = module.state_dict(), loosened(kept)
    for name, value in state.items():
        if name not in changes:
            raise ValueError(f"the trained weights lack {name}: they belong to another model")
        change = changes[name].float()
        if change.shape != value.shape:
            raise ValueError(f"{name} has shape {tuple(change.shape)}, expected {tuple(value.shape)}")
        state[name] = change if name.startswith(zeroed) else value + change
    module.load_state_dict(state)
