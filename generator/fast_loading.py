"""The fast decoder for a base and an adapter: packed the first time, compiled for this processor the first time.

It knows folders and hashes. Where the fast decoder cannot be had, it says why and torch's own takes its place.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generator.fast_stack import FastDecoder
    from generator.modeling_fused import Stack

logger = logging.getLogger(__name__)


def fast_decoder(
    encoder: Stack, decoder: Callable[[], Stack], base_sha256: str, adapter: Path | None, cache: Path
) -> FastDecoder | None:
    """Open the packed decoder, making what is missing; None where it cannot run here.

    Args:
        encoder: whose embeddings and sizes the decoder shares.
        decoder: makes the stack to be packed; called only when its packed file is missing.
        base_sha256: of the base's file.
        adapter: the folder of the adapter in `decoder`; None for none.
        cache: the folder in which packed weights and compiled code are kept.
    """
    if os.environ.get("LFQA_PLAIN_DECODER"):
        return None
    try:
        prepare_numba(cache / "kernels")
        from generator import fast_stack
    except (ImportError, RuntimeError) as error:
        logger.warning("answers are written by torch alone, three times as slowly: %s", _first_line(error))
        return None
    if problem := fast_stack.unfit(encoder.config):
        logger.warning("answers are written by torch alone, three times as slowly: %s", problem)
        return None
    from generator.adapter import WEIGHTS
    from retriever.encode import file_sha256

    hashes = [base_sha256] if adapter is None else [base_sha256, file_sha256(adapter / WEIGHTS)]
    path = fast_stack.packed_file(cache / "fused", *hashes)
    try:
        if not path.is_file():
            fast_stack.save_packed(fast_stack.pack(decoder()), path)
        fast = fast_stack.FastDecoder.load(encoder.config, path, encoder.embeddings.weight.detach())
    except OSError as error:
        logger.warning("answers are written by torch alone, three times as slowly: %s", error)
        return None
    if not any((cache / "kernels").rglob("*.nbc")):
        sys.stderr.write("Compiling the decoder for this processor, once; it takes about 20 s …\n")
    fast.warm_up()
    return fast


def prepare_numba(folder: Path) -> None:
    """Let numba keep compiled code in a folder of ours: the program's own may be read-only.

    Raises:
        ImportError: numba is not installed.
    """
    import numba

    if "NUMBA_CACHE_DIR" not in os.environ:
        setattr(numba.config, "CACHE_DIR", str(folder))  # noqa: B010 - numba's settings are not declared


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
