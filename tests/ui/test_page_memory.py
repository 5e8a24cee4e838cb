"""What the page keeps of a question once it is answered: next to nothing, however many browsers ask."""

import gc
import tracemalloc

import psutil
import pytest

from benchmarks.load import Page
from qa import LongFormQA
from ui import page as page_module
from ui.feedback import FeedbackStore
from ui.offer import Offer
from ui.page import build_page, serve

HELD, ASKED = 3, 9  # browsers' states; questions, each from a browser of its own
MOST_KEPT = 100_000  # bytes of a question: its answer for the rating, its run; a browser's state has 270,000


@pytest.fixture
def page(tiny_retriever, tmp_path, monkeypatch):
    monkeypatch.setattr(page_module, "MOST_STATES", HELD)
    built = build_page(
        LongFormQA(tiny_retriever), store=FeedbackStore(tmp_path / "r.jsonl"), offer=Offer.of(["extractive"])
    )
    served = Page(serve(built, "127.0.0.1"), psutil.Process())
    served.read_events()
    yield served
    served.client.close()
    built.close(verbose=False)


def test_what_was_answered_is_not_kept(page):
    def held_after(count):
        for number in range(count):
            assert page.ask(f"Why do tides rise, {number}?", "extractive") == "answered"
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = held_after(2 * HELD)
        kept = held_after(ASKED) - before
    finally:
        tracemalloc.stop()
    assert kept < ASKED * MOST_KEPT
