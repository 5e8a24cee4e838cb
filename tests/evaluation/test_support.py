import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from core.records import Judgement, Passage, read_texts
from data.questions import Claim, load_sentence_claims
from evaluation import support
from evaluation.errors import EvaluationError
from evaluation.support import (
    answers_report,
    claims_report,
    main,
    read_sentences,
    text,
)

PASSAGES = {
    "Tide": Passage("0", "Tide", "", "The Moon and the Sun pull the sea.", ""),
    "Oboe": Passage("1", "Oboe", "", "The oboe has a double reed.", ""),
}


class Overlap:
    """A judge that counts words: the share of a sentence's words that the passages hold."""

    def judge(self, sentences, found):
        held = {word for part in found for word in part.text.lower().strip(".").split()}
        judgements = []
        for sentence in sentences:
            words = sentence.lower().strip(".").split()
            share = sum(word in held for word in words) / len(words)
            label = "supported" if share > 0.8 else "partly" if share > 0.4 else "not supported"
            judgements.append(Judgement(share, label, 1 if held else None, ""))
        return judgements


CLAIMS = [
    Claim("a", "The Moon and the Sun pull the sea.", ("Tide", "Oboe"), (), True, "close"),
    Claim("a", "The oboe has one reed.", ("Tide", "Oboe"), (), False, "contradicted"),
    Claim("b", "The Moon has a reed.", ("Tide", "Oboe"), (), False, "mixed"),
    Claim("b", "Bees hum.", ("Tide",), (), False, "plausible"),
    Claim("c", "The oboe moves the Moon.", ("Oboe",), (), True, "combined"),
]


SENTENCES = [
    {
        "claim": "The Moon pulls.",
        "from": [{"title": "Tide", "begins": "The Moon and"}],
        "supported": True,
        "kind": "retold",
    },
    {"claim": "Reeds pull.", "from": [{"title": "Oboe", "begins": "The oboe"}], "supported": False, "kind": "swapped"},
    {"claim": "Lost.", "from": [{"title": "Tide", "begins": "Nowhere"}], "supported": False, "kind": "filled"},
]


def test_sentences_are_judged_by_their_evidence_alone(tmp_path, capsys):
    path = tmp_path / "sentences.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in SENTENCES))
    claims, pieces = support._beside_evidence(load_sentence_claims(path), list(PASSAGES.values()))
    assert [(claim.claim, claim.read) for claim in claims] == [
        ("The Moon pulls.", ("Tide: The Moon and the Sun pull the sea.",)),
        ("Reeds pull.", ("Oboe: The oboe has a double reed.",)),
    ]
    assert "1 of 3 are left out" in capsys.readouterr().err
    report = claims_report(claims, pieces, Overlap())
    assert report["auc"] == 1 and set(report["by_kind"]) == {"retold", "swapped"}
    with pytest.raises(EvaluationError, match="name their index with --index"):
        support._beside_evidence(load_sentence_claims(path), [])


def test_the_figures_of_claims_against_scikit_learn():
    report = claims_report(CLAIMS, PASSAGES, Overlap())
    chances = [
        Overlap().judge([c.claim], read_texts([PASSAGES[t].text for t in c.read]))[0].probability for c in CLAIMS
    ]
    truth = [claim.supported for claim in CLAIMS]
    assert report["auc"] == pytest.approx(roc_auc_score(truth, chances), abs=1e-4)
    assert report["accuracy"] == np.mean((np.array(chances) >= 0.5) == truth).round(4)
    assert report["claims"] == 5 and set(report["by_kind"]) == {c.kind for c in CLAIMS}
    # The mixed one against the two supported ones.
    mixed = roc_auc_score([True, False, True], [chances[0], chances[2], chances[4]])
    assert report["by_kind"]["mixed"]["auc"] == pytest.approx(mixed, abs=1e-4)
    assert "5 claims" in text(report)


def test_claims_of_one_verdict_have_no_auc():
    report = claims_report(CLAIMS[:1], PASSAGES, Overlap())
    assert report["auc"] is None and json.loads(json.dumps(report))["by_kind"]["close"]["auc"] is None


def test_a_passage_that_is_not_there_is_named():
    with pytest.raises(EvaluationError, match="“Tide”"):
        claims_report(CLAIMS, {"Oboe": PASSAGES["Oboe"]}, Overlap())


def test_answers_beside_their_own_random_and_no_passages():
    rows = [(["The Moon and the Sun pull the sea.", "Bees hum."], [("Tide", PASSAGES["Tide"].text)])]
    report = answers_report(rows, [PASSAGES["Oboe"]], Overlap())
    assert report["retrieved"] == {"supported": 0.5, "partly": 0.0, "not supported": 0.5, "mean": 0.5}
    assert report["random"]["supported"] == 0 and report["none"]["mean"] == 0
    assert (report["sentences"], report["answers"]) == (2, 1)
    assert "2 sentences" in text({"answers.jsonl": report})


def test_a_file_of_answers(tmp_path):
    path = tmp_path / "answers.jsonl"
    passages = [
        {"title": "Tide", "text": "The whole text.", "read": True, "read_text": "The whole"},
        {"title": "Oboe", "text": "It.", "read": False},
    ]
    path.write_text(json.dumps({"question": "Why?", "answer": "So. And so.", "passages": passages}) + "\n")
    assert read_sentences(path) == [(["So.", "And so."], [("Tide", "The whole")])]


def test_a_question_that_could_not_be_asked_has_no_sentences(tmp_path):
    path = tmp_path / "answers.jsonl"
    path.write_text(json.dumps({"question": "?", "answer": "", "answerable": False, "error": "no words"}) + "\n")
    assert read_sentences(path) == [([], [])]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file"),
        ("", "holds no answers"),
        ('{"answer": 1}\n', 'line 1: no "passages"; expected'),
        ('{"answer": "So.", "passages": [{"title": "Tide"}]}\n', "line 1: not an answer as qa.py writes it.*'text'"),
        ("nonsense\n", "line 1: not JSON"),
    ],
)
def test_broken_files_of_answers(tmp_path, content, message):
    path = tmp_path / "answers.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(EvaluationError, match=message):
        read_sentences(path)


def test_a_missing_file_is_a_message(capsys):
    assert main(["--claims", "nowhere.jsonl"]) == 1
    assert "there is no file nowhere.jsonl" in capsys.readouterr().err


@pytest.mark.assets
def test_hard_claims_of_the_development_set(tmp_path, capsys):
    """A twentieth of the development claims is enough to see that the model tells them apart."""
    from data.questions import load_claims

    rows = [claim for claim in load_claims("dev") if int(claim.id[-3:]) % 20 == 0]
    path = tmp_path / "claims.jsonl"
    path.write_text(
        "".join(
            json.dumps({"id": c.id, "claim": c.claim, "read": c.read, "supported": c.supported, "kind": c.kind}) + "\n"
            for c in rows
        )
    )
    assert main(["--claims", str(path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["claims"] == len(rows) >= 24 and report["auc"] > 0.65
