"""Figures of selection against scikit-learn's, evidence found by its first words, and the report's counts."""

import json

import numpy as np
import pytest
from sklearn import metrics

from core.records import Found, Passage, Retrieved, SelectedSentence, Selection
from data.questions import AnswerSentence, Place, Question
from evaluation import selection, selection_metrics


@pytest.fixture
def drawn():
    random = np.random.default_rng(3)
    return np.round(random.random(200), 2), random.random(200) < 0.4  # rounded, so that some are equal


def test_areas_and_precisions_are_those_of_scikit_learn(drawn):
    chances, truth = drawn
    assert selection_metrics.roc_auc(chances, truth) == pytest.approx(metrics.roc_auc_score(truth, chances))
    assert selection_metrics.average_precision(chances, truth) == pytest.approx(
        metrics.average_precision_score(truth, chances)
    )
    said = chances >= 0.3
    assert selection_metrics.f1(chances, truth, 0.3) == pytest.approx(metrics.f1_score(truth, said))
    assert selection_metrics.precision(chances, truth, 0.3) == pytest.approx(metrics.precision_score(truth, said))
    assert selection_metrics.recall(chances, truth, 0.3) == pytest.approx(metrics.recall_score(truth, said))


def test_precision_and_recall_at_each_chance(drawn):
    chances, truth = drawn
    kept, found, _ = metrics.precision_recall_curve(truth, chances)
    assert selection_metrics.coverage(chances, truth, 0.45) == pytest.approx(found[:-1][kept[:-1] >= 0.45].max())
    assert selection_metrics.best_precision(chances, truth, 0.6) == pytest.approx(kept[:-1][found[:-1] >= 0.6].max())


def test_calibration_of_chances_that_are_right_and_wrong():
    truth = np.array([True, False] * 50)
    assert selection_metrics.calibration_error(np.full(100, 0.5), truth) == pytest.approx(0)
    assert selection_metrics.calibration_error(np.full(100, 0.9), truth) == pytest.approx(0.4)


def test_an_interval_holds_the_figure_and_a_missing_one_has_none(drawn):
    chances, truth = drawn
    figure = selection_metrics.holding_figures(chances.tolist(), truth.tolist(), 0.5)["roc_auc"]
    low, high = figure["interval"]
    assert low < figure["value"] < high and high - low < 0.25
    assert selection_metrics.holding_figures([0.2, 0.4], [True, True])["roc_auc"] == {"value": None, "interval": None}


def _case(holds, *sentences):
    text = "The Moon pulls the sea. It is round."
    found = Found(1, Passage("1", "Moon", "Orbit", text, ""), 0.7)
    return selection.make_case(Question("1", "why", "", holds=holds, sentences=sentences), Retrieved("why", (found,)))


_EVIDENCE = AnswerSentence("It pulls.", (Place("Moon", "Orbit", "The Moon pulls"), Place("Moon", "", "It is round")))


def test_evidence_is_found_by_title_section_and_first_words():
    case = _case("full", _EVIDENCE)
    assert case.evidence == {(1, 1)}
    bare = selection.without_evidence(case)
    assert bare.retrieved.read[0].text == "It is round." and bare.holds == "no" and bare.evidence == frozenset()


def test_a_report_counts_verdicts_and_finds_evidence():
    cases = [_case("full", _EVIDENCE), _case("part", _EVIDENCE), _case("no")]

    def said(holds, confidence, first):
        sentences = (SelectedSentence((1, 1), "a", first), SelectedSentence((1, 2), "b", 0.5))
        return Selection(holds, confidence, confidence / 2, 0.0, sentences)

    selections = [said("full", 0.9, 0.8), said("no", 0.3, 0.2), said("no", 0.1, 0.9)]
    found = selection.report(cases, selections, 0.5, [[(1, 1), (1, 2)], [(1, 2)], [(1, 1)]])
    assert found["decisions"] == {
        "full": {"full": 1, "part": 0, "no": 0},
        "part": {"full": 0, "part": 0, "no": 1},
        "no": {"full": 0, "part": 0, "no": 1},
    }
    assert found["selector"]["something"]["roc_auc"]["value"] == 1.0
    assert found["selector"]["something"]["recall"]["value"] == 0.5
    assert found["sentences"]["map"]["value"] == 0.75 and found["sentences"]["first_right"]["value"] == 0.5
    assert [found["chosen"][name]["value"] for name in ("chosen", "precision", "recall")] == [1.5, 0.3333, 0.5]
    assert selection.report(cases, selections, 0.5)["chosen"]["recall"]["value"] is None
    assert found["questions"] == {"full": 1, "part": 1, "no": 1, "as_judged": 0, "with_evidence": 2}
    assert "2 said" not in selection.text(found) and "roc_auc" in selection.text(found)


def test_the_picture_is_drawn(tmp_path):
    cases = [_case("full", _EVIDENCE), _case("no")]
    selections = [Selection("full", 0.9, 0.5, 0.0, ()), Selection("no", 0.2, 0.1, 0.0, ())]
    selection.draw(cases, selections, tmp_path / "deep/selection.png")
    assert (tmp_path / "deep/selection.png").read_bytes().startswith(b"\x89PNG")


def test_a_wrong_verdict_is_named(tmp_path, capsys):
    path = tmp_path / "questions.jsonl"
    path.write_text(json.dumps({"question": "Why?", "holds": "maybe"}) + "\n")
    assert selection.main(["--questions", str(path)]) == 1
    assert "maybe" in capsys.readouterr().err
