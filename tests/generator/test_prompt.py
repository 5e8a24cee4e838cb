import pytest

from core.records import Found, Passage, Retrieved
from generator.prompt import fit_passages, seq2seq_prompt


def passage(text: str) -> Passage:
    return Passage("0", "T", "", text, "https://e.org")


def cost(parts) -> int:
    """Two tokens for the question, one for each word, one for each passage's mark."""
    return 2 + sum(len(part.text.split()) + 1 for part in parts)


TEN = "One two three four five. Six seven eight nine ten."


def fitted(texts, budget, longest=None):
    found = tuple(Found(rank, passage(text)) for rank, text in enumerate(texts, 1))
    return [(part.status, part.text) for part in fit_passages(Retrieved("Why?", found), cost, budget, longest).found]


def test_everything_that_fits_is_read_whole():
    assert fitted([TEN, TEN], 24) == [("read", TEN), ("read", TEN)]


def test_the_last_is_cut_at_a_sentence_end_and_the_rest_is_not_read():
    assert fitted([TEN, TEN, "Short."], 23) == [("read", TEN), ("cut", "One two three four five."), ("not read", "")]


def test_a_long_sentence_is_cut_at_a_word():
    long = " ".join(f"w{number}" for number in range(100)) + "."
    assert fitted([long], 23) == [("cut", " ".join(long.split()[:20]))]


def test_a_few_words_are_not_worth_reading():
    long = " ".join(f"w{number}" for number in range(100)) + "."
    assert fitted([long], 8) == [("not read", "")]


def test_a_single_passage_has_its_own_limit_and_later_ones_are_still_read():
    assert fitted([TEN, TEN], 100, longest=5) == [("cut", "One two three four five.")] * 2


@pytest.mark.parametrize("budget", range(0, 60, 3))
def test_the_input_never_exceeds_the_budget(budget):
    read = [text for _, text in fitted([TEN, TEN + " Eleven.", TEN, "A."], budget) if text]
    assert not read or 2 + sum(len(text.split()) + 1 for text in read) <= budget


def test_nothing_to_read():
    assert fitted([], 10) == []
    assert fitted([""], 10) == [("not read", "")]


@pytest.mark.parametrize("family", ["bart", "led"])
def test_the_prompt_of_the_eli5_models(family):
    assert seq2seq_prompt("Why?", ["A.", "B."], family) == "question: Why? context: <P> A. <P> B."
    assert seq2seq_prompt("Why?", [], family) == "question: Why? context:"
