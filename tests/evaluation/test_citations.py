"""ALCE's figures, nuggets, declining and the control, beside values computed by hand."""

import json

import numpy as np
import pytest

from core.settings import Settings
from data.questions import Nugget, Question
from evaluation.answer_files import read_cited
from evaluation.answer_metrics import CitedSentence, Item
from evaluation.citations import citation_figures, nugget_figures
from evaluation.declining import Swapped, control, declining_figures
from evaluation.errors import EvaluationError
from evaluation.question_overlap import main, nearest, overlap_figures

PASSAGES = (("A", "one two"), ("B", "two three"), ("C", "four"))


def holds(sentence, passages):
    """A judge that supports a sentence when the passages have all its words."""
    return set(sentence.split()) <= {word for _, text in passages for word in text.split()}


def item(*sentences, answerable=True, held=True, confidence=None, nuggets=(), answer=""):
    parts = tuple(CitedSentence(text, cited, lacking) for text, cited, lacking in sentences)
    return Item("q", "Why?", answer, answerable, PASSAGES, "", held, None, confidence, parts, nuggets)


@pytest.mark.parametrize(
    ("sentences", "recall", "precision"),
    [
        ([("one", (1,), False)], 1, 1),
        ([("one", (3,), False)], 0, 0),  # a wrong passage
        ([("one", (), False)], 0, 0),  # none
        ([("one", (1, 3), False)], 1, 0.5),  # the second is irrelevant: it does not hold it, the first does without it
        ([("one three", (1, 2), False)], 1, 1),  # neither holds it alone, both are needed
        ([("two", (1, 2), False)], 1, 1),  # each holds it alone
        ([("one", (1,), False), ("four", (1,), False)], 0.5, 0.5),
        ([("one three", (1, 2, 3), False), ("four", (), False)], 0.5, 2 / 3),
        ([("one", (1,), False), ("They don't say.", (), True)], 1, 1),  # what is lacking needs no citation
    ],
)
def test_citations_of_one_answer(sentences, recall, precision):
    found = citation_figures([item(*sentences)], holds)
    assert (found["recall"], found["precision"]) == (recall, pytest.approx(precision, abs=1e-4))


def test_citations_are_means_over_answers_not_sentences():
    one, two = item(("one", (1,), False)), item(*[("one", (3,), False)] * 3)
    found = citation_figures([one, two, item(("They don't say.", (), True))], holds)
    assert found == {"recall": 0.5, "precision": 0.5, "answers": 2, "sentences": 4, "citations": 4}
    assert citation_figures([], holds)["recall"] is None


def test_citations_are_read_from_sentences_or_from_brackets():
    row = {
        "answer": "",
        "sentences": [{"text": "So.", "passage": 4}, {"text": "No.", "passage": None, "kind": "lacking"}],
    }
    assert read_cited(row, [2, 4], "here") == (CitedSentence("So.", (2,)), CitedSentence("No.", (), True))
    theirs = read_cited({"answer": "It is so [1][3]. And so it was [9]."}, [1, 2, 3], "here")
    assert theirs == (CitedSentence("It is so.", (1, 3)), CitedSentence("And so it was."))
    with pytest.raises(EvaluationError, match="here: not an answer"):
        read_cited({"sentences": [3]}, [], "here")


def test_nuggets_by_hand():
    nuggets = (Nugget("one"), Nugget("five"), Nugget("two", vital=False))
    found = nugget_figures([item(nuggets=nuggets, answer="one two three"), item(nuggets=nuggets)], holds)
    assert found == {"vital": 0.25, "all": round((2 / 3 + 0) / 2, 4), "questions": 2}
    assert nugget_figures([item()], holds) is None


def test_declining_by_hand():
    rows = [(0.9, True, True), (0.8, True, True), (0.7, True, False), (0.2, False, True), (0.1, False, False)]
    items = [item(confidence=sure, answerable=answered, held=held) for sure, answered, held in rows]
    found = declining_figures(items)
    assert found["answered"] == 0.6 and found["right_answering"] == round(2 / 3, 4) and found["right_declining"] == 0.5
    assert found["curve"] == [[0.2, 1.0], [0.4, 1.0], [0.6, 0.6667], [0.8, 0.75], [1.0, 0.6]]
    assert declining_figures([item()])["curve"] is None and declining_figures([item()])["right_declining"] is None


def test_the_control_gives_each_question_the_passages_of_another(tiny_retriever, tmp_path):
    questions = [
        Question(str(n), f"What is {name}?", "") for n, name in enumerate(("honey", "chess", "a tide", "bread"))
    ]
    settings, output = Settings(generator="extractive", passages=1, retrieval="sparse"), tmp_path / "control.jsonl"
    found = control(Swapped(tiny_retriever), questions, settings, output)
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [row["passages_of"] for row in rows] == [
        "What is a tide?",
        "What is bread?",
        "What is honey?",
        "What is chess?",
    ]
    assert [row["passages"][0]["title"] for row in rows] == ["Tide", "Bread", "Honey", "Chess"]
    assert [row["question"] for row in rows] == [question.question for question in questions]
    assert found == {"declined": sum(not row["answerable"] for row in rows) / 4, "questions": 4}
    content = output.read_bytes()
    output.write_bytes(b"".join(content.splitlines(keepends=True)[:2]))  # a run that ended early
    control(Swapped(tiny_retriever), questions, settings, output)
    again = [json.loads(line) for line in output.read_text().splitlines()]
    assert [row["answer"] for row in again] == [row["answer"] for row in rows]
    with pytest.raises(EvaluationError, match="two questions or more"):
        control(Swapped(tiny_retriever), questions[:1], settings, tmp_path / "one.jsonl")


def test_overlap_by_hand():
    vectors = {"why is honey sweet": (1, 0), "who plays chess well": (0, 1), "Why is honey so sweet?": (0.6, 0.8)}
    vectors |= {"Who plays chess well?": (0, 1)}
    train, test = list(vectors)[:2], list(vectors)[2:]
    found = nearest(train, test, lambda questions: np.array([vectors[each] for each in questions], np.float32))
    assert [(one.by_vector, round(one.cosine, 3)) for one in found] == [(train[1], 0.8), (train[1], 1.0)]
    assert [(one.by_words, round(one.shared, 4)) for one in found] == [(train[0], 0.3333), (train[1], 1.0)]
    figures = overlap_figures(found)
    assert figures["same"] == 1 and figures["cosine"]["mean"] == 0.9 and figures["cosine"]["from 0.9"] == 0.5
    assert figures["trigrams"] == {"mean": 0.6667, "from 0.5": 0.5}


@pytest.mark.assets
def test_overlap_of_our_own_sets(capsys):
    assert main(["--train", "own_questions", "--test", "own_questions", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["same"] == figures["questions"] and figures["cosine"]["mean"] == pytest.approx(1, abs=1e-3)
