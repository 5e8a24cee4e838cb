"""The handlers behind Ask and Stop, without a browser: what they show, what they free, what they refuse."""

from __future__ import annotations

import asyncio

import pytest

from core.settings import DEFAULTS
from tests.ui.conftest import VALUES, make_asking
from ui.controls import CONTROLS
from ui.errors import SORRY

SLOW = (*VALUES[:2], "slow", *VALUES[3:])


@pytest.fixture
def asking(qa, store, tiny_retriever):
    places = iter([(2, 3), (2, 3), (1, 2)])
    return make_asking(qa, store, tiny_retriever, lambda session: next(places, None))


def test_a_finished_answer_brings_rating_run_card_and_nearest_question(asking, request_of):
    asking.begin(request_of(), "What are tides?", *VALUES)
    *_, last = asking.answer(request_of())
    parts = asking.parts
    assert "Done" in last[parts.status] and "data-json" in last[parts.answer]
    assert "python qa.py &#x27;What are tides?&#x27; --retrieval dense" in last[parts.run_card]
    assert "(read)" in last[parts.run_card]
    assert "once you have rated" in last[parts.nearest]
    run = last[parts.strip.run]
    assert parts.strip.finished.claim(run).answer["question"] == "What are tides?"


def test_stop_ends_a_running_answer_and_keeps_what_was_written(asking, slow, request_of):
    asking.begin(request_of(), "Why?", *SLOW)
    stream = asking.answer(request_of())
    while "Word 1 comes" not in str(next(stream)[asking.parts.answer]):
        pass
    asking.stop(request_of("you"))
    next(stream)
    assert not slow.ended.is_set()
    asking.stop(request_of())
    *_, last = stream
    assert slow.ended.is_set() and "Stopped" in last[asking.parts.status]


def test_stop_of_a_waiting_question_needs_no_model(asking, request_of):
    asking.begin(request_of(), "Why?", *VALUES)
    assert "Stopped before it began" in asking.stop(request_of())[asking.parts.answer]
    assert [list(view) for view in asking.answer(request_of())] == [[asking.parts.stop]]


def test_the_place_in_the_line_is_shown_while_the_question_waits(asking, request_of):
    asking.begin(request_of(), "Why?", *VALUES)

    async def shown():
        views = []
        async for view in asking.wait(request_of()):
            views.append(view[asking.parts.line])
            if len(views) == 3:
                asking.stop(request_of())
        return views

    views = asyncio.run(asyncio.wait_for(shown(), 60))
    assert views[0] == "" and "Place 2 of 3" in views[1] and "Place 1 of 2" in views[2] and len(views) == 3


def test_waiting_writes_to_nothing_but_the_line(asking, request_of):
    """The status is another event's: its "Reading…" must not go back to "Queued"."""
    asking.begin(request_of(), "Why?", *VALUES)
    asking.runs.take("me")

    async def shown():
        return [view async for view in asking.wait(request_of())]

    assert asyncio.run(shown()) == [{asking.parts.line: ""}]


@pytest.mark.parametrize("ending", ["close", "leave"])
def test_a_closed_page_frees_the_model(asking, request_of, ending):
    asking.begin(request_of(), "Why?", *SLOW)
    run = asking.runs.newest("me")
    stream = asking.answer(request_of())
    while "Word 1 comes" not in str(next(stream)[asking.parts.answer]):
        pass
    stream.close() if ending == "close" else asking.leave(request_of())
    assert run.stop.is_set()


def test_what_cannot_be_asked_is_said_and_the_last_answer_stays(asking, request_of):
    view = asking.begin(request_of(), "", *VALUES)
    assert list(view) == [asking.parts.status] and "The question is empty" in view[asking.parts.status]
    status = asking.parts.status
    assert "type a number" in asking.begin(request_of(), "Why?", "dense", None, *VALUES[2:])[status]
    assert "type a whole number" in asking.begin(request_of(), "Why?", "dense", 2.5, *VALUES[2:])[status]
    assert "The seed is empty" in asking.begin(request_of(), "Why?", *VALUES[:10], None, *VALUES[11:])[status]


def test_an_unexpected_error_is_polite_and_logged(asking, request_of, caplog):
    asking.begin(request_of(), "Why?", *VALUES[:2], "broken", *VALUES[3:])
    *_, last = asking.answer(request_of())
    assert asking.parts.strip.column not in last
    assert SORRY in last[asking.parts.status] and "secret" not in last[asking.parts.status]
    assert "unexpected error" in caplog.text


def test_a_link_fills_in_question_and_settings_and_begins_the_run(asking, request_of):
    view = asking.open(request_of(q="Why is honey sweet?", retrieval="sparse", passages="2", seed="9"))
    run = asking.runs.newest("me")
    assert view[asking.parts.opened] == run.id and view[asking.parts.box] == "Why is honey sweet?"
    assert (run.settings[0].retrieval, run.settings[0].passages) == ("sparse", 2)
    assert run.settings[0].seed == 9
    shown = [view[control] for control in asking.parts.controls]
    assert shown[:2] == ["sparse", 2] and shown[CONTROLS.index("seed")] == 9


def test_a_link_fills_in_numbers_as_numbers(asking, request_of):
    """A control of numbers takes no text: the page would stay empty."""
    query = {"passages": "2", "temperature": "0.5", "seed": "4611686018427387905"}
    view = asking.open(request_of(q="Why is honey sweet?", **query))
    shown = dict(zip(CONTROLS, (view[control] for control in asking.parts.controls), strict=True))
    numbers = {"passages": 2, "temperature": 0.5, "seed": 4611686018427387905}
    assert {name: shown[name] for name in numbers} == numbers
    assert all(type(shown[name]) is type(DEFAULTS[name]) for name in CONTROLS)


@pytest.mark.parametrize(("query", "message"), [({"passages": "many"}, "number of passages"), ({"q": "?"}, "no words")])
def test_a_link_that_cannot_be_asked_says_why_and_asks_nothing(asking, request_of, query, message):
    view = asking.open(request_of(**{"q": "Why is honey sweet?"} | query))
    assert message in view[asking.parts.status]
    assert asking.runs.newest("me") is None and view[asking.parts.opened] == ""


def test_without_a_question_in_its_address_the_page_just_opens(asking, request_of):
    assert asking.open(request_of(theme="dark")) == {asking.parts.opened: ""}
