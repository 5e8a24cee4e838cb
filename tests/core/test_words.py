"""Words of texts: what is alike, which numbers words stand for, and which sentences lean."""

import pytest
import Stemmer

from core.words import NUMBER_WORDS, Words, folded_words, forms, leans, snowball_stems, stem


def test_names_numbers_and_denials():
    words = Words("The Moon is not 384,400 km from Mars, nor seven; it isn't.")
    assert words.names == {"moon", "mar"}
    assert words.numbers == {"384400", "7"}
    assert words.negations == 3


def test_content_words_are_stems_without_function_words():
    assert Words("The tides of the sea are large, and the sea is larger.").content == ["tid", "sea", "larg"]


def test_a_text_of_another_script_has_words_too():
    assert Words("Луна — спутник Земли").tokens == ["Луна", "спутник", "Земли"]
    assert Words("…!?").tokens == [] and Words("").content == []


def test_numbers_in_words_are_the_numbers():
    assert [NUMBER_WORDS[word] for word in "zero nine ten thirteen nineteen twenty ninety".split()] == [
        0, 9, 10, 13, 19, 20, 90
    ]  # fmt: skip
    assert NUMBER_WORDS["hundred"] * NUMBER_WORDS["thousand"] * NUMBER_WORDS["million"] == 100 * NUMBER_WORDS["billion"]
    assert stem("Twelve") == stem("12") == "12" and len(NUMBER_WORDS) == 32


def test_stems_of_snowball_are_those_of_its_own_package_less_stop_words():
    kept = ["pulling", "seas", "organisation", "tides"]
    stemmer = Stemmer.Stemmer("english")
    assert snowball_stems(["Pulling the seas, and the organisation of tides", "is it?"]) == [
        stemmer.stemWords(kept), []
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"), [("cities", "City"), ("Heroes", "hero"), ("bees'", "bee"), ("ÉCOLES", "ecole")]
)
def test_words_of_one_form_are_equal(one, other):
    assert forms(one) & forms(other)


@pytest.mark.parametrize(("one", "other"), [("Turkish", "Turkey"), ("glass", "glas"), ("gas", "ga")])
def test_other_words_are_not(one, other):
    assert not forms(one) & forms(other)


def test_folded_words_have_neither_case_nor_marks():
    assert folded_words("“STRASSE” – Straße, well-known_word…") == ["strasse", "strasse", "well", "known", "word"]


@pytest.mark.parametrize(
    "sentence",
    [
        "However, it rained.",
        "In addition, it snowed.",
        "“This” is so.",
        "Later he left.",
        "Under the treaty of that year, they won.",
        "Among others, his sons ruled.",
    ],
)
def test_a_sentence_that_points_back_leans(sentence):
    assert leans(sentence)


@pytest.mark.parametrize(
    "sentence",
    ["Italy is a country.", "Item one is here.", "In 1889 Eiffel built his tower.", "Among Romans he ruled.", ""],
)
def test_one_that_names_its_subject_does_not(sentence):
    assert not leans(sentence)
