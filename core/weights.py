"""Weights put into modules: tensors taken over as they are, and saved low-rank updates added to them.

It knows tensors by their names. It knows nothing of what the modules are for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_Module = TypeVar("_Module", bound=nn.Module)


class _NoDraws(TorchFunctionMode):
    """Leaves weights as they are where `torch.nn.init` would draw them; on the meta device drawing costs a second."""

    def __torch_function__(
        self,
        func: Any,  # noqa: ANN401 (torch's own signature)
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        kwargs = dict(kwargs or {})
        if getattr(func, "__module__", "") == nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def filled(make: Callable[[], _Module], weights: Mapping[str, Tensor]) -> _Module:
    """A module that holds these very tensors, for inference; none is copied.

    Args:
        make: makes the module.
        weights: by their names in its state.

    Raises:
        RuntimeError: a weight is missing, unknown, or of another shape; torch names it.

    >>> weight = torch.ones(1, 2)
    >>> layer = filled(lambda: nn.Linear(2, 1, bias=False), {"weight": weight})
    >>> layer.weight.data_ptr() == weight.data_ptr(), layer.training
    (True, False)
    """
    with torch.device("meta"), _NoDraws():
        module = make()
    module.load_state_dict(weights, assign=True)
    return module.eval().requires_grad_(False)


def merge_adapters(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put the sum W + B A of weights and saved low-rank updates (Hu et al. 2021, arXiv 2106.09685) in W's place.

    The module is changed, its old weights are not: other modules may hold them, too.

    Args:
        module: whose linear layers are named.
        tensors: "layer.a", (rank, in), and "layer.b", (out, rank), of each; others are passed over.

    Raises:
        ValueError: an update names a layer that the module lacks, or has another shape; both are said.
    """
    for name in sorted(key.removesuffix(".a") for key in tensors if key.endswith(".a")):
        update = tensors[f"{name}.b"].float() @ tensors[f"{name}.a"].float()
        try:
            layer, weight = module.get_submodule(name), module.get_parameter(f"{name}.weight")
        except AttributeError as error:
            raise ValueError(f"the adapter of {name} belongs to another model: it has no such layer") from error
        if weight.shape != update.shape:
            raise ValueError(
                f"the adapter of {name} has shape {tuple(update.shape)} but the layer {tuple(weight.shape)}: "
                "it belongs to another model"
            )
        layer.weight = nn.Parameter((weight.detach().float() + update).to(weight.dtype), weight.requires_grad)
