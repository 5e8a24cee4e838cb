"""The page's parts over the tiny system, with three more generators: one that never ends by itself, two that fail."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from itertools import count

import gradio as gr
import pytest

from core.records import Draft
from data.passages import Passage
from generator.finishing import split_answer
from qa import LongFormQA
from retriever.index import PassageIndex
from retriever.search import Retriever
from ui.asking import Asking, Parts
from ui.corpora import Corpora
from ui.feedback import FeedbackStore
from ui.follow_up import FollowUp
from ui.nearest import load_nearest
from ui.offer import Offer
from ui.rating import RatingStrip
from ui.snapshots import Snapshots

# Of the page's controls, in their order.
VALUES = ("dense", 2, "extractive", "greedy", 4, 0.7, 0.9, 0, 50, 1.1, 7, "mark", "close", "sources", 6, "")


class SlowGenerator:
    """Writes one sentence after another until it is stopped."""

    name = "slow"

    def __init__(self):
        self.ended = threading.Event()
        self.stop = None

    def read(self, retrieved):
        return replace(retrieved, found=tuple(part.as_read(part.passage.text) for part in retrieved.found))

    def stream(self, retrieved, settings, stop=None):
        self.stop, text, numbers = stop, "", count(1)
        while not stop.is_set():
            text += f"Word {next(numbers)} comes. "
            yield Draft(tail=text)
            time.sleep(0.01)
        self.ended.set()
        yield Draft(split_answer(text, settings), done=True, stopped=True)


class BrokenGenerator(SlowGenerator):
    """Fails while it writes."""

    name = "broken"

    def stream(self, retrieved, settings, stop=None):
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


def parts_of(strip, controls):
    """The components of a page, as far as the handlers know them; to be called while a page is built."""
    follow = FollowUp()
    follow.build()
    return Parts(
        box=gr.Textbox(),
        controls=controls,
        **{name: gr.HTML() for name in ("status", "line", "answer", "passages", "run_card", "nearest", "more")},
        stop=gr.Button(),
        opened=gr.Textbox(),
        strip=strip,
        elsewhere=gr.Button(),
        target=gr.State(""),
        further=gr.Button(),
        shown=gr.State(None),
        follow=follow,
    )


def make_asking(qa, store, retriever, place=lambda session: None):
    """The handlers of a page with the extractive generator, without the page; `place` is a session's in the queue."""
    with gr.Blocks():
        strip = RatingStrip(store)
        strip.build()
        controls = [gr.HTML() for _ in VALUES]
        parts = parts_of(strip, controls)
        corpora = Corpora(qa, Offer.of(["extractive"], indexes=qa.indexes))
        controls[-1] = corpora.build_choice()
    return Asking(qa, parts, load_nearest(lambda: retriever), place, corpora)


class Request:
    """What the handlers read of Gradio's request."""

    def __init__(self, session="me", **query):
        self.session_hash = session
        self.query_params = query


@pytest.fixture
def request_of():
    return Request


HOSTILE = (
    '<img src=x onerror="window.ran=1"> ${window.ran=1} \\u0041 `${1}` {{x}} </p><script>window.ran=1</script> tide'
)
PATIENCE = 240_000  # milliseconds; a slow machine is no failure


@pytest.fixture(scope="module")
def page_store(tmp_path_factory):
    return FeedbackStore(tmp_path_factory.mktemp("page") / "ratings.jsonl")


@pytest.fixture(scope="module")
def served(corpus, tiny_encoder, page_store, tmp_path_factory):
    """The real page over the twelve passages and a hostile one, with a generator that never ends by itself."""
    from ui.page import build_page, serve

    passages = [
        *corpus,
        Passage("hostile", HOSTILE, HOSTILE, f"{HOSTILE} is a tide. {HOSTILE}.", "javascript:alert(1)"),
    ]
    vectors = tiny_encoder.encode_passages([passage.text for passage in passages])
    index = PassageIndex.build(passages, vectors, tiny_encoder.name, tiny_encoder.identity, HOSTILE)
    qa = LongFormQA(Retriever(tiny_encoder, index), {"slow": SlowGenerator(), "broken": BrokenGenerator()})
    snapshots = Snapshots(tmp_path_factory.mktemp("snapshots"))
    page = build_page(qa, "extractive", page_store, snapshots=snapshots)
    yield serve(page, "127.0.0.1")
    page.close(verbose=False)


@pytest.fixture
def open_page(browser, served):
    """Opens the page in a browser context of its own; errors and dialogs of any of them fail the test."""
    contexts, wrong = [], []

    def opened(query="", width=1280, scheme="light", **options):
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, has_touch=width < 500, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.set_default_navigation_timeout(PATIENCE)
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(served + query)
        page.locator("#question textarea").wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []
