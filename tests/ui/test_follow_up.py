"""A question that follows another: searched and read with it, over the tiny system; and what is suggested."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from core.records import Found, Passage, Previous, Retrieved, Sentence
from core.settings import Settings
from data.questions import Question
from qa import LongFormQA
from tests.ui.conftest import VALUES, make_asking
from ui.nearest import NearestQuestions

SPARSE = Settings("sparse", 2, "extractive", min_words=0)


def test_what_has_no_subject_is_searched_with_the_question_before(tiny_qa):
    before = tiny_qa.ask("What is a flute?", SPARSE)
    alone = tiny_qa.retrieve("And why?", SPARSE)
    followed = tiny_qa.ask("And why?", SPARSE, previous=before.as_previous())
    assert alone.found[0].passage.title != "Flute" or alone.found[0].score == 0
    assert followed.found[0].passage.title == "Flute" and followed.question == "And why?"
    assert followed.retrieved.whole == "What is a flute? And why?"
    assert followed.found[0].kept
    json = followed.to_json()
    assert json["previous"] == "What is a flute?" and json["passages"][0]["from_previous"] is True
    assert "previous" not in before.to_json() and "from_previous" not in before.to_json()["passages"][0]


def test_a_follow_up_of_which_nothing_new_is_said_is_told_so(tiny_qa):
    before = tiny_qa.ask("What is a flute?", SPARSE)
    again = tiny_qa.ask("And what is a flute, the woodwind instrument?", SPARSE, previous=before.as_previous())
    assert again.repeats and again.note.startswith("All of this stood in the answer before")
    assert not before.repeats and "stood in" not in before.note
    assert not replace(again, sentences=(*again.sentences, Sentence("It is old.", "quoted"))).repeats


def test_a_question_of_common_words_is_judged_by_itself(tiny_qa):
    before = tiny_qa.ask("What is a flute?", SPARSE).as_previous()
    judged = {
        question: tiny_qa.retrieve(question, SPARSE, before).asked for question in ("What is it made of?", "Why?")
    }
    assert judged == {"What is it made of?": "Flute: What is it made of?", "Why?": "What is a flute? Why?"}


def test_the_title_of_the_best_article_is_searched_for_only_in_the_same_index(tiny_qa, corpus):
    [volcano] = [passage for passage in corpus if passage.title == "Volcano"]
    here = tiny_qa.retrieve("And why?", SPARSE, Previous(("Huh?",), (volcano,)))
    assert here.found[0].passage == volcano and here.found[0].kept
    elsewhere = tiny_qa.retrieve("And why?", SPARSE, Previous(("Huh?",), (volcano,), "another"))
    assert elsewhere.found[0].score == 0 and not any(part.kept for part in elsewhere.found)


def test_a_follow_up_to_a_follow_up_goes_back_to_the_first(tiny_qa):
    first = tiny_qa.ask("What is a flute?", SPARSE)
    second = tiny_qa.ask("And why?", SPARSE, previous=first.as_previous())
    assert second.as_previous().questions == ("What is a flute?", "And why?")
    many = second
    for _ in range(4):
        many = tiny_qa.ask("And then?", SPARSE, previous=many.as_previous())
    assert len(many.as_previous().questions) == 3


@pytest.fixture
def asking(qa, store, tiny_retriever):
    return make_asking(qa, store, tiny_retriever)


def test_the_box_under_an_answer_asks_on(asking, request_of):
    parts = asking.parts
    refused = asking.follow(request_of(), "And why?", *VALUES)
    assert "no finished answer to follow" in refused[parts.status]
    asking.begin(request_of(), "What are tides?", *VALUES)
    *_, last = asking.answer(request_of())
    assert last[parts.follow.column].visible is True
    begun = asking.follow(request_of(), "And why?", *VALUES)
    assert "Asked after “What are tides?”" in begun[parts.answer]
    *_, last = asking.answer(request_of())
    assert "<h2>And why?</h2>" in last[parts.answer] and "from the answer before" in last[parts.passages]
    assert "q=What+are+tides%3F+And+why%3F" in last[parts.answer]
    assert asking.follow(request_of("you"), "And why?", *VALUES)[parts.status] == refused[parts.status]


class Searcher:
    """Finds what it is told to; nearness is the number of equal words."""

    encoder = SimpleNamespace(identity="words")

    def __init__(self, *titles, wiki="https://en.wikipedia.org/wiki/"):
        self.hits = [Found(1, Passage("1", title, "", "", wiki and f"{wiki}{title}")) for title in titles]

    def search(self, question, k=4, method="mixed", seed=0):
        return self.hits

    def embed_questions(self, questions):
        words = ("tides", "moon", "sea")
        return np.array([[text.lower().count(word) for word in words] for text in questions], np.float32)


QUESTIONS = [
    Question("0", "what are tides?", "", ("Tide",)),
    Question("1", "why does the moon move the sea?", "", ("Tide", "Moon")),
    Question("2", "how old is the moon?", "", ("Moon",)),
    Question("3", "who owns the sea?", "", ("Tide",), answerable=False),
    Question("4", "do tides move the moon?", "", ("Tide",)),
]


def test_only_what_the_index_answers_is_suggested_nearest_first():
    finder = NearestQuestions(Searcher, QUESTIONS)
    asked = Retrieved("What are tides?")
    assert finder.suggest(asked, Searcher("Tide")) == ["Do tides move the moon?"]
    both = finder.suggest(Retrieved("Do tides of the sea follow the moon?"), Searcher("Tide", "Moon"))
    assert both == ["Why does the moon move the sea?", "Do tides move the moon?", "What are tides?"]
    assert finder.suggest(asked, Searcher()) == []


def test_what_is_far_from_the_question_is_not_suggested():
    assert NearestQuestions(Searcher, QUESTIONS).suggest(Retrieved("Whose sea?"), Searcher("Moon")) == []


def test_nothing_is_suggested_of_documents_that_only_share_a_title():
    assert NearestQuestions(Searcher, QUESTIONS).suggest(Retrieved("Tides?"), Searcher("Tide", "Moon", wiki="")) == []


def test_generators_forget_what_was_released(tiny_retriever):
    class Remembering:
        name = "remembering"
        forgotten = 0

        def forget(self):
            self.forgotten += 1

    generator = Remembering()
    qa = LongFormQA(tiny_retriever, {"remembering": generator})
    qa.hold("own:x", tiny_retriever)
    assert qa.holds("own:x") and "own:x" not in qa.indexes
    qa.release("own:x")
    qa.release("own:x")
    assert generator.forgotten == 1 and not qa.holds("own:x")
