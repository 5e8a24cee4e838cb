import threading

import numpy as np
import pytest

from core.records import Found, Retrieved, Sentence, as_text, read_texts
from core.settings import Settings
from generator.candidates import keep_best, more_answers
from generator.extractive import ExtractiveGenerator
from generator.finishing import as_written
from generator.judging import NearestSentence

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
    retrieved = Retrieved(
        "Why does the sea rise?", tuple(read_texts([text for _, text in passages], [t for t, _ in passages]))
    )
    return keep_best(
        retrieved, [as_written(text) for text in answers], NearestSentence(embed), embed, embed, unsupported
    )


class EchoingGenerator:
    """Writes the settings that it was given."""

    name = "echo"

    def several(self, retrieved, settings, stop=None):
        return [(Sentence(f"{each.decoding} {each.seed} {each.temperature}"),) for each in settings]


def test_the_supported_answer_is_kept():
    kept = keep(MADE_UP, QUOTED)
    assert (as_text(kept.sentences), kept.taken, kept.dropped, kept.lacking) == (QUOTED, 2, 0, False)
    assert [sentence.passage for sentence in kept.sentences] == [1, 2]


@pytest.mark.parametrize("unsupported", ["mark", "drop"])
def test_where_nothing_supports_the_answer_it_says_what_is_lacking(unsupported):
    kept = keep(MADE_UP, unsupported=unsupported)
    assert kept.lacking and as_text(kept.sentences).startswith("The passages do not answer this question.")
    assert "Tide and Oboe" in as_text(kept.sentences) and as_text(kept.sentences).endswith(PASSAGES[0][1])
    assert kept.sentences[-1].label == "supported"


def test_keep_leaves_every_answer_as_it_is():
    kept = keep(MADE_UP, unsupported="keep")
    assert (as_text(kept.sentences), kept.lacking) == (MADE_UP, False)


def test_drop_leaves_sentences_out_and_mark_does_not():
    answer = f"{PASSAGES[0][1]} {MADE_UP} {PASSAGES[1][1]}"
    assert as_text(keep(answer).sentences) == answer
    dropped = keep(answer, unsupported="drop")
    assert (as_text(dropped.sentences), dropped.dropped) == (QUOTED, 1)
    assert [sentence.label for sentence in dropped.sentences] == ["supported"] * 2


@pytest.mark.parametrize("passages", [[], [("Tide", "")]])
def test_without_passages_the_answer_stays(passages):
    assert as_text(keep(MADE_UP, passages=passages).sentences) == MADE_UP
    assert keep("", passages=passages).sentences == ()


def test_an_answer_that_says_itself_what_is_lacking_stays():
    text = "The passages don't say zzz zz."
    assert as_text(keep(text, unsupported="drop").sentences) == text


def test_further_answers_are_sampled_with_seeds_of_their_own(corpus):
    settings = Settings(seed=5, candidates=3, temperature=0.4)
    answers = more_answers(EchoingGenerator(), Retrieved("Why?"), settings, threading.Event())
    assert [as_text(answer) for answer in answers] == ["sampling 6 0.4", "sampling 7 0.4"]


def test_extraction_has_one_answer_and_a_stopped_run_none_more(corpus, tiny_retriever):
    extractive = ExtractiveGenerator(tiny_retriever.embed_questions, tiny_retriever.embed_texts)
    retrieved = extractive.read(Retrieved("Why?", (Found(1, corpus[0]),)))
    assert more_answers(extractive, retrieved, Settings(candidates=4), threading.Event()) == []
    assert more_answers(EchoingGenerator(), retrieved, Settings(), threading.Event()) == []
    stopped = threading.Event()
    stopped.set()
    assert more_answers(EchoingGenerator(), retrieved, Settings(candidates=4), stopped) == []
