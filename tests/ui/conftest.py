"""The page's parts over the tiny system, with three more generators: one that never ends by itself, two that fail."""

from __future__ import annotations

import threading
import time

import pytest

from generator.base import ReadPassage, Step
from qa import LongFormQA
from ui.feedback import FeedbackStore


class SlowGenerator:
    """Writes one word after another until it is stopped."""

    name = "slow"

    def __init__(self):
        self.ended = threading.Event()

    def read(self, question, passages):
        return [ReadPassage(passage, "read", passage.text) for passage in passages]

    def stream(self, question, passages, settings, stop=None):
        text = ""
        while not stop.is_set():
            text += "word "
            yield Step("writing", text)
            time.sleep(0.01)
        self.ended.set()
        yield Step("done", "Words.", stopped=True)


class BrokenGenerator(SlowGenerator):
    """Fails while it writes."""

    name = "broken"

    def stream(self, question, passages, settings, stop=None):
        raise ZeroDivisionError("a secret detail")


@pytest.fixture
def slow():
    return SlowGenerator()


@pytest.fixture(scope="session")
def broken():
    return BrokenGenerator()


@pytest.fixture
def qa(tiny_retriever, slow, broken):
    return LongFormQA(tiny_retriever, {"slow": slow, "broken": broken})


@pytest.fixture
def store(tmp_path):
    return FeedbackStore(tmp_path / "ratings.jsonl")


class Request:
    """What the handlers read of Gradio's request."""

    def __init__(self, session="me", **query):
        self.session_hash = session
        self.query_params = query


@pytest.fixture
def request_of():
    return Request
