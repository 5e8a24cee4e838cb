import threading

import numpy as np
import pytest

from data.passages import Passage
from data.sentences import split_sentences
from generator.base import GenerationSettings
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
    read = generator.read("Why?", [passage(text) for text in texts])
    return list(generator.stream("Why?", read, settings, stop))


FIRST = "Alpha has four words. Beta has four words."
SECOND = "Gamma has four words. Delta has four words."
VALUES = {
    "Alpha has four words.": 0.5,
    "Beta has four words.": 0.1,
    "Gamma has four words.": 0.9,
    "Delta has four words.": 0.3,
}


def test_the_nearest_sentences_come_in_reading_order():
    steps = answer(one_hot(VALUES), [FIRST, SECOND], GenerationSettings(min_words=8, max_words=8))
    assert steps[-1].text == "Alpha has four words. Gamma has four words."
    assert [step.stage for step in steps] == ["reading", "writing", "writing", "done"]


def test_a_better_place_counts_among_like_sentences():
    values = VALUES | {"Alpha has four words.": 0.55, "Gamma has four words.": 0.6}
    steps = answer(one_hot(values), [FIRST, SECOND], GenerationSettings(min_words=0, max_words=6))
    assert steps[-1].text == "Alpha has four words."


def test_a_sentence_is_not_said_twice():
    generator = one_hot(VALUES)
    steps = answer(generator, [FIRST, FIRST], GenerationSettings(min_words=20, max_words=100))
    assert sorted(split_sentences(steps[-1].text)) == sorted(split_sentences(FIRST))


def test_a_single_long_sentence_stays_whole():
    long = "word " * 300 + "end."
    steps = answer(one_hot({long.strip(): 0.5}), [long.strip()], GenerationSettings(min_words=0, max_words=20))
    assert steps[-1].text == long


def test_what_was_cut_in_mid_sentence_is_not_quoted():
    steps = answer(one_hot(VALUES), [FIRST + " Gamma has"], GenerationSettings(min_words=0, max_words=100))
    assert "Gamma" not in steps[-1].text and steps[-1].text


@pytest.mark.parametrize("texts", [[], [""], ["no end of a sentence"]])
def test_nothing_to_quote_gives_an_empty_answer(texts):
    steps = answer(one_hot(VALUES), texts, GenerationSettings())
    assert (steps[-1].stage, steps[-1].text) == ("done", "")


def test_stopping_keeps_whole_sentences():
    stop = threading.Event()
    generator = one_hot(VALUES)
    read = generator.read("Why?", [passage(FIRST), passage(SECOND)])
    stream = generator.stream("Why?", read, GenerationSettings(min_words=16, max_words=16), stop)
    texts = []
    for step in stream:
        texts.append(step)
        if step.stage == "writing":
            stop.set()
    assert texts[-1].stopped and texts[-1].text == "Alpha has four words."
