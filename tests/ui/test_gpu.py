"""Answers on a lent GPU: the real decorator, which does nothing away from a ZeroGPU Space."""

from __future__ import annotations

import threading

import pytest

from core.settings import Settings
from qa import LongFormQA
from ui.gpu import LentGPU, system


def test_a_lent_gpu_gives_the_same_answer(tiny_retriever):
    pytest.importorskip("spaces")
    settings = Settings("sparse", 2, "extractive")
    lent = LentGPU(tiny_retriever).ask("What are tides?", settings)
    plain = LongFormQA(tiny_retriever).ask("What are tides?", settings)
    assert (lent.text, lent.found, lent.sentences) == (plain.text, plain.found, plain.sentences)


def test_stop_ends_the_reading_of_it(tiny_retriever, slow):
    pytest.importorskip("spaces")

    class Endless(type(slow)):
        def stream(self, retrieved, settings, stop=None):
            yield from super().stream(retrieved, settings, threading.Event())

    stop = threading.Event()
    stream = LentGPU(tiny_retriever, {"slow": Endless()}).stream("Why?", Settings(generator="slow"), stop)
    while "Word" not in next(stream).text:
        pass
    stop.set()
    *_, last = stream
    assert last.stage == "done" and last.stopped


@pytest.mark.parametrize(
    ("value", "kind"), [("", LongFormQA), ("false", LongFormQA), ("true", LentGPU), ("1", LentGPU)]
)
def test_only_a_zero_gpu_space_borrows(monkeypatch, value, kind):
    monkeypatch.setenv("SPACES_ZERO_GPU", value)
    assert system() is kind
