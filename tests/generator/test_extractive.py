import threading

import numpy as np
import pytest

from core.records import Found, Retrieved
from core.sentences import LONGEST, split_sentences
from core.settings import Settings
from data.passages import Passage
from generator.extractive import ExtractiveGenerator


def passage(text: str) -> Passage:
    return Passage("0", "T", "", text, "https://e.org")


def one_hot(values: dict[str, float]):
    """An embedder whose similarity to any question is the number given for the sentence; sentences are orthogonal."""
    rows = {sentence: row for row, sentence in enumerate(values, start=1)}

    def embed_texts(texts):
        vectors = np.zeros((len(texts), len(values) + 1), np.float32)
        for number, text in enumerate(texts):
            vectors[number, 0] = values[text]
            vectors[number, rows[text]] = np.sqrt(1 - values[text] ** 2)
        return vectors

    def embed_questions(questions):
        return np.eye(1, len(values) + 1, dtype=np.float32).repeat(len(questions), axis=0)

    return ExtractiveGenerator(embed_questions, embed_texts)


def answer(generator, texts, settings, stop=None):
    found = tuple(Found(rank, passage(text)) for rank, text in enumerate(texts, 1))
    return list(generator.stream(generator.read(Retrieved("Why?", found)), settings, stop))


FIRST = "Alpha has four words. Beta has four words."
SECOND = "Gamma has four words. Delta has four words."
VALUES = {
    "Alpha has four words.": 0.5,
    "Beta has four words.": 0.1,
    "Gamma has four words.": 0.9,
    "Delta has four words.": 0.3,
}


def test_the_nearest_sentences_come_in_reading_order():
    steps = answer(one_hot(VALUES), [FIRST, SECOND], Settings(min_words=8, max_words=8))
    assert steps[-1].text == "Alpha has four words. Gamma has four words."
    assert [step.done for step in steps] == [False, False, True]
    assert [(each.kind, each.origin) for each in steps[-1].sentences] == [("quoted", ((1, 1),)), ("quoted", ((2, 1),))]


def test_a_better_place_counts_among_like_sentences():
    values = VALUES | {"Alpha has four words.": 0.55, "Gamma has four words.": 0.6}
    steps = answer(one_hot(values), [FIRST, SECOND], Settings(min_words=0, max_words=6))
    assert steps[-1].text == "Alpha has four words."


def test_a_sentence_is_not_said_twice():
    generator = one_hot(VALUES)
    steps = answer(generator, [FIRST, FIRST], Settings(min_words=20, max_words=100))
    assert sorted(split_sentences(steps[-1].text)) == sorted(split_sentences(FIRST))


def test_a_single_long_sentence_stays_whole():
    long = "word " * (LONGEST - 1) + "end."
    steps = answer(one_hot({long.strip(): 0.5}), [long.strip()], Settings(min_words=0, max_words=20))
    assert steps[-1].text == long


def test_what_was_cut_in_mid_sentence_is_not_quoted():
    steps = answer(one_hot(VALUES), [FIRST + " Gamma has"], Settings(min_words=0, max_words=100))
    assert "Gamma" not in steps[-1].text and steps[-1].text


@pytest.mark.parametrize("texts", [[], [""], ["no end of a sentence"]])
def test_nothing_to_quote_gives_an_empty_answer(texts):
    steps = answer(one_hot(VALUES), texts, Settings())
    assert (steps[-1].done, steps[-1].text) == (True, "")


def test_stopping_keeps_whole_sentences():
    stop = threading.Event()
    generator = one_hot(VALUES)
    read = generator.read(Retrieved("Why?", (Found(1, passage(FIRST)), Found(2, passage(SECOND)))))
    stream = generator.stream(read, Settings(min_words=16, max_words=16), stop)
    texts = []
    for step in stream:
        texts.append(step)
        if not step.done:
            stop.set()
    assert texts[-1].stopped and texts[-1].text == "Alpha has four words."
