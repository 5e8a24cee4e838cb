"""Figures of a study beside values computed by hand."""

import json
import math

import numpy as np
import pytest
from PIL import Image

from data.questions import Nugget
from evaluation.study.figures import Told, agreement, alpha, bradley_terry, figures, strengths, with_automatic
from evaluation.study.folder import Asked
from evaluation.study.judgements import judgement, writing
from tests.evaluation.study.conftest import run, said


def told(number, winner, judge="Ada", left="alpha", systems=("alpha", "beta"), **more):
    """A judgement of question `number`: alpha's two sentences supported, beta's partly and not."""
    labels = dict(zip(systems, (["supported", "supported"], ["partly", "not supported"]), strict=True))
    answers = {name: {"sentences": own, "coverage": 4, "coherence": 5} for name, own in labels.items()}
    other = next(name for name in systems if name != left)
    words = dict(zip(systems, (20, 10), strict=True))
    asked = Asked(f"q{number}", "Why?", more.pop("kind", "q"))
    given = {"answers": answers, "automatic": labels, "words": words} | more
    return Told(judge, "person", asked, left, other, winner, **given)


def test_wins_are_counted_and_a_tie_is_half():
    rows = [told(n, winner) for n, winner in enumerate(["alpha"] * 5 + ["beta"] * 2 + ["tie"] * 2 + ["both bad"] * 3)]
    (pair,) = figures(rows)["pairs"]
    assert [pair[name] for name in ("wins", "losses", "tie", "both bad")] == [5, 2, 2, 3]
    assert pair["share"]["value"] == round(6 / 9, 4) and pair["share"]["of"] == 9
    low, high = pair["share"]["interval"]
    assert 0.3 < low < 6 / 9 < high < 1
    assert pair["questions_won"] == 5 and pair["questions_lost"] == 2
    assert pair["p"] == round(2 * (1 + 7 + 21) / 2**7, 4)


def test_judges_of_one_question_are_one_question():
    """Ten judges on two questions give no narrower an interval than one on two."""
    ten = [told(n, "alpha" if n else "beta", f"judge {j}") for n in range(2) for j in range(10)]
    (pair,) = figures(ten)["pairs"]
    assert pair["share"] == {"value": 0.5, "interval": [0.0, 1.0], "of": 20}
    assert (pair["questions_won"], pair["questions_lost"], pair["p"]) == (1, 1, 1.0)


def test_position_and_length_leave_ties_out():
    rows = [told(0, "alpha"), told(1, "alpha", left="beta"), told(2, "beta"), told(3, "alpha"), told(4, "tie")]
    found = figures(rows)
    assert found["position"]["value"] == 0.5 and found["position"]["of"] == 4
    assert found["length"]["value"] == 0.75  # alpha's is the longer
    same = [told(n, "alpha", words={"alpha": 9, "beta": 9}) for n in range(3)]
    assert figures(same)["length"] == {"value": None, "interval": None, "of": 0}


def test_sentences_coverage_and_nuggets_of_each_system_and_kind():
    rows = [told(0, "alpha"), told(1, "beta", kind="other")]
    found = figures(rows)["systems"]
    assert [found["alpha"][label]["value"] for label in ("supported", "partly", "not supported")] == [1, 0, 0]
    assert [found["beta"][label]["value"] for label in ("supported", "partly", "not supported")] == [0, 0.5, 0.5]
    assert found["beta"]["coverage"]["value"] == 4 and found["beta"]["vital"]["value"] is None
    kinds = figures(rows)["kinds"]
    assert kinds["q"]["pairs"][0]["wins"] == 1 and kinds["other"]["pairs"][0]["losses"] == 1
    asked = Asked("q", "Why?", "q", nuggets=(Nugget("a"), Nugget("b"), Nugget("c", vital=False)))
    answers = {name: {"sentences": [], "covered": covered, "coherence": 3} for name, covered in
               (("alpha", [1, 3]), ("beta", []))}  # fmt: skip
    nuggets = Told(
        "Ada", "person", asked, "alpha", "beta", "alpha", answers, {"alpha": [], "beta": []}, {"alpha": 1, "beta": 1}
    )
    found = figures([nuggets])["systems"]
    assert found["alpha"]["vital"]["value"] == 0.5 and found["alpha"]["nuggets"]["value"] == round(2 / 3, 4)
    assert found["beta"]["vital"]["value"] == found["beta"]["nuggets"]["value"] == 0


