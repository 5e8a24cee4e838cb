"""What a process keeps of shapes that it met."""

import os
import subprocess
import sys

import pytest

GROWTH = """
import os, sys, psutil, torch
from core.memory import bound_shape_caches
if sys.argv[1] == "bound":
    bound_shape_caches()
weight = torch.randn(1024, 1024).bfloat16()
def shapes(first, last):
    for rows in range(first, last):
        torch.nn.functional.linear(torch.randn(rows, 1024).bfloat16(), weight)
shapes(1, 60)
before = psutil.Process().memory_info().rss
shapes(60, 400)
print((psutil.Process().memory_info().rss - before) >> 20, os.environ.get("LRU_CACHE_CAPACITY"))
"""


def run(kind: str, **given: str) -> tuple[int, str]:
    kept = {name: value for name, value in os.environ.items() if not name.endswith("CACHE_CAPACITY")}
    done = subprocess.run(
        [sys.executable, "-c", GROWTH, kind], capture_output=True, text=True, check=True, env=kept | given
    )
    grown, capacity = done.stdout.split()
    return int(grown), capacity


def test_new_shapes_take_no_more_memory_for_long():
    from generator.precision import faster_precision

    if faster_precision("cpu") != "bf16":
        pytest.skip("this processor has no bf16 products, whose preparations are what is kept")
    free, bound = run("free")[0], run("bound")[0]
    assert bound < free / 2 and bound < 60


def test_what_is_set_already_stays():
    assert run("bound", LRU_CACHE_CAPACITY="500")[1] == "500"
