"""A study is made whole, goes on where a run ended, and refuses what is not its own."""

import hashlib
import json
from collections import Counter

import pytest

from core.errors import UserError
from evaluation.errors import EvaluationError
from evaluation.study.folder import open_study
from evaluation.study.making import make, plan, read_systems
from tests.evaluation.study.conftest import NUGGETS, TEXTS, answer, question, write


def test_a_study_holds_questions_answers_and_hashes(study, files, tmp_path):
    manifest = json.loads((tmp_path / "study/study.json").read_text())
    assert manifest["study"] == 1 and len(manifest["questions"]) == 12
    for name in TEXTS:
        path = tmp_path / f"study/answers/{name}.jsonl"
        assert manifest["made"][name]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert manifest["systems"][name]["sha256"] == hashlib.sha256(files[name].read_bytes()).hexdigest()
        assert {row["answer"] for row in study.answers[name].values()} == {" ".join(TEXTS[name])}


def test_each_system_stands_left_half_of_the_time_and_judges_see_other_orders(study):
    ada, ben = study.order("Ada"), study.order("Ben")
    assert Counter(each.left for each in ada) == {"alpha": 6, "beta": 6}
    assert sorted(each.asked.id for each in ada) == sorted(study.questions)
    assert [each.asked.id for each in ada] != [each.asked.id for each in ben]
    assert study.order("Ada") == ada


def test_pairs_of_three_systems_take_turns(new, files, tmp_path):
    assert new(systems=[*(f"{name}={files[name]}" for name in TEXTS), f"third={files['alpha']}"]) == 0
    pairs = Counter(open_study(tmp_path / "study").pairs.values())
    assert pairs == {("alpha", "beta"): 4, ("alpha", "third"): 4, ("beta", "third"): 4}


def test_questions_are_drawn_by_seed_so_many_of_each_kind(tmp_path):
    held = [question(n) | {"holds": "full" if n % 2 else "no"} for n in range(20)]
    path = write(tmp_path / "real.jsonl", held)
    systems, _ = read_systems(["a", "b=generator=extractive"])
    first = plan([str(path)], systems, 3, seed=1)
    assert Counter(each.kind for each in first.questions) == {"real, held": 3, "real, not held": 3}
    assert plan([str(path)], systems, 3, seed=1) == first != plan([str(path)], systems, 3, seed=2)


def test_nuggets_come_along(tmp_path):
    path = write(tmp_path / "q.jsonl", [question(0) | {"nuggets": NUGGETS}])
    asked = plan([str(path)], read_systems(["a", "b"])[0]).questions[0]
    assert [(nugget.text, nugget.vital) for nugget in asked.nuggets] == [("bees make it", True), ("it is sweet", False)]


class Failing:
    """The tiny system, which fails at one question as long as it is told to."""

    def __init__(self, qa, error):
        self.qa, self.error, self.asked = qa, error, []
        self.card = qa.card

    def ask(self, asked, settings):
        self.asked.append(asked)
        if "7" in asked and self.error:
            raise self.error
        return self.qa.ask(asked, settings)


@pytest.mark.parametrize(
    "error", [UserError("the wiki does not answer"), ZeroDivisionError("float"), KeyboardInterrupt()]
)
def test_a_system_that_fails_midway_keeps_its_answers_and_goes_on(tmp_path, files, tiny_qa, error):
    systems, theirs = read_systems([f"theirs={files['alpha']}", "ours=generator=extractive,passages=2"])
    wanted = plan([str(files["questions"])], systems)
    failing = Failing(tiny_qa, error)
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else EvaluationError) as told:
        make(tmp_path / "study", wanted, theirs, lambda index: failing)
    if not isinstance(error, KeyboardInterrupt):
        assert "the system ours failed at question" in str(told.value) and "run the same command again" in str(
            told.value
        )
    kept = (tmp_path / "study/answers/ours.jsonl").read_bytes()
    with pytest.raises(EvaluationError, match="lacks answers of ours"):
        open_study(tmp_path / "study")
    failing.error, before = None, len(failing.asked) - 1
    make(tmp_path / "study", wanted, theirs, lambda index: failing)
    assert (tmp_path / "study/answers/ours.jsonl").read_bytes().startswith(kept) and kept.count(b"\n") == before
    assert len(failing.asked) == 13
    made = open_study(tmp_path / "study").manifest.made["ours"]
    assert made.card["passages"] == 12 and "torch" in made.versions


