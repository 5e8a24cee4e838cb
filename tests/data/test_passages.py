import json

import pytest

from data.passages import (
    Passage,
    SourceError,
    article_url,
    clean_text,
    read_vital_articles,
    split_snippets,
)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (
            "The violoncello ( VY-ə-lən, Italian: [vjolonˈtʃɛllo]), c",
            "The violoncello (VY-ə-lən, Italian: [vjolonˈtʃɛllo]), c",
        ),
        ("African literature  is literature", "African literature is literature"),
        ("a\xa0b\u2009c \nd", "a b c d"),
        ("speed of light  , or c", "speed of light, or c"),
        ("Anime () is", "Anime is"),
        ("The .NET and a .22 rifle", "The .NET and a .22 rifle"),
    ],
)
def test_clean_text(raw, clean):
    assert clean_text(raw) == clean


@pytest.mark.parametrize("words", [1, 7, 50, 100, 1000])
def test_snippets_lose_nothing_and_end_where_sentences_end(words):
    text = " ".join(f"Sentence number {number} has exactly these eight words." for number in range(60))
    snippets = split_snippets(text, words)
    assert " ".join(snippets) == text
    assert all(snippet.endswith(".") for snippet in snippets)
    assert all(len(snippet.split()) <= max(words * 1.5, 8) for snippet in snippets)


def test_snippets_are_of_about_the_length_asked_for():
    text = " ".join(f"Sentence number {number} has exactly these eight words." for number in range(60))
    assert [len(snippet.split()) for snippet in split_snippets(text, 100)] == [96, 96, 96, 96, 96]


def test_snippets_of_nothing_and_of_one_long_sentence():
    assert split_snippets("  ") == []
    long = "word " * 90 + "end."
    assert split_snippets(long, 20) == [long]


def test_snippets_of_a_transcript_without_full_stops_are_no_longer_than_others():
    text = " ".join(f"and then we went to place number {number}" for number in range(560))
    snippets = split_snippets(text, 100)
    assert " ".join(snippets) == text
    assert {len(snippet.split()) for snippet in snippets} <= {80, 100, 200} and len(snippets) >= 44


def test_snippets_of_japanese_end_where_sentences_end_and_get_no_spaces():
    text = "歴史は長い。江戸時代に始まる。" * 120
    snippets = split_snippets(text, 100)
    assert "".join(snippets) == text
    assert all(snippet.endswith("。") and len(snippet) <= 300 for snippet in snippets)


def test_the_length_asked_for_is_checked():
    with pytest.raises(ValueError, match="at least 1"):
        split_snippets("a", 0)


def test_urls_are_percent_encoded():
    assert article_url('Who\'s "x"<script>?') == "https://en.wikipedia.org/wiki/Who%27s_%22x%22%3Cscript%3E%3F"


@pytest.mark.parametrize("content", ["", "[1]", '{"a": {"title": "a"}}', '{"a": 3}', "{"])
def test_a_file_that_is_no_vital_articles_is_refused(tmp_path, content):
    path = tmp_path / "vital.json"
    path.write_text(content)
    with pytest.raises(SourceError, match="python -m data.assets"):
        read_vital_articles(path)


def test_vital_articles_are_read_in_order(tmp_path):
    path = tmp_path / "vital.json"
    path.write_text(
        json.dumps({"B c": {"title": "B c", "extract": "One\xa0two."}, "A": {"title": "A", "extract": "X."}})
    )
    assert read_vital_articles(path) == [
        Passage("0", "B c", "", "One two.", "https://en.wikipedia.org/wiki/B_c"),
        Passage("1", "A", "", "X.", "https://en.wikipedia.org/wiki/A"),
    ]
