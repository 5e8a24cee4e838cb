"""Generators run by the command: their answers, and the loss of the written ones, for every kind of generator."""

import json

import pytest

from evaluation.answers import main
from generator.seq2seq import Seq2SeqGenerator
from qa import LongFormQA

QUESTIONS = [
    {"id": "a", "question": "How do bees make honey?", "answer": "Bees make it from nectar.", "titles": ["Honey"]},
    {"id": "b", "question": "Why does the sea rise?", "answer": "The Moon pulls the water.", "titles": ["Tide"]},
    {"id": "c", "question": "Who invented chess?", "answer": "The passages don't say.", "answerable": False},
]


@pytest.fixture
def questions(tmp_path):
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS))
    return path


@pytest.fixture(autouse=True)
def on_the_tiny_corpus(monkeypatch, tiny_qa):
    monkeypatch.setattr(LongFormQA, "load", classmethod(lambda cls, index=None: tiny_qa))


def run(capsys, *arguments):
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("family", ["bart", "t5", "led"])
def test_the_loss_is_the_mean_over_all_tokens_of_all_answers(family, tiny_seq2seq, questions, tiny_qa, capsys):
    folder = tiny_seq2seq(family)
    loss = run(capsys, "--generator", folder, "--loss", "--questions", questions, "--passages", 2, "--seed", 3)
    loss = loss[str(folder)]["loss"]
    generator = Seq2SeqGenerator.load(str(folder))
    for condition in ("retrieved", "random", "none"):
        total, tokens = 0.0, 0
        for row in QUESTIONS:
            method = {"retrieved": "mixed"}.get(condition, condition)
            retrieved = generator.read(tiny_qa.retriever.find(row["question"], 2, method, seed=3))
            one, count = generator.answer_loss(retrieved, row["answer"])
            total, tokens = total + one, tokens + count
        assert loss[condition] == pytest.approx(total / tokens, abs=1e-4)
    assert loss["gain"] == pytest.approx(loss["random"] - loss["retrieved"], abs=2e-4)
    assert (loss["answers"], loss["tokens"]) == (3, tokens)
    if family == "t5":  # the other two, untrained, hardly look at what they read
        assert len({loss["retrieved"], loss["random"], loss["none"]}) == 3


@pytest.mark.parametrize("family", ["bart", "t5", "led"])
def test_a_seq2seq_checkpoint_answers_and_is_measured(family, tiny_seq2seq, questions, tmp_path, capsys):
    output = tmp_path / "answers.jsonl"
    report = run(
        capsys, "--generator", tiny_seq2seq(family), "--output", output, "--loss", "--questions", questions, "--written"
    )
    assert report[str(output)]["questions"] == 3 and report[str(output)]["loss"]["tokens"] > 0
    assert report["written answers"]["rouge_l"] == 1.0 and "loss" not in report["written answers"]
    assert [json.loads(line)["id"] for line in output.read_text().splitlines()] == ["a", "b", "c"]


def test_extraction_has_no_loss_and_says_so(questions, tmp_path, capsys):
    output = tmp_path / "answers.jsonl"
    report = run(capsys, "--generator", "extractive", "--output", output, "--loss", "--questions", questions)
    assert report[str(output)]["loss"] is None and "no probabilities" in report[str(output)]["note"]
    assert report[str(output)]["unfound"] in (0.0, None) and report[str(output)]["copied_stretch"] > 5
    assert main(["--generator", "extractive", "--loss", "--questions", str(questions)]) == 0
    assert "no probabilities" in capsys.readouterr().out


@pytest.mark.parametrize("cut", [0, 1, 150, -10])
def test_a_run_that_ended_early_goes_on(cut, tiny_seq2seq, questions, tmp_path, capsys):
    kept, folder = tmp_path / "losses.jsonl", tiny_seq2seq("bart")
    arguments = ["--generator", folder, "--loss", kept, "--questions", questions]
    whole = run(capsys, *arguments)
    lines = kept.read_bytes()
    kept.write_bytes(lines[:cut])
    assert run(capsys, *arguments) == whole
    assert kept.read_bytes() == lines


def test_what_is_kept_is_used_and_not_reckoned_again(tiny_seq2seq, questions, tmp_path, capsys):
    kept = tmp_path / "losses.jsonl"
    arguments = ["--generator", tiny_seq2seq("bart"), "--loss", kept, "--questions", questions]
    whole = run(capsys, *arguments)
    rows = [json.loads(line) for line in kept.read_text().splitlines()]
    rows[0]["none"][0] += 100.0
    kept.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    name, tokens = next(iter(whole)), sum(row["none"][1] for row in rows)
    changed = run(capsys, *arguments)[name]["loss"]["none"] - whole[name]["loss"]["none"]
    assert changed == pytest.approx(100 / tokens, abs=2e-4)


def test_losses_of_other_settings_are_kept_and_refused(tiny_seq2seq, questions, tmp_path, capsys):
    kept = tmp_path / "losses.jsonl"
    arguments = ["--generator", str(tiny_seq2seq("t5")), "--loss", str(kept), "--questions", str(questions)]
    assert main(arguments) == 0
    before = kept.read_bytes()
    assert main([*arguments, "--passages", "2"]) == 1
    assert "other settings" in capsys.readouterr().err and kept.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--loss"], "need --generator"),
        (["--control", "c.jsonl"], "need --generator"),
        (["--output", "a.jsonl"], "need --generator"),
        (["--generator", "fused"], "say what to measure"),
        (["--generator", "fused", "--loss", "a", "--output", "a"], "a file each"),
        (["--generator", "fused", "--loss", "--written"], "--written and --judged need answers"),
        (["--generator", "fused", "--control", "c.jsonl", "--judged"], "--written and --judged need answers"),
        (["--generator", "fused", "--control", "q.jsonl", "--output", "q.jsonl"], "a file each"),
        (["--answers", "a.jsonl", "--details", "a.jsonl"], "a.jsonl is both read and written"),
    ],
)
def test_arguments_that_do_not_fit_together_are_a_usage_error(arguments, said, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2 and said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--generator", "/no/such/folder", "--loss"], "no generator folder"),
        (["--generator", "extractive", "--loss", "--passages", "0"], "allowed is 1 to"),
        (["--generator", "extractive", "--loss", "--retrieval", "psychic"], "allowed are dense"),
    ],
)
def test_what_cannot_be_run_is_said_in_one_line(arguments, said, questions, capsys):
    assert main([*arguments, "--questions", str(questions)]) == 1
    error = capsys.readouterr().err
    assert said in error and error.startswith("error: ") and error.count("\n") == 1


@pytest.mark.assets
def test_the_fused_generator_finds_answers_likelier_beside_their_passages(questions, tmp_path, capsys):
    kept = tmp_path / "losses.jsonl"
    arguments = ["--generator", "fused", "--loss", kept, "--questions", questions, "--retrieval", "sparse"]
    loss = run(capsys, *arguments)["fused"]["loss"]
    assert 0 < loss["retrieved"] < loss["random"] < 10
    assert run(capsys, *arguments)["fused"]["loss"] == loss
