"""The tabs that answer several times: blind comparison and vote, with and without passages; nearest question; links."""

from __future__ import annotations

import random
import shlex
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest

from core.settings import Settings
from data.questions import Question, load_questions
from qa import _parser, _settings
from ui.compare import Compare
from ui.controls import control_values
from ui.dependence import WithAndWithout
from ui.feedback import read_records
from ui.links import from_query, to_query
from ui.nearest import NearestQuestions, nearest_html, random_question
from ui.offer import Offer
from ui.run_card import command

CONTROL_VALUES = list(control_values({"min_words": 0, "generator": "extractive", "retrieval": "sparse"}).values())
A, B = ("sparse", 2, "extractive"), ("random", 2, "extractive")


@pytest.fixture
def compare(qa, store):
    with gr.Blocks():
        tab = Compare(qa, store, Offer.of(["extractive"]), random.Random(1))
        tab.build()
    return tab


def compared(tab, request, a=A, b=B):
    tab.begin(request, "What are tides?", *a, *b, *CONTROL_VALUES[3:])
    return list(tab.answer(request))


def test_both_answers_appear_together_and_nothing_tells_who_wrote_them(compare, request_of):
    *earlier, last = compared(compare, request_of())
    assert not any(compare.first in view for view in earlier)
    shown = last[compare.first] + last[compare.second]
    assert "Answer 1" in shown and "Answer 2" in shown
    for word in ("extractive", "sparse", "random", "supported", "passage-"):
        assert word not in shown


def test_answers_that_are_the_same_are_told_to_be_so(compare, request_of):
    *_, last = compared(compare, request_of(), A, ("sparse", 3, "extractive"))
    pair = compare.finished.claim(last[compare.run])
    assert pair.answers["a"].text == pair.answers["b"].text and "word for word" in last[compare.said]
    *_, last = compared(compare, request_of())
    pair = compare.finished.claim(last[compare.run])
    assert pair.answers["a"].text != pair.answers["b"].text and "Read both" in last[compare.said]


@pytest.mark.parametrize("choice", ["first", "second", "tie", "both bad"])
def test_a_vote_is_stored_once_by_side_and_reveals(compare, store, request_of, choice):
    *_, last = compared(compare, request_of())
    view = compare.voted(last[compare.run], choice)
    (record,) = read_records(store.path)
    side = {"first": record["order"][0], "second": record["order"][1]}.get(choice, choice)
    assert record["winner"] == side
    assert record["answers"]["a"]["settings"]["retrieval"] == "sparse"
    assert record["answers"]["b"]["settings"]["retrieval"] == "random"
    first = record["answers"][record["order"][0]]
    assert f"extractive · {first['settings']['retrieval']}, 2 passages" in view[compare.first]
    assert ("your vote" in view[compare.first]) == (choice == "first")
    assert "rated already" in compare.voted(last[compare.run], choice)[compare.said]
    assert len(list(read_records(store.path))) == 1


def test_the_order_is_drawn(compare, request_of):
    orders = set()
    for _ in range(12):
        *_, last = compared(compare, request_of())
        orders.add(compare.finished.claim(last[compare.run]).order)
    assert orders == {"ab", "ba"}


def test_the_same_setting_twice_is_refused(compare, request_of):
    view = compare.begin(request_of(), "What are tides?", *A, *A, *CONTROL_VALUES[3:])
    assert "same settings" in view[compare.said]


def test_stop_ends_a_comparison(compare, slow, request_of):
    compare.begin(request_of(), "What are tides?", "sparse", 2, "slow", *B, *CONTROL_VALUES[3:])
    stream = compare.answer(request_of())
    next(stream)
    compare.halt(request_of())
    *_, last = stream
    assert "Stopped" in last[compare.said] and compare.votes not in last


def test_three_ways_are_answered_and_measured_against_the_retrieved_passages(qa, request_of):
    with gr.Blocks():
        tab = WithAndWithout(qa, Offer())
        tab.build()
    room = tab.begin(request_of(), "What are tides?", *CONTROL_VALUES)[tab.table]
    *views, last = tab.answer(request_of())
    panels = {way: view[panel] for way, panel in tab.panels.items() for view in views if panel in view}
    assert "passages: 1 Tide" in panels["retrieved"]
    assert "No passages were retrieved" in panels["none"]
    assert "random, 4 passages" in panels["random"]
    table = last[tab.table]
    assert "none: no answer" in table and table.count("<tr>") == room.count("<tr>") == 4
    assert room.count("<td>") == table.count("<td>") == room.count("–")
    assert 'id="retrieved-sentence-1"' in panels["retrieved"] and "href" not in panels["retrieved"]


class Searcher:
    """Vectors of word counts, so that nearness is known; dense search finds one article."""

    words = ("sea", "moon", "bread", "bees", "honey")
    encoder = SimpleNamespace(identity="words")

    def search(self, question, k=4, method="mixed", seed=0):
        return []

    def embed_questions(self, questions):
        return np.array([[text.lower().count(word) for word in self.words] for text in questions], np.float32)


def test_the_nearest_written_question_is_the_one_of_highest_cosine():
    questions = [Question(str(n), text, f"Answer {n}.") for n, text in enumerate(["Sea and moon?", "Moon?", "Bread?"])]
    finder = NearestQuestions(Searcher, questions)
    nearest = finder.find("Is the sea or the moon older?")
    assert nearest.question.id == "0" and nearest.similarity == pytest.approx(1.0)
    assert finder.find("The moon?").question.id == "1"
    assert finder.find("bread?").similarity == 1.0
    assert finder.find("Unknown words entirely?") is None


def test_the_written_answer_is_shown_only_after_rating():
    questions = [Question("0", "Bread?", "A secret answer.")]
    nearest = NearestQuestions(Searcher, questions).find("Bread?")
    assert "secret" not in nearest_html(nearest, reveal=False)
    assert "A secret answer." in nearest_html(nearest, reveal=True)


def test_random_questions_are_the_picked_ones_and_never_the_same_twice_in_a_row():
    dev = {item.question.lower(): item for item in load_questions("dev")}
    seen, last = set(), ""
    for _ in range(60):
        text = random_question(avoid=last)
        assert text.lower() != last.lower() and dev[text.lower()].answerable
        seen.add(text)
        last = text
    assert len(seen) > 20


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings("dense", 2, "fused"),
        Settings(
            "random",
            20,
            "my folder/é & ü",
            decoding="sampling",
            beams=2,
            temperature=0.31,
            top_p=0.5,
            min_words=0,
            max_words=50,
            repetition_penalty=1.25,
            seed=2**60,
        ),
    ],
)
def test_links_and_commands_give_question_and_settings_back(settings):
    question = 'Why "so" & <b>? it\'s 100% +1 ${x}'
    from urllib.parse import parse_qsl

    asked, named = from_query(dict(parse_qsl(to_query(question, settings)[1:])))
    assert asked == question
    assert Settings.parse(control_values(named)) == settings
    for text, index in ((question, ""), ("-1 is what?", "my folder/ü"), (question, "hf:user/name")):
        words = shlex.split(command(text, settings, index))
        given = _parser().parse_args(words[2:])
        assert given.question == text and _settings(given) == replace(settings, index=index) and given.json
        assert str(given.index or "") == index
