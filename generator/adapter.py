"""The fused generator's trained part: what training changed of SmolLM2, in a small folder.

    adapter.json           of which base, with which settings and data it was trained
    adapter.safetensors    low-rank updates by layer (or whole weights, after full tuning) and the ranks' vectors

It knows files and weights, no text and no training.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from core.weights import merge_adapters
from generator.base import GeneratorError
from generator.modeling_fused import FusedModel, Stack, stack_of
from generator.support.compact import loosened, pack

CARD, WEIGHTS = "adapter.json", "adapter.safetensors"
FORMAT = 1
_RANKS = "rank_keys"
_STACKS = ("encoder", "decoder")


@dataclass(frozen=True)
class AdapterCard:
    """What an adapter belongs to and how it was made.

    Attributes:
        base: the name of the model that it changes, and `base_sha256`, the hash of that model's file.
        training: settings, data and measures of the run.
        format: the version of the folder's layout.
    """

    base: str
    base_sha256: str
    training: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT


def save_adapter(folder: Path, tensors: Mapping[str, Tensor], card: AdapterCard, small: bool = False) -> None:
    """Write an adapter; the card comes last, so that a killed run leaves none that opens.

    Args:
        folder: made where missing.
        tensors: by "encoder.…" or "decoder.…" and layer, "….a" and "….b" of an update or "….weight", and "rank_keys".
        card: what it is.
        small: whether its matrices are kept in 8 bits, a scale for each row, instead of in half precision.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CARD).unlink(missing_ok=True)
    kept = pack({}, tensors) if small else {name: tensor.detach().half() for name, tensor in tensors.items()}
    save_file({name: tensor.cpu().contiguous() for name, tensor in kept.items()}, folder / WEIGHTS)
    part = folder / f"{CARD}.part"
    part.write_text(json.dumps(asdict(card), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(part, folder / CARD)


def read_card(folder: Path) -> AdapterCard:
    """The card of an adapter's folder.

    Raises:
        GeneratorError: there is none, or one of another layout.
    """
    path = folder / CARD
    try:
        card = AdapterCard(**json.loads(path.read_text(encoding="utf-8")))
        if not isinstance(card.base, str) or not isinstance(card.base_sha256, str):
            raise TypeError("base or base_sha256 is no text")
    except FileNotFoundError as error:
        raise GeneratorError(f"{folder} holds no adapter: {CARD} is missing") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise GeneratorError(f"{path} is no adapter's card ({error}); train it again or check it out again") from error
    if card.format != FORMAT:
        raise GeneratorError(f"{path} has layout {card.format}, this program reads {FORMAT}; train it again")
    return card


def read_adapter(folder: Path, base: str, base_sha256: str) -> dict[str, Tensor]:
    """The weights of an adapter, as `save_adapter` was given them.

    Args:
        folder: the adapter's.
        base: the name of the model in use.
        base_sha256: the hash of that model's file.

    Raises:
        GeneratorError: the adapter is missing, damaged, or another base's; both names are said.
    """
    card = read_card(folder)
    if card.base_sha256 != base_sha256:
        raise GeneratorError(
            f"the adapter {folder} was trained for {card.base} ({card.base_sha256[:12]}), the model in use is "
            f"{base} ({base_sha256[:12]}): name that model or train an adapter for this one"
        )
    try:
        return loosened(load_file(folder / WEIGHTS))
    except (OSError, SafetensorError) as error:
        raise GeneratorError(f"{folder / WEIGHTS} is missing or damaged ({error}); check it out again") from error


def adapted_model(stack: Stack, folder: Path, base: str, base_sha256: str) -> FusedModel:
    """The fused model with an adapter merged into the copies of those layers that it changes.

    Args:
        stack: the plain base, left as it is.
        folder: the adapter's.
        base: the base's name.
        base_sha256: the hash of its file.

    Raises:
        GeneratorError: see `read_adapter`; or the adapter does not fit the model.
    """
    tensors = read_adapter(folder, base, base_sha256)
    encoder, decoder = (_changed(stack, name, tensors, folder) for name in _STACKS)
    return _with_ranks(FusedModel(stack.config, encoder, decoder), tensors)


def adapted_stack(stack: Stack, name: str, folder: Path, base: str, base_sha256: str) -> Stack:
    """Only the "encoder" or the "decoder" of `adapted_model`."""
    return _changed(stack, name, read_adapter(folder, base, base_sha256), folder)


def reading_model(encoder: Stack, folder: Path, base: str, base_sha256: str) -> FusedModel:
    """The fused model for reading only, from an encoder that is adapted already; see `adapted_model`."""
    return _with_ranks(FusedModel(encoder.config, encoder), read_adapter(folder, base, base_sha256))


def _with_ranks(model: FusedModel, tensors: Mapping[str, Tensor]) -> FusedModel:
    """The model with an adapter's vectors of the ranks, ready to use."""
    if _RANKS in tensors:
        model.rank_keys.data.copy_(tensors[_RANKS])
    return model.requires_grad_(False).eval()


def shared_copy(stack: Stack) -> Stack:
    """A second stack with the same weights in the same memory, whose layers can be exchanged."""
    return stack_of(stack.config, stack.state_dict())


def _changed(stack: Stack, kind: str, every: Mapping[str, Tensor], folder: Path) -> Stack:
    """The stack itself where nothing changes, else a copy of which only the changed layers take memory of their own."""
    tensors = {key.removeprefix(f"{kind}."): value for key, value in every.items() if key.startswith(f"{kind}.")}
    if not tensors:
        return stack
    copy = shared_copy(stack)
    try:
        for name in sorted(key.removesuffix(".weight") for key in tensors if key.endswith(".weight")):
            layer = copy.get_submodule(name)
            assert isinstance(layer.weight, Tensor)
            layer.weight = nn.Parameter(tensors[f"{name}.weight"].to(layer.weight, copy=True))
        merge_adapters(copy, {key: value for key, value in tensors.items() if key.endswith((".a", ".b"))})
    except (AttributeError, ValueError, KeyError) as error:
        raise GeneratorError(f"the adapter {folder} does not fit its model: {error}") from error
    return copy.requires_grad_(False).eval()
