import threading

import numpy as np
import pytest

from generator.attribution import NearestSentence
from generator.base import GenerationSettings, ReadPassage, Step
from generator.candidates import keep_best, more_answers
from generator.extractive import ExtractiveGenerator

PASSAGES = [
    (
        "Tide",
        "The Moon and the Sun pull the water of the sea, so that it rises and falls twice in each day of the year.",
    ),
    ("Oboe", "The oboe is a woodwind instrument with a double reed."),
]
QUOTED, MADE_UP = PASSAGES[0][1] + " " + PASSAGES[1][1], "Zzz zzzz zz zzz."


def embed(texts):
    """Bags of letters: equal letters, equal vectors."""
    counts = np.array(
        [[text.lower().count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts], float
    )
    return (counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)).astype(np.float32)


def keep(*answers, unsupported="mark", passages=PASSAGES):
    return keep_best("Why does the sea rise?", answers, passages, NearestSentence(embed), embed, embed, unsupported)


class EchoingGenerator:
    """Writes the settings that it was given, as other seq2seq models write text."""

    name = "echo"

    def stream(self, question, passages, settings, stop=None):
        yield Step("writing", "…")
        yield Step("done", f"{question} {passages[0].text} {settings.decoding} {settings.seed}")


def test_the_supported_answer_is_kept():
    kept = keep(MADE_UP, QUOTED)
    assert (kept.text, kept.taken, kept.dropped, kept.lacking) == (QUOTED, 2, 0, False)
    assert [sentence.passage for sentence in kept.sentences] == [1, 2]


@pytest.mark.parametrize("unsupported", ["mark", "drop"])
def test_where_nothing_supports_the_answer_it_says_what_is_lacking(unsupported):
    kept = keep(MADE_UP, unsupported=unsupported)
    assert kept.lacking and kept.text.startswith("The passages do not answer this question.")
    assert "Tide and Oboe" in kept.text and kept.text.endswith(PASSAGES[0][1])
    assert kept.sentences[-1].label == "supported"


def test_keep_leaves_every_answer_as_it_is():
    kept = keep(MADE_UP, unsupported="keep")
    assert (kept.text, kept.lacking) == (MADE_UP, False)


def test_drop_leaves_sentences_out_and_mark_does_not():
    answer = f"{PASSAGES[0][1]} {MADE_UP} {PASSAGES[1][1]}"
    assert keep(answer).text == answer
    dropped = keep(answer, unsupported="drop")
    assert (dropped.text, dropped.dropped) == (QUOTED, 1)
    assert [sentence.label for sentence in dropped.sentences] == ["supported"] * 2


@pytest.mark.parametrize("passages", [[], [("Tide", "")]])
def test_without_passages_the_answer_stays(passages):
    assert keep(MADE_UP, passages=passages).text == MADE_UP
    assert keep("", passages=passages).sentences == ()


def test_an_answer_that_says_itself_what_is_lacking_stays():
    text = "The passages don't say zzz zz."
    assert keep(text, unsupported="drop").text == text


def test_further_answers_are_sampled_with_seeds_of_their_own(corpus):
    read = [ReadPassage(corpus[0], "read", corpus[0].text)]
    texts = more_answers(EchoingGenerator(), "Why?", read, GenerationSettings(seed=5), 2, threading.Event())
    assert texts == [f"Why? {corpus[0].text} sampling {seed}" for seed in (6, 7)]


def test_extraction_has_one_answer_and_a_stopped_run_none_more(corpus, tiny_retriever):
    read = [ReadPassage(corpus[0], "read", corpus[0].text)]
    extractive = ExtractiveGenerator(tiny_retriever.embed_questions, tiny_retriever.embed_texts)
    assert more_answers(extractive, "Why?", read, GenerationSettings(), 3, threading.Event()) == []
    stopped = threading.Event()
    stopped.set()
    assert more_answers(EchoingGenerator(), "Why?", read, GenerationSettings(), 3, stopped) == []
