"""Answers sentence by sentence, over a writer, a selector and a judge whose words are known; and the real ones."""

import threading
from dataclasses import replace

import pytest

from core.records import Judgement, Retrieved, read_texts
from core.settings import Settings
from generator.selecting import as_read
from generator.writer.answering import WriterGenerator, steps
from tests.generator.test_opening import Chances

TIDE = "The Moon pulls the sea. It moves the water by 2 metres. Boats wait for the flood in the harbour."
FOUND = tuple(read_texts([TIDE], ["Tide"]))
SETTINGS = Settings(min_words=0, max_words=60)


class Told:
    """A writer that says what it is told, in order, and notes what it was asked for."""

    def __init__(self, *texts):
        self.texts, self.requests, self.seeds = list(texts), [], []

    def write(self, request, stop=None, seed=None):
        self.requests.append(request)
        self.seeds.append(seed)
        return self.texts.pop(0)


class Named:
    """A judge that supports the sentences named; by what was said before, none but those named twice."""

    def __init__(self, *supported, repeated=()):
        self.supported, self.repeated, self.seen = supported, repeated, []

    def judge(self, sentences, found):
        (sentence,), (part,) = sentences, found
        self.seen.append(part.text)
        by_evidence = part.text in TIDE
        right = sentence in (self.supported if by_evidence else self.repeated)
        return [Judgement(0.9 if right else 0.1, "supported" if right else "not supported", 1, "")]


def drafts(writer, judge, chances=(0.9, 0.0, 0.8), stop=None):
    generator = WriterGenerator(writer, lambda: Chances(chances), lambda: judge)
    return list(generator.stream(generator.read(Retrieved("Why tides?", FOUND)), SETTINGS, stop))


def kinds(draft):
    return [(sentence.kind, sentence.text, sentence.origin) for sentence in draft.sentences]


PULL, BOATS = "Tides come as the Moon pulls the sea.", "Boats wait for the flood."


def test_each_sentence_is_written_from_its_evidence_and_given_once():
    writer = Told(PULL + " More.", BOATS)
    given = drafts(writer, Named(PULL, BOATS))
    assert [len(draft.sentences) for draft in given] == [1, 2, 2] and given[-1].done
    assert kinds(given[-1]) == [("written", PULL, ((1, 1),)), ("written", BOATS, ((1, 3),))]
    assert [[fact.text for fact in request.facts] for request in writer.requests] == [
        ["The Moon pulls the sea."],
        ["Boats wait for the flood in the harbour."],
    ]
    assert [request.said for request in writer.requests] == ["", PULL]


def test_what_the_judge_refuses_is_written_once_more_and_then_quoted():
    writer = Told("The Sun pulls the sea.", PULL, "Boats sink.", "Boats fly.")
    given = drafts(writer, Named(PULL))
    assert [kind for kind, _, _ in kinds(given[-1])] == ["written", "quoted"]
    assert given[-1].sentences[1].text == "Boats wait for the flood in the harbour."
    assert [seed is None for seed in writer.seeds] == [True, False, True, False]


def test_what_the_judge_supports_without_being_sure_is_quoted():
    class Unsure:
        def judge(self, sentences, found):
            return [Judgement(0.79, "supported", 1, "")]

    given = drafts(Told(PULL, PULL), Unsure(), chances=(0.9, 0.0, 0.0))
    assert kinds(given[-1]) == [("quoted", "The Moon pulls the sea.", ((1, 1),))]


@pytest.mark.parametrize("text", ["The Moon pulls 3 metres.", "without an end", "The passages don't say why.", ""])
def test_what_is_no_sentence_of_the_evidence_is_not_said(text):
    given = drafts(Told(text, text), Named(text), chances=(0.9, 0.0, 0.0))
    assert kinds(given[-1]) == [("quoted", "The Moon pulls the sea.", ((1, 1),))]


def test_what_was_said_already_is_not_said_again():
    again = "The sea is pulled by the Moon."
    given = drafts(Told(PULL, again), Named(PULL, again, repeated=(again,)))
    assert kinds(given[-1]) == [("written", PULL, ((1, 1),))]


def test_a_verdict_is_left_out():
    assert drafts(Told("Yes, the Moon pulls at the sea.", BOATS), Named("The Moon pulls at the sea.", BOATS))[
        -1
    ].text == (f"The Moon pulls at the sea. {BOATS}")


def test_what_leans_is_told_together_with_what_it_leans_on():
    selected = [each for each in Chances((0.9, 0.8, 0.7)).select(Retrieved("?", FOUND)).sentences]
    assert [[each.place for each in step] for step in steps(as_read(selected))] == [[(1, 1), (1, 2)], [(1, 3)]]


@pytest.mark.parametrize(
    ("text", "told"),
    [("The passages don't say how far. More.", "The passages don't say how far."), ("It is far.", ""), ("don't", "")],
)
def test_of_a_part_it_is_said_what_is_lacking(text, told):
    class Part(Chances):
        def select(self, retrieved, said=()):
            return replace(super().select(retrieved, said), holds="part")

    writer, selector = Told(PULL, text), Part((0.9, 0.0, 0.0))
    generator = WriterGenerator(writer, lambda: selector, lambda: Named(PULL))
    asked = generator.read(Retrieved("Why tides?", FOUND))
    *_, last = generator.stream(replace(asked, selection=selector.select(asked)), SETTINGS)
    assert [sentence.text for sentence in last.sentences if sentence.kind == "lacking"] == ([told] if told else [])
    assert (writer.requests[-1].facts, writer.requests[-1].about) == ((), ("Tide",))


def test_a_stop_keeps_what_was_given():
    stop = threading.Event()

    class Stopping(Told):
        def write(self, request, stop=None, seed=None):
            if self.requests:
                stop.set()
                return "The flood lifts"
            return super().write(request, stop, seed)

    given = drafts(Stopping(PULL), Named(PULL), stop=stop)
    assert given[-1].stopped and kinds(given[-1]) == [("written", PULL, ((1, 1),))]


@pytest.mark.assets
def test_the_embedded_writer_answers_from_a_passage():
    from qa import LongFormQA

    answer = LongFormQA.load().ask("How do vaccines work?", Settings(generator="writer"))
    assert answer.holds != "no" and answer.sentences and "immun" in answer.text
    assert {sentence.label for sentence in answer.sentences if sentence.kind != "lacking"} == {"supported"}
    assert all(sentence.origin for sentence in answer.sentences if sentence.kind == "written")
