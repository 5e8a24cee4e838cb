import numpy as np
import pytest

from core.records import read_texts
from core.sentences import split_sentences
from generator.support.model import view
from generator.support.plain import NAMES, plain_features
from generator.support.reading import CLAIM_POSITION, MOST_TOKENS

PASSAGES = [
    ("Tide", "Tides are the rise and fall of the sea. The Moon and the Sun pull the water."),
    ("Oboe", ""),
    ("Moon", "The Moon is the only natural satellite of Earth. It always shows the same side to Earth."),
]


def as_read(passages):
    return read_texts([text for _, text in passages], [title for title, _ in passages])


def features(model, text, passages=PASSAGES):
    source = model.read(passages)
    (claim,) = model.reader.claims([text])
    return dict(zip(NAMES, plain_features(claim, source, model.reader), strict=True))


def test_a_quoted_sentence_leads_to_its_place(tiny_support):
    (found,) = tiny_support.judge(["The Moon and the Sun pull the water."], as_read(PASSAGES))
    assert (found.passage, found.evidence) == (1, "The Moon and the Sun pull the water.")
    assert found.label == "supported" and found.probability == pytest.approx(1 / (1 + np.exp(-2)))


def test_numbers_of_passages_count_those_not_read(tiny_support):
    (found,) = tiny_support.judge(["The natural satellite of Earth is the Moon."], as_read(PASSAGES))
    assert found.passage == 3


@pytest.mark.parametrize("passages", [[], [("Moon", "")], [("Moon", "   ")]])
def test_without_anything_read_nothing_is_supported(tiny_support, passages):
    found = tiny_support.judge(["The Moon is round.", ""], as_read(passages))
    assert [(f.probability, f.label, f.passage, f.evidence) for f in found] == [(0.0, "not supported", None, "")] * 2


@pytest.mark.parametrize("sentence", ["", " ", "…!", "🙂"])
def test_a_sentence_without_words_has_no_support(tiny_support, sentence):
    (found,) = tiny_support.judge([sentence], as_read(PASSAGES))
    assert (found.probability, found.label) == (0.0, "not supported")


@pytest.mark.parametrize("sentence", ["Луна вращается вокруг Земли.", "月は地球の衛星です。", "word " * 3000])
def test_any_script_and_length_is_judged(tiny_support, sentence):
    (found,) = tiny_support.judge([sentence], as_read(PASSAGES))
    assert 0 <= found.probability <= 1


def test_no_sentences_no_judgements(tiny_support):
    assert tiny_support.judge([], as_read(PASSAGES)) == []


def test_a_passage_of_two_thousand_words_is_read_to_its_end(tiny_support):
    text = " ".join(f"Sentence {number} tells of the sea and of its water." for number in range(200))
    source = tiny_support.read([("Sea", text)])
    assert [sentence.text for sentence in source.sentences] == split_sentences(text)
    (found,) = tiny_support.judge(["Sentence 199 tells of the sea and of its water."], as_read([("Sea", text)]))
    assert found.evidence == "Sentence 199 tells of the sea and of its water."


def test_a_sentence_longer_than_the_encoder_holds_is_cut(tiny_support):
    source = tiny_support.read([("Sea", ("water" * 10 + " ") * 60 + ".")])
    assert len(source.sentences) == 1 and len(source.sentences[0].states) < CLAIM_POSITION


def test_what_is_shown_fits(tiny_support):
    text = " ".join(f"Sentence {number} tells of the sea and of its water." for number in range(60))
    source = tiny_support.read([("Sea", text)])
    (claim,) = tiny_support.reader.claims(["The sea tells of water."])
    seen = view(claim, source, tiny_support.reader.nearest(claim, source), tiny_support.reader.rarity)
    assert 0 < len(seen.states) <= MOST_TOKENS


def test_states_are_those_of_the_encoder(tiny_support):
    """A sentence's states and vector are the rows of its tokens when title and passage are read as one text."""
    import torch

    reader = tiny_support.reader
    source = reader.passages(PASSAGES[:1])
    tokens = reader.tokenizer("Tide : " + PASSAGES[0][1], return_tensors="pt")
    with torch.inference_mode():
        layers = reader.encoder(**tokens, output_hidden_states=True).hidden_states
    head = len(source.heads[1])
    first, second = source.sentences
    end = head + len(first.states) + len(second.states)
    assert tokens["input_ids"].shape[1] == end + 1
    np.testing.assert_allclose(first.states[:, 0], layers[2][0, head : head + len(first.states)], atol=2e-3)
    mean = layers[-1][0, head + len(first.states) : end].mean(0).numpy()
    np.testing.assert_allclose(second.vector, mean / np.linalg.norm(mean), atol=2e-3)


def test_features_counted_by_hand(tiny_support):
    found = features(tiny_support, "The Moon pulls 12 ships of Greece.")
    assert (found["numbers missing"], found["names missing"], found["words missing"]) == (1, 1, 3)
    assert found["titles named"] == 1 and found["longest copy"] == 2 and found["quoted"] == 0
    assert features(tiny_support, PASSAGES[2][1].split(". ")[0] + ".")["quoted"] == 1


def test_a_word_that_stands_there_as_its_opposite(tiny_support):
    assert features(tiny_support, "Tides are the fall of the sea.")["opposites"] == 0
    assert features(tiny_support, "It shows a different side to Earth.")["opposites"] == 1


def test_one_reading_serves_several_answers(tiny_support):
    assert tiny_support.read(PASSAGES) is tiny_support.read(list(PASSAGES))
    assert tiny_support.read(PASSAGES) is not tiny_support.read(PASSAGES[:1])
