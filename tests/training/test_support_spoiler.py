import random
import re

import pytest

from training.support_spoiler import Spoiler

TITLES = ("Moon", "Tide", "Mars")
TEXTS = (
    "The Moon is the only natural satellite of Earth. It lies about 384 km from Jodrell Bank in 1969.",
    "Tides are the rise and fall of the sea. They are larger than waves in Nova Scotia.",
    "Mars is the fourth planet from the Sun. It was visited by Mariner in 1965.",
)


@pytest.fixture
def spoiler():
    return Spoiler(random.Random(0), lambda word: {"satellite": ["planet"], "planet": ["satellite"]}.get(word, ()))


@pytest.mark.parametrize(
    ("way", "sentence"),
    [
        ("number", "It was reached by a ship in 1969."),
        ("name", "People first saw it from Jodrell Bank."),
        ("subject", "The Moon is small and grey."),
        ("opposite", "It is the largest of them."),
        ("sibling", "It is a natural satellite of Earth."),
        ("negation", "The Moon is round and grey."),
        ("quantity", "Some of them are grey."),
        ("order", "The Earth is heavier than the Moon."),
        ("weld", "The Moon is a round body of rock and dust."),
    ],
)
def test_only_the_marked_stretches_are_changed(spoiler, way, sentence):
    made = spoiler._ways[way][0](sentence, "Moon", TITLES, TEXTS)
    assert made is not None and made[0] != sentence
    text, marks = made
    if way == "order":
        assert sorted(re.findall(r"\w+", text)) == sorted(re.findall(r"\w+", sentence))
        assert [text[a:b] for a, b in marks] == ["Moon", "heavier"] or len(marks) == 2
        return
    ((start, end),) = marks
    assert sentence.startswith(text[:start]) or way == "weld"
    assert way in ("weld",) or sentence.endswith(text[end:])
    assert text[start:end] and text[start:end] not in sentence


def test_where_nothing_can_be_changed_nothing_is_made(spoiler):
    assert spoiler.spoil("Hm, hm, hm hm.", "", (), ()) is None


def test_the_same_seed_makes_the_same_claims():
    made = [
        Spoiler(random.Random(7), lambda word: ()).spoil("The Moon is larger than 12 of them.", "Moon", TITLES, TEXTS)
        for _ in range(2)
    ]
    assert made[0] == made[1] is not None and not made[0].supported
