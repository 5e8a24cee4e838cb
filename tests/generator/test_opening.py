"""A written opening with quoted sentences behind it, over the scripted decoder."""

import threading

import pytest

from core.records import Judgement, Retrieved, SelectedSentence, Selection, read_texts
from core.sentences import split_sentences
from core.settings import Settings
from generator.decoding import Voice
from generator.opening import OpeningWriter
from generator.selecting import Room
from generator.sentencewise import SentenceWriter
from tests.generator.test_sentencewise import END, FLUTE, SOURCES, TIDE, VIEWS, Scripted

ROOM = Room(enough=12, most=40, short=5)


class Chances:
    """A selector that knows the probability of every sentence."""

    def __init__(self, chances):
        self.chances = chances

    def select(self, retrieved, said=()):
        places = [
            ((part.rank, number), text)
            for part in retrieved.read
            for number, text in enumerate(split_sentences(part.text), 1)
        ]
        sentences = tuple(
            SelectedSentence(place, text, chance, place in said)
            for (place, text), chance in zip(places, self.chances, strict=True)
        )
        return Selection("full", 0.9, 0.9, 0.5, sentences)


class Unsupporting:
    """A judge that finds no support."""

    def judge(self, sentences, found):
        return [Judgement(0.1, "not supported", None, "") for _ in sentences]


def write(both, tide=TIDE, flute=FLUTE, chances=(0.9, 0.8, 0.05, 0.05), judge=None, room=ROOM):
    scripts = dict(zip([tuple(view.tolist()) for view in VIEWS], (both, tide, flute), strict=True))
    state = Scripted(scripts)
    voice = Voice(lambda tokens: " ".join(state.words[token] for token in tokens), state.words.index(END))
    settings = Settings(repetition_penalty=1.0, no_repeat_ngram=0, min_words=0, max_words=40)
    writer = SentenceWriter(state, VIEWS, SOURCES, voice, settings)
    retrieved = Retrieved("Why do tides rise?", tuple(read_texts([TIDE, FLUTE], ["Tide", "Flute"])))
    answer = OpeningWriter(writer, retrieved, room, Chances(chances), judge and (lambda: judge))
    return list(answer.write(state.logits([], VIEWS[0])[None], 0, threading.Event()))


def text_of(drafts):
    return drafts[-1].text


def test_a_sound_opening_stays_and_the_likeliest_sentence_follows():
    drafts = write("Tides are the rise of the sea. Nothing else.")
    assert drafts[0].text == "Tides" and text_of(drafts) == TIDE
    kinds = [(sentence.kind, sentence.origin) for sentence in drafts[-1].sentences]
    assert kinds == [("written", ((1, 1),)), ("quoted", ((1, 2),))]


def test_a_welded_opening_is_written_again_from_one_passage():
    texts = write("Tides are a woodwind instrument. Nothing else.", flute="Nothing of that here.")
    assert text_of(texts) == TIDE and "Tides are a woodwind instrument." in [draft.text for draft in texts]


@pytest.mark.parametrize("given", [{"tide": "So so so.", "flute": "So so so."}, {"judge": Unsupporting()}])
def test_the_likeliest_sentences_are_quoted_where_the_model_is_beside_the_point(given):
    texts = write("It is a woodwind instrument. So.", **given)
    assert text_of(texts) == TIDE
    assert [(sentence.kind, sentence.origin) for sentence in texts[-1].sentences] == [
        ("quoted", ((1, 1),)),
        ("quoted", ((1, 2),)),
    ]


def test_a_sound_opening_beside_the_point_gives_way_to_the_likeliest():
    texts = write("The flute has no reed. So.", tide="So so so.", flute="So so so.")
    assert text_of(texts) == TIDE and texts[-1].sentences[0].kind == "quoted"


def test_a_verdict_is_left_out():
    assert text_of(write("No, tides are the rise of the sea. So.")) == TIDE


def test_a_denial_beside_likely_sentences_is_not_believed():
    assert text_of(write("The passages don't say why. They are caused by the Moon.")) == TIDE
