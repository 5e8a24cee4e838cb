"""Answers that say that the passages lack the answer, told from the others on the written ones."""

import pytest

from data.questions import load_questions
from generator.abstention import says_lacking


@pytest.mark.parametrize(("split", "missed"), [("close", 0), ("train", 1), ("dev", 0)])
def test_written_answers_are_told_apart(split, missed):
    questions = load_questions(split)
    assert not [item.answer for item in questions if item.answerable and says_lacking(item.answer)]
    lacking = [item for item in questions if not item.answerable]
    assert len(lacking) - sum(says_lacking(item.answer) for item in lacking) == missed


def test_an_empty_answer_says_nothing():
    assert not says_lacking("")
