"""The precision follows from the processor, never from how busy it is."""

from pathlib import Path

import pytest
import torch

from generator.precision import faster_precision


@pytest.mark.parametrize(
    ("processor", "precision"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, "bf16"),
        ({"amx_bf16": True}, "bf16"),
        ({"avx512_f": True, "avx512_bf16": False}, "fp32"),
        ({}, "fp32"),
    ],
)
def test_a_cpu_with_instructions_for_bf16_uses_it(monkeypatch, processor, precision):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: processor)
    assert faster_precision("cpu") == precision
    assert faster_precision("cuda") == "bf16"


def test_this_processor_is_told_as_the_system_tells_it():
    try:
        flags = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        pytest.skip("the system has no /proc/cpuinfo")
    assert faster_precision("cpu") == ("bf16" if flags & {"avx512_bf16", "amx_bf16"} else "fp32")
