import pytest

from data.sentences import is_complete, split_sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("   \n ", []),
        ("One. Two.", ["One.", "Two."]),
        ("No end", ["No end"]),
        ("It cost $3.50 in 1999. Why?", ["It cost $3.50 in 1999.", "Why?"]),
        ("Mr. Smith met Dr. Jones. They left.", ["Mr. Smith met Dr. Jones.", "They left."]),
        ("J. R. R. Tolkien wrote. He slept.", ["J. R. R. Tolkien wrote.", "He slept."]),
        ("They toppled King Charles X. A crowd cheered.", ["They toppled King Charles X.", "A crowd cheered."]),
        ("By J. A. Smith.", ["By J. A. Smith."]),
        ("He lived in the U.S. The war ended.", ["He lived in the U.S.", "The war ended."]),
        ('She said "no." Then she left.', ['She said "no."', "Then she left."]),
        ("Small animals, e.g. mice, run. Cats too!", ["Small animals, e.g. mice, run.", "Cats too!"]),
        ("What?! Really... Yes.", ["What?!", "Really...", "Yes."]),
        ("雨が降る。 空は青い。", ["雨が降る。", "空は青い。"]),
    ],
)
def test_split(text, expected):
    assert split_sentences(text) == expected


def test_joining_the_sentences_gives_the_text_back():
    text = "Tides rise (twice a day). The Moon, c. 384,000 km away, pulls! Does it? Yes"
    assert " ".join(split_sentences(text)) == text


@pytest.mark.parametrize(
    ("sentence", "complete"),
    [("A cat.", True), ("A do", False), ("", False), ("Whole!  ", True), ('He said "yes."', True), ("A cat. A", False)],
)
def test_a_sentence_is_complete_with_its_mark(sentence, complete):
    assert is_complete(sentence) == complete
