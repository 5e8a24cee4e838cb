"""The metrics of answers, against computations of another kind."""

import random
import re
import statistics

import pytest

from core.words import folded_words
from evaluation.answer_metrics import (
    Item,
    RougeL,
    copied_stretches,
    measure,
    repeated_ngrams,
    summarize,
    unanswerable_told,
    worst_unfound,
)

PASSAGE = "Bees make honey from the nectar of flowers and keep it in combs made of wax in their hive."


def item(answer, **more):
    defaults = {"passages": (("Honey", PASSAGE),), "reference": "Bees make honey from nectar.", "answerable": True}
    return Item(**({"id": "q", "question": "How do bees make honey?", "answer": answer} | defaults | more))


def longest_common_subsequence(left, right):
    """By the textbook's recursion over a table."""
    table = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, one in enumerate(left, 1):
        for j, other in enumerate(right, 1):
            table[i][j] = table[i - 1][j - 1] + 1 if one == other else max(table[i - 1][j], table[i][j - 1])
    return table[-1][-1]


def random_words(seed, count, kinds=6):
    generator = random.Random(seed)
    return [generator.choice("abcdefghij"[:kinds]) for _ in range(count)]


@pytest.mark.parametrize("seed", range(5))
def test_rouge_l_is_the_f1_of_the_longest_common_subsequence(seed):
    reference, answer = random_words(seed, 20), random_words(seed + 100, 14)
    common = longest_common_subsequence(reference, answer)
    precision, recall = common / 14, common / 20
    expected = 2 * precision * recall / (precision + recall)
    assert RougeL()(" ".join(reference), " ".join(answer)) == pytest.approx(expected)


def test_rouge_l_of_nothing_is_nothing():
    assert RougeL()("Bees make honey.", "") == 0


@pytest.mark.parametrize("seed", range(5))
def test_stretches_are_each_the_longest_that_a_source_holds(seed):
    words, sources = random_words(seed, 25), [random_words(seed + 50, 30), random_words(seed + 60, 10)]
    texts = [f" {' '.join(source)} " for source in sources]
    expected, rest = [], words
    while rest:
        length = max(
            n for n in range(len(rest) + 1) if any(f" {' '.join(rest[:n])} " in text for text in texts) or n == 0
        )
        expected += [length] if length else []
        rest = rest[max(1, length) :]
    assert copied_stretches(words, sources) == expected


@pytest.mark.parametrize("seed", range(5))
def test_repeated_ngrams_are_those_after_their_first(seed):
    words = random_words(seed, 40, 2)
    text, repeated = "".join(words), 0
    for place in range(37):
        repeated += re.search(f"(?={text[place : place + 4]})", text).start() < place
    assert repeated_ngrams(words, 4) == (repeated, 37)


def test_a_sentence_that_comes_again_is_counted():
    assert measure(item("It is sweet. Bees keep it. It is sweet! IT is sweet."), RougeL()).repeated_sentences == 2


@pytest.mark.parametrize(("answer", "cut"), [("It is sweet.", False), ("It is sweet. Bees keep", True), ("", False)])
def test_an_answer_that_ends_in_mid_sentence_is_cut(answer, cut):
    assert measure(item(answer), RougeL()).cut is cut


def test_unanswerable_is_the_class_that_is_told():
    answerable = [True, False, False, True, False]
    reference = [True, False, True, False, False]
    told = unanswerable_told(answerable, reference)
    precision, recall = 2 / 3, 2 / 3
    assert told["f1"] == pytest.approx(2 * precision * recall / (precision + recall), abs=1e-4)
    assert (told["told"], told["unanswerable"]) == (3, 3)


def test_unanswerable_without_any_is_no_figure():
    assert unanswerable_told([True], [True])["f1"] is None
    assert unanswerable_told([True], [False]) == {
        "precision": None,
        "recall": 0.0,
        "f1": 0.0,
        "told": 0,
        "unanswerable": 1,
    }


def test_the_row_of_a_file_is_made_of_its_answers():
    answers = [
        item("Bees make honey from the nectar of flowers in Rome.", id="a", seconds=1.0),
        item("Anna saw 17 bees", id="b", seconds=4.0, reference_answerable=False, answerable=False),
        item("", id="c", seconds=None),
    ]
    measured = [measure(one, RougeL()) for one in answers]
    row = summarize(measured)
    assert row["rouge_l"] == pytest.approx(statistics.fmean(one.rouge_l for one in measured), abs=1e-4)
    assert (row["names_and_numbers"], row["unfound"]) == (3, 1.0)
    assert row["copied"] == pytest.approx(8 / 14, abs=1e-4)  # "Bees make honey from the nectar of flowers"
    assert (row["cut"], row["empty"], row["questions"]) == (1, 1, 3)
    assert (row["seconds"], row["seconds_median"]) == (2.5, 2.5)
    assert row["words"] == pytest.approx((10 + 4 + 0) / 3, abs=0.05)
    assert row["unanswerable"]["f1"] == 1.0
    assert worst_unfound(measured) == [{"id": "b", "unfound": ["Anna", "17"]}, {"id": "a", "unfound": ["Rome"]}]


def test_quotations_of_several_passages_are_copied_whole_and_own_words_are_not():
    passages = (("Honey", PASSAGE), ("Wax", "Wax melts at about sixty degrees."))
    quoted = "Bees make honey from the nectar of flowers. Wax melts at about sixty degrees."
    assert measure(item(quoted, passages=passages), RougeL()).to_json()["copied"] == 1.0
    own = "Insects turn what flowers give them into something sweet, which they store."
    assert measure(item(own, passages=passages), RougeL()).to_json()["copied"] == 0.0
    assert measure(item("", passages=passages), RougeL()).to_json()["copied"] is None


def test_a_full_quotation_is_copied_whole():
    measured = measure(item(PASSAGE), RougeL())
    words = len(folded_words(PASSAGE))
    assert measured.copied == (words, words) and measured.stretches == (words,)
    assert measured.to_json()["copied_stretch"] == words
