"""The command: files of answers in, a table or JSON out; what is wrong with a file is said."""

import json
import re
import sys

import pytest

from evaluation.answers import main

QUESTIONS = [
    {
        "id": "a",
        "question": "How do bees make honey?",
        "answer": "From nectar.",
        "titles": ["Honey"],
        "answerable": True,
    },
    {"id": "b", "question": "Who first ate honey?", "answer": "The passages don't say.", "answerable": False},
]
PASSAGES = [
    {"title": "Honey", "text": "Bees make honey from nectar.", "read": True},
    {"title": "Rome", "text": "Rome lies on the Tiber.", "read": False},
]


def row(number, answer, answerable=True, **more):
    own = {"id": QUESTIONS[number]["id"], "question": QUESTIONS[number]["question"]}
    return own | {"answer": answer, "answerable": answerable, "passages": PASSAGES, "seconds": {"total": 2.0}} | more


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def questions(tmp_path):
    return write(tmp_path / "questions.jsonl", QUESTIONS)


@pytest.fixture
def answers(tmp_path):
    return write(tmp_path / "answers.jsonl", [row(0, "Bees make honey in Rome."), row(1, "Nobody knows.", False)])


def run(*arguments):
    return main([str(argument) for argument in arguments])


def test_a_file_gives_a_row(questions, answers, capsys):
    assert run("--answers", answers, "--questions", questions, "--json") == 0
    report = json.loads(capsys.readouterr().out)[str(answers)]
    assert report["questions"] == 2 and report["unanswerable"]["f1"] == 1.0 and report["seconds"] == 2.0
    declining = {"answered": 0.5, "right_answering": 1.0, "right_declining": 1.0, "curve": None}
    assert report["declining"] == declining and "citations" not in report
    # Rome is in a passage that was not read.
    assert report["worst_unfound"] == [{"id": "a", "unfound": ["Rome"]}] and report["unfound"] == 1.0


def test_several_files_and_the_written_answers_make_a_table(questions, answers, tmp_path, capsys):
    other = write(tmp_path / "other.jsonl", [row(0, "From nectar."), row(1, "The passages don't say.", False)])
    assert run("--answers", answers, other, "--written", "--questions", questions) == 0
    lines = capsys.readouterr().out.splitlines()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    rows = {cells[0]: dict(zip(table[0], cells, strict=True)) for cells in table[2:]}
    assert list(rows) == [str(answers), str(other), "written answers"]
    assert rows[str(answers)]["unfound"] == "100.0%" and rows["written answers"]["unfound"] == "–"
    assert rows[str(other)]["ROUGE-L"] == rows["written answers"]["ROUGE-L"] == "1.000"
    assert rows["written answers"]["seconds"] == "–"


def test_details_hold_a_line_for_each_answer(questions, answers, tmp_path):
    details = tmp_path / "details.jsonl"
    assert run("--answers", answers, "--questions", questions, "--details", details, "--json") == 0
    rows = [json.loads(line) for line in details.read_text().splitlines()]
    assert [(row["answers"], row["id"]) for row in rows] == [(str(answers), "a"), (str(answers), "b")]
    assert rows[0]["unfound"] == ["Rome"] and rows[0]["words"] == 5


def test_answers_beside_fields_of_the_same_names_are_read(questions, answers, tmp_path, capsys):
    """As `qa.py` writes them for questions with written answers."""
    ours = [json.loads(line) for line in answers.read_text().splitlines()]
    beside = [asked | {"long_form_qa": own} for asked, own in zip(QUESTIONS, ours, strict=True)]
    nested = write(tmp_path / "nested.jsonl", beside)
    assert run("--answers", answers, nested, "--questions", questions, "--json") == 0
    first, second = json.loads(capsys.readouterr().out).values()
    assert first == second and first["rouge_l"] < 1


@pytest.mark.assets
def test_citations_and_nuggets_by_the_judge_that_comes_along(tmp_path, capsys):
    nuggets = [{"text": "Bees make honey."}, {"text": "The Moon pulls the water of the sea.", "importance": "okay"}]
    questions = write(tmp_path / "q.jsonl", [QUESTIONS[0] | {"nuggets": nuggets}])
    passages = [
        {"rank": 1, **PASSAGES[0]},
        {"rank": 2, "title": "Rome", "text": "Rome lies on the Tiber.", "read": True},
    ]
    theirs = row(0, "Bees make honey from nectar [1]. Rome is the capital of France [2].", passages=passages)
    path = write(tmp_path / "theirs.jsonl", [theirs])
    assert run("--answers", path, "--questions", questions, "--judged", "--json") == 0
    report = json.loads(capsys.readouterr().out)[str(path)]
    found = report["citations"]
    assert (found["recall"], found["precision"], found["sentences"], found["citations"]) == (0.5, 0.5, 2, 2)
    assert "support model" in found["judge"] and report["nuggets"]["vital"] == 1 and report["nuggets"]["all"] == 0.5
    assert run("--answers", path, "--questions", questions, "--judged") == 0
    assert "0.50 / 0.50" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"Dear diary", b'{"a": 1}\n', b"\x89PNG"])
