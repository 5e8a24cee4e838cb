"""Which precision matrix products are faster in on this machine. It knows the processor only."""

from __future__ import annotations

import torch

# Instructions that multiply bfloat16, as `torch.cpu.get_capabilities` names them.
_MULTIPLIES_BF16 = ("avx512_bf16", "amx_bf16")


def faster_precision(device: str) -> str:
    """Say "bf16" on a GPU, or on a CPU that has instructions for its products; else "fp32".

    Told by what the processor can do and not by a stopwatch: that finds now one, now the other faster while other
    programs run, and the same seed then gives another text.
    """
    if device != "cpu":
        return "bf16"
    processor = torch.cpu.get_capabilities()
    return "bf16" if any(processor.get(name, False) for name in _MULTIPLIES_BF16) else "fp32"
