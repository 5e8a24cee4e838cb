"""A written opening with quoted sentences behind it, over the scripted decoder."""

import threading

import numpy as np
import pytest

from core.settings import Settings
from data.sentences import split_sentences
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


@pytest.mark.parametrize(("lacking", "chances", "answerable"), [(-20.0, 0.9, True), (-1.0, 0.05, False)])
def test_sentences_passages_and_model_say_together_whether_there_is_an_answer(lacking, chances, answerable):
    quotes = [Quote(0, n, "Tide", "The sea rises.", chances) for n in range(4)]
    evidence = Evidence(quotes, [0.5, 0.7, 0.6], lambda rows: np.zeros(0))
    by_hand = 2.897 * np.log(chances) - 0.374 * max(lacking, -12) + 5.424 * 0.7 - 10.759 * (0.7 - 0.55) + 1.597
    assert evidence.answerable(lacking) == pytest.approx(1 / (1 + np.exp(-by_hand)))
    assert (evidence.answerable(lacking) > 0.5) == answerable
    assert Evidence([], [], lambda rows: np.zeros(0)).answerable(-20.0) < 0.5
