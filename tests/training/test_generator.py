"""Training of generators: the same run whether interrupted or not, the loss, and what it refuses."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from data.questions import Question, QuestionSetError
from generator.adapter import adapted_model, read_card
from generator.base import GeneratorError
from generator.fused import FusedGenerator
from generator.seq2seq import Seq2SeqGenerator
from training.checkpoint import CheckpointError, seed_everything
from training.generator import main, make_parser, train
from training.generator_examples import AnswerExample, Drawing, ExampleSource, TrainingSet
from training.generator_models import FusedTrainee, Seq2SeqTrainee, Tuning, mean_loss
from training.log import read_log

ROOT = Path(__file__).parents[2]
BASE = ("tiny", "a" * 64)
SCHEDULE = ["--epochs=2", "--micro-batch=2", "--learning-rate=1e-2", "--evaluate-every=2", "--save-every=1"]


@pytest.fixture(scope="module")
def questions(corpus) -> list[Question]:
    return [
        Question(str(number), f"What is {passage.title.lower()}?", passage.text.split(". ")[0] + ".", (passage.title,))
        for number, passage in enumerate(corpus)
    ]


@pytest.fixture(scope="module")
def source(questions, tiny_retriever) -> ExampleSource:
    return ExampleSource(questions, tiny_retriever, "sparse")


def run(trainee, source, folder, *more) -> float:
    """Train, with the last of options given twice."""
    given = make_parser().parse_args(["--output", str(folder), "--batch-size=4", "--patience=0", *more])
    held_out = [source.as_asked(number, 2) for number in range(2)]
    return train(trainee, TrainingSet(source, Drawing(2, 3, seed=1), held_out), given)


def fused(tiny_fused, tuning=None, cache=1 << 20) -> FusedTrainee:
    seed_everything(0)
    return FusedTrainee(*tiny_fused, BASE, tuning or Tuning(rank=2, alpha=4), cache)


class Interrupted(FusedTrainee):
    """Stops as if killed, before the optimiser's step, at the given loss computation."""

    left = 7

    def loss(self, examples):
        self.left -= 1
        if self.left < 0 and self.model.training:
            raise KeyboardInterrupt
        return super().loss(examples)


@pytest.mark.parametrize("cache", [0, 1 << 20])
@pytest.mark.parametrize(
    "tuning", [Tuning(2, 4.0), Tuning(2, 4.0, encoder=True), Tuning(0), Tuning(2, 4.0, precision="bf16")]
)
def test_an_interrupted_run_goes_on_to_the_same_weights(tiny_fused, source, tmp_path, tuning, cache):
    whole = fused(tiny_fused, tuning, cache)
    best = run(whole, source, tmp_path / "whole", *SCHEDULE)
    seed_everything(0)
    broken = Interrupted(*tiny_fused, BASE, tuning, cache)
    with pytest.raises(KeyboardInterrupt):
        run(broken, source, tmp_path / "broken", *SCHEDULE)
    resumed = fused(tiny_fused, tuning, cache)
    again = run(resumed, source, tmp_path / "broken", *SCHEDULE)
    records = [read_log(tmp_path / name / "log.jsonl") for name in ("whole", "broken")]
    assert len(records[0]) == len(records[1]) == 6 + 3
    assert again == best and records[0] == records[1]
    assert all(torch.equal(weight, resumed.parameters()[name]) for name, weight in whole.parameters().items())


def test_training_lowers_the_loss_and_the_best_weights_open_as_a_generator(tiny_fused, source, tmp_path):
    trainee = fused(tiny_fused)
    examples = [source.as_asked(number, 2) for number in range(2)]
    before = mean_loss(trainee, examples, 2)
    best = run(trainee, source, tmp_path, "--epochs=8", "--learning-rate=3e-2")
    assert best < before - 0.3
    card = read_card(tmp_path / "best").training
    assert card["epochs"] == 8 and card["losses"]["held out"] == best and "output" not in card
    model = adapted_model(tiny_fused[0], tmp_path / "best", *BASE)
    generator = FusedGenerator(model, tiny_fused[1])
    sums = [
        generator.answer_loss(generator.read(example.retrieved), example.answer, example.wording)
        for example in examples
    ]
    assert sum(loss for loss, _ in sums) / sum(count for _, count in sums) == pytest.approx(best, abs=0.01)


