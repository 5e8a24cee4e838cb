"""Modules without weights, to be filled from a file: nothing is drawn at random, and nothing takes memory."""

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
