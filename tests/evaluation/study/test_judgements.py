"""Judgements: checked, stored whole, and taken from files all or none."""

import json

import pytest

from evaluation.study.exchange import export
from evaluation.study.folder import Asked, Manifest, Study, System, open_study
from evaluation.study.judgements import JudgementError, judgement, read_judges, writing
from evaluation.study.sheet import from_form, question_sheet, to_form
from tests.evaluation.study.conftest import run, said, write


@pytest.fixture
def shown(study):
    return study.order("Ada")[0]


def test_a_judgement_names_systems_and_runs(study, shown):
    told = judgement(study, shown, said(shown, "alpha", reason=" It is so. "))
    assert told["winner"] == "alpha" and told["reason"] == "It is so."
    assert told["answers"]["beta"] == {
        "run": study.runs["beta"][shown.asked.id],
        "sentences": ["not supported", "partly"],
        "coverage": 2,
        "coherence": 3,
    }


def test_a_form_and_a_judgement_are_two_ends(study, shown):
    told = judgement(study, shown, said(shown, "tie"))
    assert judgement(study, shown, from_form(study, shown, to_form(told))) == told
    for field in to_form(told).items():
        if field[0] != "reason":
            assert f'name="{field[0]}" value="{field[1]}" checked' in question_sheet(
                study, shown, dict([field]), {"name": "Ada", "key": "k"}
            )


def test_all_that_is_missing_is_named(study, shown):
    with pytest.raises(JudgementError) as told:
        judgement(study, shown, from_form(study, shown, {"left.s1": "supported", "right.coverage": "3"}))
    missing = "sentence 2 of answer 1, coverage of answer 1, coherence of answer 1, sentence 1 of answer 2"
    assert missing in str(told.value) and "the better answer" in str(told.value)


@pytest.mark.parametrize(
    ("side", "said_of_it"),
    [
        ({"sentences": ["supported"] * 3}, "answer 1 has 2 sentences"),
        ({"sentences": ["supported", "true"]}, "sentence 2 of answer 1 is"),
        ({"coverage": 6}, "coverage of answer 1 is 6; allowed are 1, 2, 3, 4, 5"),
        ({"coherence": True}, "coherence of answer 1 is"),
    ],
)
def test_what_is_not_allowed_is_said(study, shown, side, said_of_it):
    row = said(shown, "tie")
    row["left"] |= side
    with pytest.raises(JudgementError, match=said_of_it):
        judgement(study, shown, row)


def test_a_name_belongs_to_whoever_came_first(study):
    with writing(study) as judgements:
        ada, key = judgements.enter(" Ada  Lovelace")
        assert ada.name == "Ada Lovelace" and judgements.enter("ada lovelace", key)[0] is ada
        for other in ("", "guess"):
            with pytest.raises(JudgementError, match="Ada Lovelace is judging this study already"):
                judgements.enter("ADA Lovelace", other)
    with writing(study) as judgements:  # the next day
        assert judgements.enter("Ada Lovelace", key)[1] == key
        with pytest.raises(JudgementError, match="already"):
            judgements.enter("Ada Lovelace")
    assert key not in (study.folder / "judgements.jsonl").read_text()


def test_only_those_who_are_invited_judge(new, tmp_path):
    assert new("--judges", "Ada") == 0
    with writing(open_study(tmp_path / "study")) as judgements:
        judgements.enter("ada")
        with pytest.raises(JudgementError, match="Ben is not among the judges"):
            judgements.enter("Ben")


def test_two_processes_do_not_serve_one_study(study):
    with writing(study), pytest.raises(Exception, match="is being written by"), writing(study):
        pass


def test_what_a_kill_cut_short_goes_and_the_rest_stays(study, shown):
    with writing(study) as judgements:
        ada, key = judgements.enter("Ada")
        judgements.add(ada, "judgement", **judgement(study, shown, said(shown, "beta")))
    path = study.folder / "judgements.jsonl"
    content = path.read_bytes()
    for cut in (1, 10, 100):
        path.write_bytes(content + content[:cut])
        assert [judge.name for judge in read_judges(study)] == ["Ada"]
        with writing(study) as judgements:
            assert len(judgements.enter("Ada", key)[0].judgements) == 1
        assert path.read_bytes() == content