def test_a_run_ends_after_its_most_steps(tiny_fused, source, tmp_path):
    run(fused(tiny_fused), source, tmp_path, *SCHEDULE, "--most-steps=4")
    rows = read_log(tmp_path / "log.jsonl")
    assert [row["step"] for row in rows if "loss" in row] == [1, 2, 3, 4] and "held out" in rows[-1]


def test_training_can_start_from_an_adapter(tiny_fused, source, tmp_path):
    trained = fused(tiny_fused)
    run(trained, source, tmp_path / "first", *SCHEDULE)
    trained.save(tmp_path / "last", {})
    again = fused(tiny_fused)
    again.start_from(tmp_path / "last")
    examples = [source.as_asked(number, 2) for number in range(4)]
    assert mean_loss(again, examples, 2) == pytest.approx(mean_loss(trained, examples, 2), abs=0.01)
    with pytest.raises(GeneratorError, match=r"is \(2, 32\) there and \(3, 32\) here; give the --rank"):
        fused(tiny_fused, Tuning(3, 6)).start_from(tmp_path / "last")


def test_a_batch_in_parts_has_the_loss_of_its_examples_one_by_one(tiny_fused, source):
    trainee = fused(tiny_fused)
    examples = [source.draw(number, 0, Drawing(1, 3)) for number in range(6)]
    with torch.no_grad():
        alone = sum(float(trainee.loss([example])) for example in examples)
        assert float(trainee.loss(examples)) == pytest.approx(alone, rel=1e-5)


@pytest.mark.parametrize("family", ["bart", "t5", "led"])
def test_seq2seq_checkpoints_train_and_open_again(tiny_seq2seq, source, tmp_path, family):
    seed_everything(0)
    trainee = Seq2SeqTrainee(Seq2SeqGenerator.load(str(tiny_seq2seq(family))), Tuning(rank=4, alpha=8))
    assert all("decoder" in name for name in trainee.parameters())
    examples = [source.as_asked(number, 2) for number in range(2)]
    before = mean_loss(trainee, examples, 2)
    best = run(trainee, source, tmp_path, "--epochs=6", "--learning-rate=3e-2")
    assert best < before
    opened = Seq2SeqTrainee(Seq2SeqGenerator.load(str(tmp_path / "best")), Tuning(rank=4))
    assert mean_loss(opened, examples, 2) == pytest.approx(best, abs=1e-3)


def test_examples_are_drawn_alike_hold_the_gold_passages_and_vary(source, questions):
    drawing = Drawing(2, 4, gold_share=1.0, seed=3)
    drawn = [source.draw(number, epoch, drawing) for epoch in range(3) for number in range(len(source))]
    assert drawn == [source.draw(number, epoch, drawing) for epoch in range(3) for number in range(len(source))]
    assert {len(example.passages) for example in drawn} == {2, 3, 4}
    assert all(questions[n % 12].titles[0] in {p.title for p in drawn[n].passages} for n in range(36))
    assert len({example.passages for example in drawn[::12]}) > 1


def test_titles_that_the_index_lacks_are_named(tiny_retriever):
    source = ExampleSource([Question("0", "Why?", "So.", ("Tide", "Atlantis"))], tiny_retriever, "sparse")
    assert source.missing == ["Atlantis"]
    with pytest.raises(QuestionSetError, match="no questions to train on"):
        ExampleSource([], tiny_retriever)


def test_each_epoch_takes_all_of_the_main_source_and_a_new_part_of_the_other(source):
    data = TrainingSet(source, Drawing(1, 1, gold_share=0, seed=5), [], mix=source, mix_share=0.5)
    assert len(data) == 12 + 6
    questions = [[data.draw(number, epoch).question for number in range(18)] for epoch in (0, 1)]
    assert all(row[:12] == [item.question for item in source.questions] for row in questions)
    assert all(len(set(row[12:])) == 6 for row in questions) and set(questions[0][12:]) != set(questions[1][12:])


