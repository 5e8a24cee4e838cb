"""Copied words, against a search for every run in the sources' text."""

import random

import pytest

from core.overlap import copied_words, share_copied


def test_copied_words_are_those_in_shared_runs():
    assert share_copied("one two three four five six", ["zero one two three four five"]) == pytest.approx(5 / 6)
    assert share_copied("one two three four", ["one two three four"]) == 0
    assert share_copied("", ["x"]) == 0


def test_case_marks_and_kinds_of_apostrophe_make_no_difference():
    assert share_copied("It isn’t THE Moon's; pull.", ["Why (it isn't the moon’s pull)?"]) == 1


@pytest.mark.parametrize("seed", range(5))
def test_a_word_counts_when_some_run_around_it_stands_in_one_source(seed):
    draw = random.Random(seed)
    words, *sources = ([draw.choice("abc") for _ in range(count)] for count in (30, 40, 12))
    texts = [f" {' '.join(source)} " for source in sources]
    copied = 0
    for place in range(30):
        runs = [words[start : start + 4] for start in range(max(0, place - 3), min(place, 26) + 1)]
        copied += any(f" {' '.join(run)} " in text for run in runs for text in texts)
    assert copied_words(words, sources, 4) == (copied, 30)


def test_no_run_goes_on_from_one_source_into_the_next():
    assert copied_words("a b c d".split(), ["a b".split(), "c d".split()], 3) == (0, 4)
