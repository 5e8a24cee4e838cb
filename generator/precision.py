"""Which precision matrix products are faster in on this machine. It knows numbers only."""

from __future__ import annotations

import functools
import time

import torch


@functools.cache
def faster_precision(device: str) -> str:
    """Say "bf16" on a GPU, or on a CPU whose matrix products are clearly faster in it; else "fp32"."""
    if device != "cpu":
        return "bf16"
    left, right = torch.randn(256, 576), torch.randn(1536, 576)
    seconds = {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        a, b = left.to(dtype), right.to(dtype)
        times = []
        for _ in range(12):
            began = time.perf_counter()
            torch.nn.functional.linear(a, b)
            times.append(time.perf_counter() - began)
        seconds[name] = min(times)
    return "bf16" if seconds["bf16"] < 0.7 * seconds["fp32"] else "fp32"
