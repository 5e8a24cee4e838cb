"""Names and numbers: what counts as one, and what counts as found."""

import pytest

from data.questions import load_questions
from evaluation.names import mentions, ordinary_words

PASSAGE = (
    "Ada Lovelace, an Italian-born writer (1815–1852), lived in the United States during the 19th century. "
    "She owned 5,200,000 books at 45 °C, from 538.8 to 251.9 million years ago. CO₂ and vitamin D came from Brontë."
)


def listed(answer, *sources):
    return [mention.text for mention in mentions(answer, sources)]


def unfound(answer, *sources):
    return [mention.text for mention in mentions(answer, sources) if not mention.found]


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        ("The cat sat. Dogs bark. However, it rained.", []),
        ("Yes, they do. Sorry, I can't say. I've read that I'm right.", []),
        ("Meanwhile the water rose. Curiously, nobody saw.", []),
        ("Paris is big.", ["Paris"]),
        ("In the Battle of the Somme they met Marie Curie.", ["Battle", "Somme", "Marie", "Curie"]),
        ("NASA and the U.S. sent pH meters and an iPhone.", ["NASA", "US", "pH", "iPhone"]),
        ("It is called: The oldest one. He said “Nothing works.”", []),
        ("O'Brien met the Franco-Prussian army.", ["O'Brien", "Franco", "Prussian"]),
        ("They need vitamin B12 and H2O.", ["B12", "H2O"]),
        ("", []),
    ],
)
def test_names_are_capitals_that_are_not_only_the_start_of_a_sentence(answer, names):
    assert listed(answer) == names


def test_an_ordinary_word_at_the_start_is_a_name_when_it_is_one_elsewhere():
    assert "turkey" in ordinary_words()
    assert listed("Turkey is tasty.") == []
    assert listed("Turkey is big.", "People live in Turkey.") == ["Turkey"]
    assert listed("Turkey is big, and I like Turkey.") == ["Turkey", "Turkey"]


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        ("There are 2 of them, two kinds, at first and for ten years.", ["2"]),
        ("About twelve people, twenty-two cats and two hundred and five dogs.", None),
        ("In the 1990s, on the 19th day, 3.5 million came; 1,000.5 left.", ["1990s", "19th", "3.5 million", "1,000.5"]),
        ("Hundreds came, a hundred stayed, millions of years passed.", []),
        ("In 1990 two people met, and 5 or 6 million others.", ["1990", "5", "6 million"]),
        ("The first thousand years and the eleventh hour.", ["eleventh"]),
    ],
)
def test_numbers_are_digits_and_words_above_ten(answer, numbers):
    expected = ["twelve", "twenty-two", "two hundred and five"] if numbers is None else numbers
    assert listed(answer) == expected


@pytest.mark.parametrize(
    "answer",
    [
        "The Italians read Lovelace's book.",
        "It was in the nineteenth century, in the 1800s.",
        "There were 5.2 million books.",
        "That was 251.9 million years ago, or even 538.8 million years ago.",
        "At 45 degrees Celsius the CO2 met Brontë and Bronte.",
        "That was in 1815 and 1852.",
        "LOVELACE was a writer.",
        "She is Italian, says Ada.",
    ],
)
def test_other_spellings_of_the_same_are_found(answer):
    assert mentions(answer, [PASSAGE]) and unfound(answer, PASSAGE) == []


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        ("Ada Byron was French.", ["Byron", "French"]),
        ("That was in 1816, or the 1700s.", ["1816", "1700s"]),
        ("She owned 5.3 million books.", ["5.3 million"]),
        ("It was 45 degrees Fahrenheit.", ["Fahrenheit"]),
        ("It took twenty years.", ["twenty"]),
    ],
)
def test_what_no_source_has_is_unfound(answer, missing):
    assert unfound(answer, PASSAGE) == missing


def test_the_question_and_the_title_are_sources():
    assert unfound("Jaws was made by Spielberg in 1975.", "Who made Jaws in 1975?", "Spielberg", "A film.") == []


@pytest.mark.assets
def test_close_answers_of_the_question_set_name_nothing_but_their_sources_have(vital_passages):
    """False alarms: close answers were written from the passages' own words."""
    found = _of_questions("close", vital_passages, shift=0)
    assert len(found) > 2_000
    assert sum(not mention.found for mention in found) < len(found) / 1000


@pytest.mark.assets
def test_beside_the_passages_of_other_questions_nearly_all_are_unfound(vital_passages):
    """Missed alarms."""
    found = _of_questions("dev", vital_passages, shift=37)
    assert sum(not mention.found for mention in found) > 0.95 * len(found)


def _of_questions(split, passages, shift):
    kept = [item for item in load_questions(split) if item.titles and item.titles[0] in passages][:600]
    found = []
    for item, source in zip(kept, kept[shift:] + kept[:shift], strict=True):
        texts = [item.question] if shift == 0 else []
        for title in source.titles:
            if title in passages:
                texts += [title, passages[title].text]
        found += mentions(item.answer, texts)
    return found
