"""A written opening with quoted sentences behind it, over the scripted decoder."""

import threading

import numpy as np
import pytest

from core.sentences import split_sentences
from core.settings import Settings
from generator.decoding import Voice
from generator.opening import Evidence, OpeningWriter
from generator.selection.quotes import Quote, Room
from generator.sentencewise import SentenceWriter
from tests.generator.test_sentencewise import END, FLUTE, SOURCES, TIDE, VIEWS, Scripted

LACKING = "The passages don't say why."
ROOM = Room(enough=12, most=40, least=0.1, short=5)


def write(both, tide=TIDE, flute=FLUTE, chances=(0.9, 0.8, 0.05, 0.05), judged=0.9, room=ROOM):
    texts = [(0, "Tide", text) for text in split_sentences(TIDE)] + [
        (1, "Flute", text) for text in split_sentences(FLUTE)
    ]
    quotes = [Quote(at, n % 2, title, text, chances[n]) for n, (at, title, text) in enumerate(texts)]
    scripts = dict(zip([tuple(view.tolist()) for view in VIEWS], (both, tide, flute), strict=True))
    state = Scripted(scripts)
    state.words = sorted({*state.words, *LACKING.split()})
    voice = Voice(lambda tokens: " ".join(state.words[token] for token in tokens), state.words.index(END))
    settings = Settings(repetition_penalty=1.0, no_repeat_ngram=0, min_words=0, max_words=40)
    writer = SentenceWriter(state, VIEWS, SOURCES, voice, settings)
    evidence = Evidence(quotes, [0.7, 0.7], lambda rows: np.full(len(rows), judged))
    lacking = [state.words.index(word) for word in LACKING.split()[:4]]
    answer = OpeningWriter(writer, "Why do tides rise?", [1, 2], lambda: evidence, room, lacking)
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


def test_the_likeliest_sentence_opens_where_the_model_is_beside_the_point():
    texts = write("It is a woodwind instrument. So.", tide="So so so.", flute="So so so.", judged=0.1)
    assert text_of(texts) == TIDE
    assert texts[-1].sentences[0].kind == "quoted"


def test_a_verdict_is_left_out():
    assert text_of(write("No, tides are the rise of the sea. So.")) == TIDE


@pytest.mark.parametrize("draft", [f"{LACKING} Nothing.", "Tides are the rise why. Nothing."])
def test_what_is_lacking_is_said_even_though_the_model_began_otherwise(draft):
    texts = write(draft, chances=(0.02, 0.02, 0.01, 0.01))
    assert text_of(texts).startswith(LACKING) and TIDE.split(".")[0] in text_of(texts)
    assert [sentence.kind for sentence in texts[-1].sentences][:2] == ["lacking", "quoted"]


def test_a_denial_beside_likely_sentences_is_not_believed():
    assert text_of(write(f"{LACKING} They are caused by the Moon.")) == TIDE


def answerable(chances=(0.5, 0.5, 0.5, 0.5), nearness=(0.6, 0.6, 0.6), lacking=-8.0):
    quotes = [Quote(0, number, "Tide", "The sea rises.", chance) for number, chance in enumerate(chances)]
    return Evidence(quotes, list(nearness), lambda rows: np.zeros(0)).answerable(lacking)


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ({"chances": (0.3, 0.3, 0.3, 0.3)}, {"chances": (0.3, 0.3, 0.3, 0.4)}),
        ({"chances": (0.1, 0.1, 0.1, 0.1)}, {"chances": (0.9, 0.1, 0.1, 0.1)}),
        ({"nearness": (0.5, 0.5, 0.5)}, {"nearness": (0.7, 0.7, 0.7)}),
        # One that stands far out is about one narrow thing.
        ({"nearness": (0.4, 0.7, 0.4)}, {"nearness": (0.7, 0.7, 0.7)}),
        ({"lacking": -1.0}, {"lacking": -8.0}),
        ({"chances": ()}, {"chances": (0.2,)}),
        ({"chances": (), "nearness": ()}, {}),
    ],
)
def test_likely_sentences_near_passages_and_a_willing_model_speak_for_an_answer(less, more):
    assert 0 < answerable(**less) < answerable(**more) < 1


def test_what_says_no_more_changes_nothing():
    assert answerable((0.9, 0.8, 0.7, 0.6)) == answerable((0.1, 0.6, 0.7, 0.8, 0.9, 0.2)), "the four likeliest count"
    assert answerable(lacking=-12.0) == answerable(lacking=-40.0)
    assert answerable(nearness=(0.4, 0.6, 0.5)) == answerable(nearness=(0.6, 0.5, 0.4))


@pytest.mark.parametrize(("chance", "lacking", "there"), [(0.9, -20.0, True), (0.05, -1.0, False)])
def test_where_all_agree_the_verdict_is_theirs(chance, lacking, there):
    assert (answerable((chance,) * 4, (0.5, 0.7, 0.6), lacking) > 0.5) == there
    assert answerable((), (), lacking=-20.0) < 0.5
