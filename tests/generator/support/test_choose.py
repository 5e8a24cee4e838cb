import pytest

from core.records import Sentence, as_text
from generator.abstention import says_lacking
from generator.support.choose import (
    Candidate,
    best_candidate,
    lacking_answer,
    nothing_supported,
    without_unsupported,
)

LONG = "This answer goes on for quite a few words so that enough of them remain when another one is taken away at last."


def sentence(text, support):
    label = "supported" if support >= 0.7 else "partly" if support >= 0.3 else "not supported"
    kind = "lacking" if says_lacking(text) else "written"
    return Sentence(text, kind, (), support, label, 1 if support >= 0.3 else None, "")


def candidate(*parts, relevance=0.0):
    return Candidate(tuple(sentence(text, support) for text, support in parts), relevance)


def test_longer_sentences_count_more():
    assert candidate(("One two three.", 1.0), ("One.", 0.2)).support == pytest.approx((3 * 1.0 + 0.2) / 4)
    assert candidate().support == 0


def test_the_best_supported_answer_is_chosen():
    assert best_candidate([candidate(("A b.", 0.3)), candidate(("C d.", 0.9)), candidate(("E f.", 0.5))]) == 1
    assert best_candidate([candidate(("A b.", 0.5)), candidate(("C d.", 0.5))]) == 0


def test_an_answer_beside_the_point_needs_more_support():
    near, far = candidate(("A b.", 0.6), relevance=0.8), candidate(("C d.", 0.8), relevance=0.1)
    assert best_candidate([far, near]) == 1


def test_one_that_says_what_is_lacking_is_taken_only_by_most():
    lacking = candidate(("The passages don't say why.", 0.9))
    answer = candidate(("Because of the wind.", 0.4))
    assert best_candidate([lacking, answer]) == 1
    assert best_candidate([lacking, answer, lacking]) == 0


def test_empty_answers_come_last():
    assert best_candidate([candidate(), candidate(("A b.", 0.0))]) == 1
    assert best_candidate([candidate(), candidate()]) == 0
    with pytest.raises(ValueError, match="no answer"):
        best_candidate([])


def test_sentences_without_support_go_when_enough_remains():
    first, second, third = sentence(LONG, 0.9), sentence("Made up.", 0.1), sentence("Words of a third one remain.", 0.5)
    assert without_unsupported([first, second, third]) == [first, third]
    short = [sentence("Too little.", 0.9), second]
    assert without_unsupported(short) == short
    assert without_unsupported([]) == []


def test_what_leans_on_a_sentence_that_goes_goes_too():
    bad, leaning, own = sentence("Made up.", 0.1), sentence("It is so.", 0.9), sentence("Bees fly.", 0.9)
    assert without_unsupported([sentence(LONG, 0.9), bad, leaning, leaning, own]) == [sentence(LONG, 0.9), own]
    assert without_unsupported([sentence(LONG, 0.9), leaning, own]) == [sentence(LONG, 0.9), leaning, own]
    example = sentence("For example, bees hum.", 0.9)
    assert without_unsupported([sentence(LONG, 0.9), bad, example, own]) == [sentence(LONG, 0.9), own]


def test_nothing_supported():
    assert nothing_supported([sentence("A.", 0.1), sentence("B.", 0.2)])
    assert not nothing_supported([sentence("A.", 0.1), sentence("B.", 0.4)])
    assert not nothing_supported([])


def test_the_answer_that_says_what_is_lacking_is_told_as_one():
    told = lacking_answer(["Bee", "Honey", "Bee", "Wax"], "")
    assert {sentence.kind for sentence in told} == {"lacking"}
    assert says_lacking(as_text(told)) and "Bee, Honey and Wax." in as_text(told)
    assert as_text(lacking_answer(["Bee"], "Bees fly.")).endswith("about Bee. The nearest to it is: Bees fly.")
