import json
import random
from pathlib import Path

import pytest

from core.sentences import LONGEST, count_words, is_complete, sentence_spans, split_sentences

CASES = json.loads(Path(__file__).with_name("sentences_cases.json").read_text(encoding="utf-8"))
# What follows looks as in "the U.S. Army", "an affix d. Other", "les lacs av. Jean", "4 p.m. Eastern Time".
UNDECIDED = {
    "Frankfurt a. M. ist groß.",
    "Il vécut env. 300 ans av. J.-C. en Grèce.",
    "It starts at 5 p.m. on Fridays.",
}


@pytest.mark.parametrize("case", [case for case in CASES if case["sentences"][0] not in UNDECIDED], ids=str)
def test_hard_cases(case):
    assert split_sentences(case["joiner"].join(case["sentences"])) == case["sentences"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("   \n ", []),
        (" . ", ["."]),
        ("One. Two.", ["One.", "Two."]),
        ("No end", ["No end"]),
        ("It cost $3.50 in 1999. Why?", ["It cost $3.50 in 1999.", "Why?"]),
        ("Mr. Smith met Dr. Jones. They left.", ["Mr. Smith met Dr. Jones.", "They left."]),
        ("By J. A. Smith.", ["By J. A. Smith."]),
        ("He lived in the U.S. The war ended.", ["He lived in the U.S.", "The war ended."]),
        ("What?! Really... Yes.", ["What?!", "Really...", "Yes."]),
        ("雨が降る。 空は青い。", ["雨が降る。", "空は青い。"]),
        ("He walked . . . and fell . . . . Then he rose.", ["He walked . . . and fell . . . .", "Then he rose."]),
        ("A carol, “Hark! The Herald”. It is old.", ["A carol, “Hark! The Herald”.", "It is old."]),
        ("“你好！”他说。他走了。", ["“你好！”他说。", "他走了。"]),
        ("Yahoo!は会社である。大きい。", ["Yahoo!は会社である。", "大きい。"]),
        (
            "C. E. Webber wrote it. He died at 5:20 p.m. (Los Angeles time).",
            ["C. E. Webber wrote it.", "He died at 5:20 p.m. (Los Angeles time)."],
        ),
        ("World War I. Spearheaded by him.", ["World War I.", "Spearheaded by him."]),
        ("i saw it. then i left. I slept.", ["i saw it.", "then i left.", "I slept."]),
    ],
)
def test_split(text, expected):
    assert split_sentences(text) == expected


def test_what_has_no_marks_is_cut_at_words_and_keeps_them_all():
    text = " ".join(f"word{number}" for number in range(950))
    pieces = split_sentences(text)
    assert " ".join(pieces) == text
    assert [len(piece.split()) for piece in pieces] == [LONGEST] * 9 + [50]


def test_a_cut_is_made_where_a_clause_ends():
    text = "one two " * 30 + "three, " + "four five " * 35
    first, second = split_sentences(text)
    assert first.endswith("two three,") and second.startswith("four five")


def test_text_without_spaces_is_cut_too():
    assert [len(piece) for piece in split_sentences("語" * 450)] == [200, 200, 50]
    assert all(len(piece) <= 60 * LONGEST for piece in split_sentences("x" * 20_000))


def test_every_character_is_in_one_sentence_whatever_the_text():
    signs = list(" .!?…\n\"'()“”「」«»[]1aBIé中はก。।") + ["Mr", "U.S", "\n\n", "word ", "\x00", "\ud800", "x" * 70]
    rng = random.Random(7)
    for _ in range(3000):
        text = "".join(rng.choice(signs) for _ in range(rng.randint(0, 50)))
        after = 0
        for start, end in sentence_spans(text):
            assert after <= start < end and not text[after:start].strip()
            assert text[start:end] == text[start:end].strip() and count_words(text[start:end]) <= LONGEST
            after = end
        assert not text[after:].strip()


@pytest.mark.parametrize(
    "unit", ["Mr. ", "U.S. ", "(a. ", '". ', ". (", ".", "(", '".', "1. ", "x! ", "。」", "\n ", "(A. B) "]
)
def test_time_grows_with_the_length_alone(unit):
    # Each took the former splitter, or a library, more than 20 seconds: one that is quadratic shows by hanging.
    text = unit * (100_000 // len(unit))
    assert "".join(split_sentences(text)).replace(" ", "") == text.replace(" ", "").replace("\n", "")


def test_words_are_counted_in_scripts_without_spaces():
    assert count_words("one two  three") == 3
    assert count_words("歴史は長い。") == 3
    assert count_words("iPhoneは高い。") == 3


@pytest.mark.parametrize(
    ("sentence", "complete"),
    [("A cat.", True), ("A do", False), ("", False), ("Whole!  ", True), ('He said "yes."', True), ("A cat. A", False),
     ("वह आया।", True), ("これは", False)],
)  # fmt: skip
def test_a_sentence_is_complete_with_its_mark(sentence, complete):
    assert is_complete(sentence) == complete


def test_joining_the_sentences_gives_the_text_back():
    text = "Tides rise (twice a day). The Moon, c. 384,000 km away, pulls! Does it? Yes"
    assert " ".join(split_sentences(text)) == text