def test_a_state_of_another_run_is_refused(tiny_fused, source, tmp_path):
    run(fused(tiny_fused), source, tmp_path, *SCHEDULE)
    with pytest.raises(CheckpointError, match="holds a run with other settings .targets was close, now others"):
        run(fused(tiny_fused), source, tmp_path, *SCHEDULE, "--targets=others")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rank", "-1"], "--rank is -1; it must be at least 0"),
        (["--fewest", "5", "--most", "4"], "--most is 4, below --fewest"),
        (["--gold-share", "1.5"], "--gold-share is 1.5; allowed is 0 to 1"),
        (["--learning-rate", "0"], "--learning-rate is 0.0; it must be above 0"),
        (["--sentences", "2", "--generator", "bart"], "--sentences is for fused; bart learns whole answers"),
        (["--retrieval", "magic"], "--retrieval is 'magic'; allowed are dense, sparse, mixed, none, random"),
        (["--targets", "nowhere.jsonl"], "there is no file nowhere.jsonl"),
        (["--index", "nowhere"], "nowhere"),
    ],
)
def test_arguments_that_cannot_be_used_get_one_line(tmp_path, capsys, arguments, said):
    assert main(["--output", str(tmp_path), *arguments]) == 1
    line = capsys.readouterr().err
    assert line.startswith("error: ") and line.count("\n") == 1 and said in line


def test_no_gradient_reaches_padding_or_other_examples(tiny_fused, source):
    """A longer neighbour in the batch changes nothing for an example."""
    trainee = fused(tiny_fused)
    short = source.as_asked(0, 1)
    long = AnswerExample("What is this long question about, and why?", short.answer * 3, source.as_asked(1, 3).passages)
    trainee.loss([short]).backward()
    alone = {name: weight.grad.clone() for name, weight in trainee.parameters().items()}
    for weight in trainee.parameters().values():
        weight.grad = None
    (trainee.loss([short, long]) - trainee.loss([long])).backward()
    for name, weight in trainee.parameters().items():
        torch.testing.assert_close(weight.grad, alone[name], atol=1e-4, rtol=1e-3)


@pytest.mark.assets
def test_a_killed_run_of_the_command_ends_as_an_uninterrupted_one(tiny_seq2seq, questions, tmp_path):
    file = tmp_path / "questions.jsonl"
    rows = [{"question": q.question, "answer": q.answer, "titles": q.titles} for q in questions]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [sys.executable, "-m", "training.generator", "--generator", str(tiny_seq2seq("bart")), "--rank", "2"]
    command += ["--targets", str(file), "--dev", str(file), "--dev-limit", "2", "--held-out", "2", "--epochs", "12"]
    command += "--batch-size 2 --save-every 3 --retrieval sparse --precision fp32 --patience 0".split()

    def begin(name: str) -> subprocess.Popen:
        return subprocess.Popen([*command, "--output", str(tmp_path / name)], cwd=ROOT, stderr=subprocess.PIPE)

    whole = begin("whole")
    assert whole.wait(300) == 0, whole.stderr.read().decode()
    killed = begin("killed")
    log = tmp_path / "killed/log.jsonl"
    while killed.poll() is None and not (log.is_file() and len(log.read_text().splitlines()) > 10):
        time.sleep(0.002)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    again = begin("killed")
    assert again.wait(300) == 0, again.stderr.read().decode()
    assert read_log(log) == read_log(tmp_path / "whole/log.jsonl")
    first, second = (load_file(tmp_path / name / "best/model.safetensors") for name in ("whole", "killed"))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_broken_line_is_named_by_the_command(tmp_path, capsys):
    path = tmp_path / "broken.jsonl"
    path.write_text('{"question": "Why?", "answer": "So."}\n{"question"\n')
    assert main(["--output", str(tmp_path / "run"), "--targets", str(path)]) == 1
    assert f"{path}, line 2: not JSON" in capsys.readouterr().err
