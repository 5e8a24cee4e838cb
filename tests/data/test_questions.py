"""The question set: its splits, other files of the same form, and what is wrong with broken ones."""

import json

import pytest

from data.passages import Passage
from data.questions import FOLDER, QuestionSetError, find_sentence, load_claims, load_questions, missing_titles


def test_close_answers_belong_to_the_training_questions():
    train, close = load_questions("train"), load_questions("close")
    assert len(train) == 2718
    assert [item.id for item in train] == [item.id for item in close]
    assert [item.question for item in train] == [item.question for item in close]
    assert not {item.question for item in train} & {item.question for item in load_questions("dev")}


def test_datasets_reads_the_same_records(tmp_path):
    from datasets import load_dataset

    files = {"train": str(FOLDER / "train.jsonl"), "validation": str(FOLDER / "dev.jsonl")}
    loaded = load_dataset("json", data_files=files, cache_dir=str(tmp_path))
    own = load_questions("dev")
    assert loaded["validation"]["question"][:] == [item.question for item in own]
    assert [tuple(titles) for titles in loaded["validation"]["titles"]] == [item.titles for item in own]


def test_claims_are_half_supported():
    claims = load_claims("train")
    assert len(claims) == 5116
    assert all(claim.supported == (claim.kind in ("close", "combined")) for claim in claims)
    assert all(set(claim.near) <= set(claim.read) for claim in claims)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"question": 5, "answer": "So."}', "line 2: .question. is 5; expected"),
        ('{"question": "Why?", "answer": "So.", "titles": [5]}', "line 2: .titles. is"),
        ('{"question": "Why?", "answer": "So.", "answerable": "no"}', "line 2: .answerable. is 'no'"),
        ("{broken", "line 2: not JSON"),
        ('{"question": "Why?"}', "line 2: answer missing"),
        ("[]", "line 2: question"),
    ],
)
def test_a_broken_line_is_named(tmp_path, line, said):
    path = tmp_path / "questions.jsonl"
    path.write_text(json.dumps({"question": "Why?", "answer": "So."}) + "\n" + line + "\n")
    with pytest.raises(QuestionSetError, match=said):
        load_questions(path)


def test_a_missing_and_an_empty_file_are_named(tmp_path):
    with pytest.raises(QuestionSetError, match=r"there is no file .*nowhere\.jsonl"):
        load_questions(tmp_path / "nowhere.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(QuestionSetError, match="is empty"):
        load_claims(tmp_path / "empty.jsonl")


@pytest.mark.assets
def test_the_corpus_has_every_title():
    from data.assets import asset_path
    from data.passages import read_vital_articles
    from data.questions import passages_by_title

    titles = passages_by_title(read_vital_articles(asset_path("vital-articles")))
    assert missing_titles([*load_questions("train"), *load_questions("dev")], titles) == []
    assert all(title in titles for claim in load_claims("train") for title in claim.read)


LEVER = [
    Passage("0.0", "Lever", "", "A lever is a beam. It turns on a pivot.", ""),
    Passage(
        "0.1", "Lever", "Kinds", "A lever is a rigid body. Spacewar! was developed at MIT. It turns on a hinge.", ""
    ),
]


@pytest.mark.parametrize(
    ("begins", "section", "like", "passage", "sentence"),
    [
        ("A lever is a", "", "", "0.0", "A lever is a beam."),
        ("A lever is a", "Kinds", "", "0.1", "A lever is a rigid body."),
        ("A lever is a", "Gone", "Levers are rigid: a rigid body", "0.1", "A lever is a rigid body."),
        ("It turns on", "Gone", "", "0.0", "It turns on a pivot."),
        ("was developed  at", "Kinds", "", "0.1", "Spacewar! was developed at MIT."),
    ],
)
def test_evidence_is_found_by_its_first_words_whatever_the_splits(begins, section, like, passage, sentence):
    found = find_sentence(LEVER, begins, section, like)
    assert found is not None and (found[0].id, found[1]) == (passage, sentence)


@pytest.mark.parametrize("begins", ["Levers", "", "ever is a"])
def test_evidence_that_is_not_there_is_not_found(begins):
    assert find_sentence(LEVER, begins) is None


def test_real_and_deep_questions_have_verdicts_and_evidence():
    real, deep = load_questions("real_train"), load_questions("deep_dev")
    assert (len(real), len(deep)) == (900, 55)
    assert all(question.answerable == (question.holds != "no") for question in [*real, *deep])
    assert all(len(question.read) == 4 for question in real)
    places = [place for question in deep for sentence in question.sentences for place in sentence.evidence]
    assert len(places) == 205 and all(place.title and place.begins for place in places)
    assert {place.section for place in places} != {""}
    assert all(any(s.evidence for s in question.sentences) for question in real if question.holds == "full")
    assert not {question.question for question in real} & {question.question for question in load_questions("real_dev")}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"holds": "maybe"}, "'maybe'; allowed: full, part, no"),
        ({"holds": "no", "sentences": ["So."]}, "evidence of the question “Why"),
        ({"holds": "no", "read": [{"name": "Tide"}]}, "evidence of the question “Why"),
    ],
)
def test_a_wrong_verdict_or_evidence_is_named(tmp_path, line, said):
    path = tmp_path / "questions.jsonl"
    path.write_text(json.dumps({"question": "Why?", "answer": "So."} | line) + "\n")
    with pytest.raises(QuestionSetError, match=said):
        load_questions(path)
