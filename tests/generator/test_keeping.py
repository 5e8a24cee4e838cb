import numpy as np
import pytest

from core.records import Retrieved, Sentence, as_text, read_texts
from generator.finishing import as_written
from generator.judging import NearestSentence
from generator.keeping import keep, without_unsupported

PASSAGES = [
    "The Moon and the Sun pull the water of the sea, so that it rises and falls twice in each day of the year.",
    "The oboe is a woodwind instrument with a double reed.",
]
QUOTED, MADE_UP = " ".join(PASSAGES), "Zzz zzzz zz zzz."
LONG = "This answer goes on for quite a few words so that enough of them remain when another one is taken away at last."


def embed(texts):
    """Bags of letters: equal letters, equal vectors."""
    counts = np.array(
        [[text.lower().count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts], float
    )
    return (counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)).astype(np.float32)


def kept(answer, unsupported="mark", passages=PASSAGES):
    question = "Why does the sea rise?"
    found = tuple(read_texts(passages, ["Tide", "Oboe"][: len(passages)]))
    retrieved = Retrieved(question, found, embed([question])[0])
    return keep(retrieved, as_written(answer), NearestSentence(embed), unsupported)


def sentence(text, support):
    label = "supported" if support >= 0.7 else "partly" if support >= 0.3 else "not supported"
    return Sentence(text, "written", (), support, label, 1 if support >= 0.3 else None, "")


def test_a_supported_answer_stays_with_its_evidence():
    answer = kept(QUOTED)
    assert (as_text(answer.sentences), answer.dropped, answer.replaced) == (QUOTED, 0, False)
    assert [sentence.passage for sentence in answer.sentences] == [1, 2]


@pytest.mark.parametrize("unsupported", ["mark", "drop"])
def test_where_nothing_supports_the_answer_it_says_what_is_lacking(unsupported):
    answer = kept(MADE_UP, unsupported)
    assert answer.replaced
    assert as_text(answer.sentences) == "The passages don't answer the question “Why does the sea rise?”"
    assert [sentence.kind for sentence in answer.sentences] == ["lacking"]


def test_keep_leaves_every_answer_as_it_is():
    answer = kept(MADE_UP, "keep")
    assert (as_text(answer.sentences), answer.replaced) == (MADE_UP, False)


def test_drop_leaves_sentences_out_and_mark_does_not():
    text = f"{PASSAGES[0]} {MADE_UP} {PASSAGES[1]}"
    assert as_text(kept(text).sentences) == text
    answer = kept(text, "drop")
    assert (as_text(answer.sentences), answer.dropped) == (QUOTED, 1)


@pytest.mark.parametrize("passages", [[], [""]])
def test_without_passages_the_answer_stays(passages):
    assert as_text(kept(MADE_UP, passages=passages).sentences) == MADE_UP
    assert kept("", passages=passages).sentences == ()


def test_an_answer_that_says_itself_what_is_lacking_stays():
    text = "The passages don't say zzz zz."
    assert as_text(kept(text, "drop").sentences) == text


def test_sentences_without_support_go_when_enough_remains():
    first, second, third = sentence(LONG, 0.9), sentence("Made up.", 0.1), sentence("Some words remain here too.", 0.5)
    assert without_unsupported((first, second, third)) == (first, third)
    short = (sentence("Too little.", 0.9), second)
    assert without_unsupported(short) == short
    assert without_unsupported(()) == ()


def test_what_leans_on_a_sentence_that_goes_goes_too():
    bad, leaning, own = sentence("Made up.", 0.1), sentence("It is so.", 0.9), sentence("Bees fly.", 0.9)
    long = sentence(LONG, 0.9)
    assert without_unsupported((long, bad, leaning, leaning, own)) == (long, own)
    assert without_unsupported((long, leaning, own)) == (long, leaning, own)
