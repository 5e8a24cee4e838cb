"""The training command on tiny random models."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from retriever.encode import Encoder
from training.log import read_log
from training.retriever import main
from training.retriever_objectives import retrieval_figures

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkpoint(tiny_encoder, tmp_path):
    """The tiny encoder in a folder, with 128 positions instead of 64."""
    folder = tmp_path / "tiny"
    tiny_encoder.model.save_pretrained(folder)
    tiny_encoder.tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def questions(corpus, tmp_path):
    path = tmp_path / "questions.jsonl"
    rows = [
        {"question": template.format(passage.title), "document": passage.text}
        for passage in corpus
        for template in ("what is {}?", "how does {} work?", "tell me of {}")
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def arguments(questions, checkpoint, output, *more):
    given = ["--questions", questions, "--model", checkpoint, "--output", output, "--held-out", 6, "--batch-size", 8]
    return [str(item) for item in [*given, "--learning-rate", "3e-3", "--device", "cpu", *more]]


def test_training_learns_and_leaves_a_checkpoint_a_record_and_a_picture(questions, checkpoint, tmp_path):
    output = tmp_path / "run"
    assert main(arguments(questions, checkpoint, output, "--epochs", 12, "--held-out", questions)) == 0
    rows = read_log(output / "log.jsonl")
    losses = [row["loss"] for row in rows if "loss" in row]
    checks = [row["mrr@10"] for row in rows if "mrr@10" in row]
    assert len(losses) == 12 * 4 and len(checks) == 13
    assert np.mean(losses[-4:]) < np.mean(losses[:4]) - 0.3 and max(checks) > checks[0] + 0.2
    rates = [row["learning_rate"] for row in rows if "loss" in row]
    # Five steps up from 0, then a line that would end at 0 with a further step.
    assert rates == pytest.approx([3e-3 * min(step / 5, (48 - step) / 43) for step in range(48)])
    assert (output / "loss.png").read_bytes().startswith(b"\x89PNG")
    encoder = Encoder.load(output / "best")
    texts = [json.loads(line) for line in questions.read_text().splitlines()]
    scores = encoder.encode_questions([row["question"] for row in texts])
    scores = scores @ encoder.encode_passages([row["document"] for row in texts]).T
    # Equal documents score equally; the best epoch is what was kept.
    assert retrieval_figures(scores, np.arange(len(texts)))["mrr@10"] == pytest.approx(max(checks), abs=0.02)


@pytest.mark.parametrize(
    ("more", "changed"),
    [
        (["--tune", "projections"], {"project_query", "project_doc"}),
        (["--tune", "adapters", "--layers", "layer.1.*attention"], {"bert_query", "project_query", "project_doc"}),
        (["--tune", "full", "--encoders", "2"], {"bert_query", "bert_doc", "project_query", "project_doc"}),
    ],
)
def test_only_the_chosen_weights_learn(questions, checkpoint, tmp_path, more, changed):
    output = tmp_path / "run"
    assert main(arguments(questions, checkpoint, output, "--epochs", 1, *more)) == 0
    before, after = load_file(checkpoint / "model.safetensors"), load_file(output / "best/model.safetensors")
    assert set(after) >= set(before)
    moved = set()
    for name, value in after.items():
        old = before[name] if name in before else before[name.replace("bert_doc", "bert_query")]
        if not torch.equal(value, old):
            moved.add(name)
    assert {name.split(".")[0] for name in moved} == changed
    if "adapters" in more:
        assert all("layer.1.attention" in name for name in moved if name.startswith("bert"))
        assert (output / "adapters.safetensors").stat().st_size < 200_000


def test_a_run_killed_at_any_moment_and_resumed_has_the_weights_of_an_uninterrupted_one(
    questions, checkpoint, tmp_path
):
    def command(name):
        more = ["--epochs", 6, "--save-every", 1, "--tune", "adapters", "--bf16"]
        return [sys.executable, "-m", "training.retriever", *arguments(questions, checkpoint, tmp_path / name, *more)]

    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run(command("whole"), cwd=ROOT, env=environment, check=True, capture_output=True)
    log = tmp_path / "killed/log.jsonl"
    for rows_before_kill in (4, 12):
        process = subprocess.Popen(command("killed"), cwd=ROOT, env=environment, stderr=subprocess.PIPE)
        while process.poll() is None and (not log.is_file() or len(log.read_text().splitlines()) < rows_before_kill):
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    assert len(read_log(log)) < len(read_log(tmp_path / "whole/log.jsonl"))
    subprocess.run(command("killed"), cwd=ROOT, env=environment, check=True, capture_output=True)
    for name in ("best/model.safetensors", "adapters.safetensors"):
        whole, resumed = (load_file(tmp_path / run / name) for run in ("whole", "killed"))
        assert all(torch.equal(whole[key], resumed[key]) for key in whole) and set(whole) == set(resumed)
    assert read_log(log) == read_log(tmp_path / "whole/log.jsonl")


def test_other_settings_do_not_mix_with_a_run(questions, checkpoint, tmp_path, capsys):
    assert main(arguments(questions, checkpoint, tmp_path / "run", "--epochs", 1)) == 0
    assert main(arguments(questions, checkpoint, tmp_path / "run", "--epochs", 2)) == 1
    assert "epochs was 1, now 2" in capsys.readouterr().err
    assert main(arguments(questions, checkpoint, tmp_path / "run", "--epochs", 2, "--restart")) == 0


def test_a_damaged_state_and_one_of_another_shape_are_named(questions, checkpoint, tmp_path, capsys):
    given = arguments(questions, checkpoint, tmp_path / "run", "--epochs", 1, "--tune", "adapters")
    assert main([*given, "--rank", "2"]) == 0
    state = tmp_path / "run/state.safetensors"
    kept = state.read_bytes()
    state.write_bytes(kept[:100])
    assert main([*given, "--rank", "2"]) == 1
    assert "no training state" in capsys.readouterr().err
    # The same run by its settings, but its weights are another model's.
    state.write_bytes(kept.replace(b'\\"rank\\": 2', b'\\"rank\\": 4'))
    assert main([*given, "--rank", "4"]) == 1
    assert "shape" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--batch-size", "1"], "a batch would hold one question"),
        (["--held-out", "36"], "36 training examples, of which 36 are to be held out"),
        (["--epochs", "0"], "--epochs is 0"),
        (["--warmup", "2"], "--warmup is 2.0"),
        (["--temperature", "0"], "--temperature is 0.0"),
        (["--augment", "1"], "need --corpus"),
        (["--corpus", "vital", "--encoders", "1"], "use --encoders 2"),
        (["--tune", "adapters", "--layers", "decoder"], "no linear layer's name matches 'decoder'"),
        (["--model", "nowhere"], "nowhere cannot be loaded"),
        (["--questions", "nowhere.jsonl"], "there is no file nowhere.jsonl"),
        (["--held-out", "nowhere.jsonl"], "there is no file nowhere.jsonl"),
    ],
)
def test_bad_wishes_get_one_clear_line(questions, checkpoint, tmp_path, capsys, more, message):
    assert main(arguments(questions, checkpoint, tmp_path / "run", *more)) == 1
    said = capsys.readouterr().err
    assert message in said and "Traceback" not in said


def test_a_checkpoint_whose_weights_do_not_fit_its_configuration_is_refused(questions, checkpoint, tmp_path, capsys):
    config = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps(config | {"projection_dim": 64}))
    assert main(arguments(questions, checkpoint, tmp_path / "run")) == 1
    assert "(128, 32) in the file but (64, 32) in the configuration" in capsys.readouterr().err


def test_long_questions_are_cut_and_it_is_said(questions, checkpoint, tmp_path, caplog):
    with questions.open("a") as file:
        file.write(json.dumps({"question": "why " * 600, "document": "Because."}) + "\n")
    assert main(arguments(questions, checkpoint, tmp_path / "run", "--epochs", 1, "--held-out", 0)) == 0
    assert "1 of 37 questions are longer than 64 tokens" in caplog.text


def test_hard_negatives_and_the_eli5_recipe_train(corpus, checkpoint, tmp_path):
    path = tmp_path / "eli5.jsonl"
    rows = [
        {"title": f"why {p.title}?", "answers": {"text": [p.text * 12]}, "negatives": [corpus[0].text]} for p in corpus
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    more = ["--recipe", "eli5", "--epochs", 2, "--batch-size", 4, "--held-out", 0, "--checkpoint-batch-size", 2]
    assert main(arguments(path, checkpoint, tmp_path / "run", *more)) == 0
    assert Encoder.load(tmp_path / "run/best").dimensions == 128