def test_what_is_somebody_elses_is_not_written_over(questions, answers, tmp_path, capsys, content):
    theirs = tmp_path / "theirs"
    theirs.write_bytes(content)
    assert run("--answers", answers, "--questions", questions, "--details", theirs) == 1
    told = capsys.readouterr().err
    assert f"{theirs} exists and was not written by this command" in told
    assert theirs.read_bytes() == content


def test_what_this_command_wrote_is_written_anew(questions, answers, tmp_path):
    for _ in range(2):
        assert run("--answers", answers, "--questions", questions, "--details", tmp_path / "details.jsonl") == 0


def test_an_answer_file_is_no_output_by_any_name(questions, answers, tmp_path, capsys):
    (tmp_path / "link").symlink_to(answers)
    content = answers.read_bytes()
    assert run("--answers", answers, "--questions", questions, "--details", tmp_path / "link") == 1
    assert "both read and written" in capsys.readouterr().err and answers.read_bytes() == content


def test_of_a_passage_that_was_cut_only_what_was_read_is_a_source(questions, tmp_path, capsys):
    cut = [{"title": "Honey", "text": "Bees make honey. Rome likes it.", "read_text": "Bees make honey.", "read": True}]
    path = write(tmp_path / "cut.jsonl", [row(0, "Bees in Rome.", passages=cut)])
    run("--answers", path, "--questions", questions, "--json")
    assert json.loads(capsys.readouterr().out)[str(path)]["unfound"] == 1.0


def test_rows_without_an_id_are_joined_by_the_question(questions, tmp_path, capsys):
    rows = [row(0, "From nectar.")]
    del rows[0]["id"]
    path = write(tmp_path / "plain.jsonl", rows)
    assert run("--answers", path, "--questions", questions, "--json") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)[str(path)]["rouge_l"] == 1.0
    assert "answers 1 of 2 questions" in captured.err


def test_files_that_answer_different_questions_are_told_apart(questions, answers, tmp_path, capsys):
    path = write(tmp_path / "part.jsonl", [row(0, "From nectar.")])
    assert run("--answers", answers, path, "--questions", questions, "--json") == 0
    assert "cannot be compared" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row(0, "One."), row(0, "Two.")], "line 2.*a second time"),
        ([row(0, "One.") | {"id": "z", "question": "What is love?"}], "line 1.*none of the questions"),
        ([row(0, "One.") | {"question": "What is love?"}], "line 1.*none of the questions"),
        ([{"question": "How do bees make honey?"}], "line 1: expected"),
        ([{"question": "How do bees make honey?", "answer": "So."}], "line 1: not an answer.*answerable"),
        ([row(0, "One.", passages=[{"title": "Honey"}])], "line 1: not an answer.*text"),
        ([row(0, "One.", passages="Honey")], "line 1: not an answer"),
        ([], "holds no answers"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(questions, tmp_path, capsys, rows, said):
    path = write(tmp_path / "bad.jsonl", rows)
    assert run("--answers", path, "--questions", questions) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and re.search(said, error)


def test_a_line_that_is_no_json_and_a_missing_file_are_named(questions, tmp_path, capsys):
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps(row(0, "One.")) + '\n{"question": "Who')
    assert run("--answers", path, "--questions", questions) == 1
    assert "line 2: not JSON" in capsys.readouterr().err
    assert run("--answers", tmp_path / "none.jsonl", "--questions", questions) == 1
    assert "there is no file" in capsys.readouterr().err
    assert run("--answers", path, "--questions", tmp_path / "none.jsonl") == 1
    assert "there is no file" in capsys.readouterr().err


def test_without_rouge_score_the_cure_is_named(questions, answers, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "rouge_score.rouge_scorer", None)
    assert run("--answers", answers, "--questions", questions) == 1
    assert "requirements-dev.txt" in capsys.readouterr().err


def test_nothing_to_measure_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as exit_:
        run("--json")
    assert exit_.value.code == 2 and "--answers" in capsys.readouterr().err
