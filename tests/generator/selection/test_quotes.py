"""Which passage sentences follow an opening, and in which order."""

import numpy as np
import pytest

from core.records import Found, Retrieved
from data.passages import Passage
from generator.selection.quotes import Quote, Quoter, Room, best_opening, following, leans, place_of

TIDE = [
    "Tides are the rise of the sea.",
    "They are caused by the Moon and the Sun.",
    "Many harbours keep printed tables.",
]
FLUTE = ["The flute has no reed.", "It is a woodwind instrument."]
QUESTION = "Why is it so?"
ROOM = Room(enough=30, most=40, least=0.2, short=5)


def quotes(*probabilities):
    rows = [(0, n, "Tide", text) for n, text in enumerate(TIDE)] + [
        (1, n, "Flute", text) for n, text in enumerate(FLUTE)
    ]
    return [Quote(*row, chance) for row, chance in zip(rows, probabilities, strict=True)]


def texts(found):
    return [quote.text for quote in found]


def test_what_leans_brings_what_it_leans_on():
    found = following(QUESTION, "The Moon pulls.", None, quotes(0.1, 0.9, 0.1, 0.1, 0.1), ROOM)
    assert texts(found) == TIDE[:2]


def test_what_leans_on_the_opening_follows_it_at_once():
    all_ = quotes(0.9, 0.8, 0.7, 0.1, 0.1)
    opening = "Tides are a rise of the sea."
    assert place_of(opening, all_) == all_[0]
    assert texts(following(QUESTION, opening, all_[0], all_, ROOM)) == TIDE[1:]


def test_unlikely_sentences_only_follow_a_short_answer():
    likely = quotes(0.1, 0.1, 0.1, 0.9, 0.1)
    assert texts(following(QUESTION, "So it is, says the book of the sea.", None, likely, ROOM)) == FLUTE[:1]
    assert texts(following(QUESTION, "So.", None, quotes(0.1, 0.0, 0.0, 0.0, 0.0), ROOM)) == TIDE[:1]


def test_the_longest_answer_is_kept_and_nothing_is_said_twice():
    room = Room(enough=30, most=16, least=0.2, short=5)
    found = following(QUESTION, "Tides are the rise of the sea.", None, quotes(0.9, 0.3, 0.2, 0.8, 0.2), room)
    assert TIDE[0] not in texts(found)
    assert sum(len(text.split()) for text in texts(found)) + 7 <= 16 and FLUTE[0] in texts(found)


def test_the_openings_passage_comes_first_and_each_in_reading_order():
    all_ = quotes(0.5, 0.6, 0.7, 0.9, 0.8)
    found = following(QUESTION, "The flute has no reed.", all_[3], all_, Room(enough=60, most=80))
    assert texts(found) == [FLUTE[1], *TIDE]


def test_a_comparison_speaks_of_both_sides():
    all_ = quotes(0.9, 0.8, 0.7, 0.02, 0.01)
    asked = "What is the difference between tides and a flute?"
    assert FLUTE[0] in texts(following(asked, TIDE[0], all_[0], all_, ROOM))
    assert FLUTE[0] not in texts(following("What are tides?", TIDE[0], all_[0], all_, ROOM))


def test_a_sentence_that_leans_cannot_open():
    assert best_opening(quotes(0.2, 0.9, 0.1, 0.1, 0.3)).text == TIDE[0]
    assert best_opening([]) is None and place_of("Bees hum.", []) is None
    assert leans("However, it rained.") and leans("In addition, it snowed.") and not leans("Italy is a country.")


@pytest.mark.parametrize(("title", "second"), [("Flute", 1.25), ("Tide", 0.25)])
def test_sentences_are_taken_from_what_was_read_and_an_article_has_one_rank(title, second):
    class Ranker:
        def probabilities(self, question, sentences):
            return np.array([item.similarity + item.rank for item in sentences])

    vectors = {"Why?": [1.0, 0.0], TIDE[0]: [0.5, 0.0], FLUTE[0]: [0.25, 1.0]}
    embed = lambda rows: np.array([vectors[text] for text in rows])  # noqa: E731
    read = [
        Found(1, Passage("0", "Tide", "", " ".join(TIDE), "")).as_read(f"{TIDE[0]} They are"),
        Found(2, Passage("1", title, "", FLUTE[0], "")).as_read(f"{FLUTE[0]} Yes, it is."),
    ]
    quoter = Quoter(Ranker(), embed, embed)
    found = quoter.quotes(quoter.asked(Retrieved("Why?")), read)
    assert [(quote.place, quote.text, quote.probability) for quote in found] == [
        ((0, 0), TIDE[0], 0.5),
        ((1, 0), FLUTE[0], second),
    ]