def test_alpha_is_that_of_the_textbook():
    """Krippendorff's example of four observers, with its published 0.743 (nominal) and 0.815 (ordinal)."""
    nan = np.nan
    units = np.array(
        [[1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan], [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
         [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan], [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan]]
    ).T  # fmt: skip
    assert alpha(units, "nominal") == pytest.approx(0.743, abs=5e-4)
    assert alpha(units, "ordinal") == pytest.approx(0.815, abs=5e-4)
    assert math.isnan(alpha(np.ones((3, 2)), "nominal"))


def test_agreement_of_two_judges_by_hand():
    """Preferences a a b b and a b b b: 2 pairs differ in 8 of 32 ordered values; alpha = 1 - 7 × 2 / (3 × 5 × 2)."""
    rows = [told(n, winner) for n, winner in enumerate(["alpha", "alpha", "beta", "beta"])]
    rows += [told(n, winner, "Ben") for n, winner in enumerate(["alpha", "beta", "beta", "beta"])]
    found = agreement(rows)
    assert found["preference"]["value"] == pytest.approx(1 - 7 * 2 / (2 * 3 * 5), abs=1e-4)
    assert found["preference"]["units"] == 4 and found["sentences"]["units"] == 16
    assert found["sentences"]["value"] == 1
    alone = agreement(rows[:4])["preference"]
    assert alone["value"] is None and alone["units"] == 0


def test_agreement_with_the_programs_labels():
    automatic = {"alpha": ["supported", ""], "beta": ["partly", "supported"]}
    found = with_automatic([told(0, "alpha", automatic=automatic)])
    assert found["same"]["value"] == round(2 / 3, 4) and found["same"]["of"] == 3
    assert found["table"]["not supported"] == {"supported": 1, "partly": 0, "not supported": 0}
    assert found["table"]["supported"]["supported"] == 1


def test_strengths_of_two_are_the_log_odds_and_three_are_ordered():
    assert bradley_terry(np.array([[0, 30.0], [10.0, 0]])) == pytest.approx(
        [math.log(3) / 2, -math.log(3) / 2], abs=2e-3
    )
    rows = []
    for n in range(30):
        pair = [("alpha", "beta"), ("beta", "gamma"), ("alpha", "gamma")][n % 3]
        rows.append(told(n, pair[0] if n % 10 else pair[1], systems=pair, left=pair[0]))
    found = strengths(rows, ["alpha", "beta", "gamma"])
    assert found["alpha"]["value"] > found["beta"]["value"] > found["gamma"]["value"]
    assert sum(row["value"] for row in found.values()) == pytest.approx(0, abs=1e-3)
    assert figures(rows)["strengths"] == found and figures(rows[:1])["strengths"] is None


@pytest.fixture
def judged(study):
    """Two judges: Ada finds alpha better 8 times of 12, a language model always."""
    with writing(study) as judgements:
        for name, reader in (("Ada", "person"), ("A model", "language model")):
            judge = judgements.begin(name, reader)
            for place, shown in enumerate(study.order(name)):
                winner = "alpha" if name == "A model" or place < 8 else "beta"
                judgements.add(judge, "judgement", **judgement(study, shown, said(shown, winner)))
    return study


def test_a_report_holds_figures_pictures_and_rows(judged, tmp_path, capsys):
    from datasets import load_dataset

    output = tmp_path / "report"
    for _ in range(2):  # an earlier report is written over
        assert run("report", judged.folder, "--output", output) == 0
    text = capsys.readouterr().out
    assert "24 judgements of 12 questions by Ada (person, 12), A model (language model, 12)" in text
    found = json.loads((output / "report.json").read_text())
    (pair,) = found["pairs"]
    assert (pair["wins"], pair["losses"], pair["share"]["value"]) == (20, 4, round(20 / 24, 4))
    assert (pair["questions_won"], pair["questions_lost"]) == (8, 0)  # the other four are undecided
    assert found["systems"]["beta"]["partly"]["value"] == 0.5 and found["automatic"]["same"]["value"] == 0.75
    assert found["length"]["value"] == round(4 / 24, 4)  # beta's is the longer
    assert {path.name for path in output.iterdir()} == {
        "README.md", "report.json", "rows.parquet", "run.json", "systems.png", "wins.png"
    }  # fmt: skip
    for name in ("wins.png", "systems.png"):
        assert Image.open(output / name).width > 800
    rows = load_dataset(str(output), cache_dir=str(tmp_path / "cache"))["test"]
    assert len(rows) == 24 and {row["reader"] for row in rows} == {"person", "language model"}
    row = rows[0]
    side = row["left"] if row["left"]["system"] == "beta" else row["right"]
    assert side["run"] == judged.runs["beta"][row["question_id"]]
    assert [part["judged"] for part in side["sentences"]] == ["not supported", "partly"]
    assert "Language models, not people: A model" in (output / "README.md").read_text()
    assert "passages" not in row["left"]


def test_a_report_into_somebody_elses_folder_is_refused(judged, tmp_path, capsys):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/diary").write_text("Dear diary")
    for folder in (tmp_path / "theirs", judged.folder):
        names = sorted(path.name for path in folder.iterdir())
        assert run("report", judged.folder, "--output", folder) == 1
        assert "is no report" in capsys.readouterr().err and sorted(path.name for path in folder.iterdir()) == names


def test_nothing_judged_is_said(study, tmp_path, capsys):
    assert run("report", study.folder, "--output", tmp_path / "report") == 1
    assert "nothing is judged yet" in capsys.readouterr().err and not (tmp_path / "report").exists()
