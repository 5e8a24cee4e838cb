"""The fused model as it is fastest on a CPU: what reads and what writes, prepared the first time, mapped ever after.

It knows folders and hashes. Where the fast decoder cannot be had, it says why and torch's own takes its place.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import first_line
from core.kept_files import fault, making, note
from generator.base import GeneratorError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from generator.fast_stack import FastDecoder
    from generator.gguf_checkpoint import GgufCheckpoint
    from generator.modeling_fused import FusedConfig, FusedModel, Stack

logger = logging.getLogger(__name__)

_COMPILED = "kernels.advance-*"  # numba's files; where its folder cannot be written, they lie among Python's own


@dataclass(frozen=True)
class Parts:
    """What a fused model is made of.

    Attributes:
        checkpoint: the base.
        base: its name.
        base_sha256: the hash of its file.
        adapter: the folder of the adapter; None for none.
        dtype: of the weights while they are prepared; None for float32.
    """

    checkpoint: GgufCheckpoint
    base: str
    base_sha256: str
    adapter: Path | None
    dtype: torch.dtype | None = None

    def model(self) -> FusedModel:
        """The whole model in float32.

        Raises:
            GeneratorError: the adapter is missing, another model's, or does not fit.
        """
        from generator.adapter import adapted_model
        from generator.modeling_fused import FusedModel

        stack = self.checkpoint.stack()
        if self.adapter is None:
            return FusedModel(stack.config, stack).requires_grad_(False)
        return adapted_model(stack, self.adapter, self.base, self.base_sha256)

    def stack(self, name: str) -> Stack:
        """Only its "encoder" or "decoder"; see `model`."""
        from generator.adapter import adapted_stack

        stack = self.checkpoint.stack(self.dtype)
        return stack if self.adapter is None else adapted_stack(stack, name, self.adapter, self.base, self.base_sha256)

    def around(self, encoder: Stack) -> FusedModel:
        """The model for reading only, with an encoder that is adapted already; see `model`."""
        from generator.adapter import reading_model
        from generator.modeling_fused import FusedModel

        if self.adapter is None:
            return FusedModel(encoder.config, encoder).requires_grad_(False)
        return reading_model(encoder, self.adapter, self.base, self.base_sha256)

    def hashes(self) -> list[str]:
        """The hashes of base and adapter.

        Raises:
            GeneratorError: the adapter is missing.
        """
        from core.files import file_sha256
        from generator.adapter import WEIGHTS

        if self.adapter is None:
            return [self.base_sha256]
        if not (self.adapter / WEIGHTS).is_file():
            raise GeneratorError(f"{self.adapter} holds no adapter: {WEIGHTS} is missing")
        return [self.base_sha256, file_sha256(self.adapter / WEIGHTS)]


def fast_model(parts: Parts, cache: Path) -> tuple[FusedModel, FastDecoder | None]:
    """What reads and what writes; where the latter is None, the former writes, too.

    Args:
        parts: of the model.
        cache: the folder in which prepared weights and compiled code are kept.

    Raises:
        GeneratorError: the adapter is missing, another model's, or does not fit.
    """
    stacks = fast_stacks(parts, cache / "fused", cache / "kernels")
    if stacks is None:
        return parts.model(), None
    encoder, writer = stacks
    return parts.around(encoder), writer


def fast_stacks(parts: Parts, folder: Path, kernels: Path) -> tuple[Stack, FastDecoder] | None:
    """An encoder and the fast decoder behind it; None, with the reason said, where that cannot be had.

    Args:
        parts: of the model.
        folder: where prepared weights are kept.
        kernels: where compiled code is kept.

    Raises:
        GeneratorError: see `fast_model`.
    """
    if problem := _why_not(parts.checkpoint.config, kernels):
        logger.warning("answers are written by torch alone, three times as slowly: %s", problem)
        return None
    hashes = parts.hashes()
    encoder = _encoder(parts, hashes, folder)
    writer = _decoder(parts, hashes, encoder, folder)
    warm_up(writer)
    return encoder, writer


def _why_not(config: FusedConfig, kernels: Path) -> str:
    """Why the fast decoder cannot be had here; "" if it can."""
    try:
        prepare_numba(kernels)
        from generator.fast_stack import unfit

        return unfit(config)
    except (ImportError, RuntimeError, OSError) as error:
        return first_line(error)


def _encoder(parts: Parts, hashes: list[str], folder: Path) -> Stack:
    """The encoder: on processors with bf16 products in bf16, which takes a third of the time and half the memory."""
    from generator.fast_stack import kept_weights, packed_file
    from generator.modeling_fused import stack_of
    from generator.precision import faster_precision

    if faster_precision("cpu") != "bf16":
        return parts.stack("encoder")

    def make() -> dict[str, Tensor]:
        return {name: weight.bfloat16() for name, weight in parts.stack("encoder").state_dict().items()}

    return stack_of(parts.checkpoint.config, kept_weights(packed_file(folder, "encoder", *hashes), make))


def _decoder(parts: Parts, hashes: list[str], encoder: Stack, folder: Path) -> FastDecoder:
    """The fast decoder; it looks tokens up among the encoder's embeddings."""
    from generator.fast_stack import FastDecoder, kept_weights, pack, packed_file

    packed = kept_weights(packed_file(folder, "decoder", *hashes), lambda: pack(parts.stack("decoder")))
    return FastDecoder(parts.checkpoint.config, packed, encoder.embeddings.weight.detach())


def warm_up(writer: FastDecoder) -> None:
    """Compile the kernel, or load it where it was compiled before and its files are what they were.

    numba reads its files without a look at what they hold, and runs it.
    """
    from generator.kernels import advance

    folder = Path(str(advance.stats.cache_path))
    try:
        with making(folder):
            if _compiled(folder) and (problem := fault(folder, pattern=_COMPILED)):
                logger.warning("%s %s: it is compiled again", folder, problem)
                _remove_compiled(folder)
            if not _compiled(folder):
                sys.stderr.write("Compiling the decoder for this processor, once; it takes about 20 s …\n")
            writer.warm_up()
            if fault(folder, pattern=_COMPILED):
                note(folder, pattern=_COMPILED)
    except OSError as error:
        logger.warning("the compiled decoder cannot be kept and is compiled at each start: %s", error)
        writer.warm_up()  # what could not be written is in memory
        with contextlib.suppress(OSError):
            _remove_compiled(folder)


def _compiled(folder: Path) -> list[Path]:
    """What numba wrote to a folder."""
    return sorted(folder.glob(_COMPILED))


def _remove_compiled(folder: Path) -> None:
    """Remove it."""
    for file in _compiled(folder):
        file.unlink(missing_ok=True)


def prepare_numba(folder: Path) -> None:
    """Let numba keep compiled code in a folder of ours: the program's own may be read-only.

    Raises:
        ImportError: numba is not installed.
    """
    import numba

    if "NUMBA_CACHE_DIR" not in os.environ:
        setattr(numba.config, "CACHE_DIR", str(folder))  # noqa: B010 - numba's settings are not declared