def test_the_same_command_again_changes_nothing_and_another_is_refused(new, study, tmp_path, capsys):
    before = {path: path.read_bytes() for path in (tmp_path / "study").rglob("*") if path.is_file()}
    assert new() == 0
    assert new("--seed", "9") == 1
    assert "holds a study with other seed" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in (tmp_path / "study").rglob("*") if path.is_file()} == before


def test_sentences_of_others_are_traced_here(tmp_path, files, tiny_qa):
    rows = [answer("alpha", question(number)) for number in range(12)]
    for row in rows:
        del row["sentences"]
    systems, theirs = read_systems([f"a={write(tmp_path / 'plain.jsonl', rows)}", f"b={files['beta']}"])
    make(tmp_path / "study", plan([str(files["questions"])], systems), theirs, lambda index: tiny_qa)
    sentences = open_study(tmp_path / "study").answers["a"]["q/q0"]["sentences"]
    assert [(one["text"], one["label"], one["passage"]) for one in sentences] == [
        (text, "supported", 1) for text in TEXTS["alpha"]
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"questions": ""}, "is empty"),
        ({"questions": "{}\n"}, "question missing"),
        ({"alpha": ""}, "holds no answers"),
        ({"alpha": json.dumps(answer("alpha", question(99))) + "\n"}, "lacks answers to 12 of the 12 questions drawn"),
    ],
)
def test_files_that_cannot_be_used_are_named(new, files, tmp_path, capsys, change, said):
    for name, content in change.items():
        files[name].write_text(content)
    assert new() == 1
    told = capsys.readouterr().err
    assert said in told and "Traceback" not in told


@pytest.mark.parametrize(
    ("systems", "said"),
    [
        (["alone"], "two systems or more, 1 given"),
        (["a", "A"], "two systems are called A"),
        (["../a", "b"], "cannot name a system"),
        (["a", "b=speed=9"], "no setting 'speed'"),
        (["a", "b=passages=many"], "passages is 'many', which is no number"),
        (["a", "b=nowhere.jsonl"], "there is no file nowhere.jsonl"),
    ],
)
def test_systems_that_cannot_be_are_named(new, tmp_path, capsys, systems, said):
    assert new(systems=systems) == 1
    assert said in capsys.readouterr().err and not (tmp_path / "study").exists()


def test_two_judges_of_one_name_are_refused(new, capsys):
    assert new("--judges", "Ada", "ada ") == 1
    assert "two judges are called 'ada'" in capsys.readouterr().err


def test_a_folder_of_somebody_else_stays(new, tmp_path, capsys):
    (tmp_path / "study").mkdir()
    (tmp_path / "study/diary").write_text("Dear diary")
    assert new() == 1
    assert "holds other files (diary)" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "study").iterdir()] == ["diary"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"study": 2}, "a study of version 2; this program reads version 1"),
        ({"program": "another"}, "is no manifest of a study"),
        ({"seed": "one"}, "is no manifest of a study"),
        ({"made": {}}, "lacks answers of alpha, beta"),
    ],
)
def test_a_manifest_of_another_kind_is_refused(study, tmp_path, change, said):
    path = tmp_path / "study/study.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(EvaluationError, match=said):
        open_study(tmp_path / "study")


def test_answers_that_are_not_the_studys_are_refused(study, tmp_path):
    path = tmp_path / "study/answers/alpha.jsonl"
    content = path.read_text()
    path.write_text(content.replace("sweet", "sour"))
    with pytest.raises(EvaluationError, match="is not what was made"):
        open_study(tmp_path / "study")
    path.write_text(content.replace("number 3 of", "number 33 of"))
    with pytest.raises(
        EvaluationError, match="answers other questions than the study's, such as “What is the number 33"
    ):
        open_study(tmp_path / "study")