def test_a_later_line_stands_over_an_earlier_one(study, shown):
    with writing(study) as judgements:
        ada, _ = judgements.enter("Ada")
        for winner in ("beta", "alpha"):
            judgements.add(ada, "judgement", **judgement(study, shown, said(shown, winner)))
        assert [record["winner"] for record in read_judges(study)[0].judgements] == ["alpha"]
        judgements.add(ada, "undo", shown.asked.id)
        assert read_judges(study)[0].judgements == []


def test_judgements_of_another_study_are_refused(study, new, tmp_path, shown, capsys):
    with writing(study) as judgements:
        ada, _ = judgements.enter("Ada")
        judgements.add(ada, "judgement", **judgement(study, shown, said(shown, "beta")))
    assert new("--seed", "5", folder=tmp_path / "other") == 0
    (tmp_path / "other/judgements.jsonl").write_bytes((tmp_path / "study/judgements.jsonl").read_bytes())
    assert run("report", tmp_path / "other", "--output", tmp_path / "report") == 1
    assert "a judgement of other answers (study" in capsys.readouterr().err and not (tmp_path / "report").exists()


def test_an_export_is_blind_and_an_import_takes_what_it_describes(study, tmp_path, capsys):
    assert run("export", tmp_path / "study", "--judge", "model one", "--output", tmp_path / "sheet.txt") == 0
    text = (tmp_path / "sheet.txt").read_text()
    assert text == export(study, "model one") and "alpha" not in text and "beta" not in text
    order = study.order("model one")
    assert [line.split(": ")[1] for line in text.splitlines() if line.startswith("=====")] == [
        each.asked.id for each in order
    ]
    example = json.loads(next(line for line in text.splitlines() if line.startswith("{")))
    assert judgement(study, order[0], example)["winner"] == order[0].left
    path = write(tmp_path / "said.jsonl", [said(each, "alpha") for each in order])
    given = ["import", tmp_path / "study", path, "--judge", "model one", "--by", "language-model"]
    assert run(*given) == 0
    (judge,) = read_judges(study)
    assert judge.reader == "language model" and len(judge.judgements) == 12
    assert run(*given) == 1
    assert "has judged this study already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"question": "q/q99"}, "line 2: 'q/q99' is no question of this study"),
        ({"preference": "first"}, "allowed are left, right, tie, both bad"),
        ({"left": 3}, "“left” is"),
        ({"right": {}}, "Not yet judged: sentence 1 of answer 2"),
    ],
)
def test_one_bad_line_and_nothing_is_taken(study, tmp_path, capsys, change, told):
    order = study.order("Ada")
    path = write(tmp_path / "said.jsonl", [said(order[0], "tie"), said(order[1], "tie") | change])
    assert run("import", tmp_path / "study", path, "--judge", "Ada", "--by", "person") == 1
    err = capsys.readouterr().err
    assert told in err and "Traceback" not in err
    assert not (tmp_path / "study/judgements.jsonl").exists()


def test_citations_can_be_hidden(new, study, shown, tmp_path):
    who = {"name": "Ada", "key": "k"}
    assert question_sheet(study, shown, {}, who).count('class="evidence"') == 4
    assert new("--citations", "hidden", folder=tmp_path / "hidden") == 0
    hidden = open_study(tmp_path / "hidden")
    assert 'class="evidence"' not in question_sheet(hidden, hidden.order("Ada")[0], {}, who)
    assert "[1]" not in export(hidden, "Ada")


def test_nothing_on_a_sheet_tells_whose_an_answer_is():
    asked = Asked("q", "Why?", "kind")
    answer = {"answer": "So.", "sentences": [{"text": "So.", "kind": "written", "label": "supported"}], "passages": []}
    systems = ("secret-one", "secret-two")
    manifest = Manifest("long-form-qa", 1, 0, "shown", (), (asked,), dict.fromkeys(systems, System()))
    study = Study(None, manifest, {name: {"q": answer} for name in systems}, {name: {"q": "0"} for name in systems})
    text = question_sheet(study, study.order("Ada")[0], {}, {"name": "Ada", "key": "k"})
    assert "secret" not in text and "written" not in text
