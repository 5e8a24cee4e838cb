"""Sentences that stand on one passage, told from welded ones."""

import pytest

from generator.grounding import Source, ground

YOSEMITE = Source.of(
    "Yosemite National Park",
    "Yosemite National Park is a national park of the United States in California. It is known for its granite cliffs.",
)
YELLOWSTONE = Source.of(
    "Yellowstone National Park",
    "Yellowstone National Park is a national park of the United States located in the northwest corner of Wyoming, "
    "with small portions extending into Montana and Idaho. It is known for its many geothermal features.",
)
FIELD = Source.of("Field (mathematics)", "A field is a set on which addition and subtraction are defined.")
SHEAF = Source.of("Sheaf (mathematics)", "A sheaf is a tool for tracking data attached to the open sets of a space.")
COMPARED = (
    "A field is a set on which addition and subtraction are defined, while a sheaf is a tool for tracking data "
    "attached to the open sets"
)
SOURCES = [YOSEMITE, YELLOWSTONE, FIELD, SHEAF]


@pytest.mark.parametrize(
    ("sentence", "before", "passage"),
    [
        ("Yosemite National Park is known for its granite cliffs.", None, 0),
        ("It is known for its many geothermal features.", 1, 1),
        ("A field is a set on which addition and subtraction are defined.", 3, 2),
        ("It is a tool for tracking data.", 3, 3),
        (
            f"{COMPARED} of a space.",
            2,
            3,
        ),
    ],
)
def test_sentences_of_one_passage_or_of_named_ones_are_sound(sentence, before, passage):
    grounding = ground(sentence, SOURCES, before)
    assert grounding.sound and grounding.passage == passage


@pytest.mark.parametrize(
    ("sentence", "before"),
    [
        ("Yosemite National Park is a national park located in the northwest corner of Wyoming.", None),
        ("A sheaf is a set on which addition and subtraction are defined.", 3),
        ("It is a set on which addition and subtraction are defined.", 3),
        ("It is known for its granite cliffs, with small portions extending into Montana and Idaho.", 0),
    ],
)
def test_welded_and_straying_sentences_are_not(sentence, before):
    assert not ground(sentence, SOURCES, before).sound


def test_the_share_counts_word_pairs():
    assert ground("A field is a set on which everything is undefined.", SOURCES).share == pytest.approx(6 / 9)
    assert ground("", SOURCES).passage is None and not ground("Something.", []).sound
