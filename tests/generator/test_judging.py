import numpy as np
import pytest

from core.records import read_texts
from generator.judging import NearestSentence, trace


def embed(texts):
    """Bags of letters: equal letters, equal vectors."""
    counts = np.array(
        [[text.lower().count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts], float
    )
    return (counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)).astype(np.float32)


PASSAGES = read_texts(["Zazaz zazaz. Bees make honey.", "", "The moon pulls the sea. Aaa."], ["Bee", "Moon", "Tide"])


def test_a_quoted_sentence_leads_to_its_place_with_full_support():
    (sentence,) = trace("The moon pulls the sea.", PASSAGES, NearestSentence(embed))
    assert (sentence.passage, sentence.evidence, sentence.support) == (3, "The moon pulls the sea.", 1.0)
    assert sentence.label == "supported"


def test_support_is_the_cosine_with_the_nearest_sentence():
    (sentence,) = trace("Honey bees make.", PASSAGES, NearestSentence(embed))
    assert sentence.passage == 1 and sentence.support == pytest.approx(1.0)
    (sentence,) = trace("Bees make money.", PASSAGES, NearestSentence(embed))
    expected = float(embed(["Bees make money."])[0] @ embed(["Bees make honey."])[0])
    assert sentence.support == pytest.approx(expected, abs=1e-6) and sentence.evidence == "Bees make honey."


def test_what_nothing_supports_has_no_passage():
    (sentence,) = trace("Xxx.", PASSAGES, NearestSentence(embed))
    assert (sentence.label, sentence.passage, sentence.evidence) == ("not supported", None, "")


@pytest.mark.parametrize("passages", [[], read_texts(["", ""], ["Bee", "Moon"])])
def test_without_passages_nothing_is_supported(passages):
    found = trace("One. Two.", passages, NearestSentence(embed))
    assert [sentence.label for sentence in found] == ["not supported"] * 2


def test_an_empty_answer_has_no_sentences():
    assert trace("", PASSAGES, NearestSentence(embed)) == ()
