"""Training of the writer on a tiny random model: resumption, the loss, and what it refuses."""

import json

import pytest
import torch

from core.records import Passage
from data.questions import AnswerSentence, Place, Question, by_title
from generator.adapter import adapted_stack, read_card
from generator.base import GeneratorError
from generator.writer.layout import Fact, WriterRequest
from generator.writer.modeling import WriterModel
from training.checkpoint import seed_everything
from training.log import read_log
from training.schedule import SizedBatches
from training.writer import HELD_OUT, main, make_parser, train
from training.writer_examples import (
    WriterExample,
    WrittenAnswer,
    WrittenSentence,
    aligned,
    close_answers,
    examples,
    noted_answers,
)
from training.writer_model import WriterTrainee, mean_loss

BASE = ("tiny", "a" * 64)
SCHEDULE = ["--steps=6", "--evaluate-every=2", "--save-every=1", "--learning-rate=1e-2", "--warmup=1"]
MORE = ["--batch-size=4", "--micro-batch=2", "--rank=2", "--alpha=4", "--precision=fp32", "--held-out=2"]


@pytest.fixture(scope="module")
def titles(corpus) -> dict[str, list[Passage]]:
    return by_title(corpus)


@pytest.fixture(scope="module")
def answers(corpus, titles) -> list[WrittenAnswer]:
    questions = [
        Question(str(number), f"What is {passage.title}?", passage.text, (passage.title,))
        for number, passage in enumerate(corpus)
    ]
    return close_answers(questions, titles)


def trainee(tiny_fused, rank=2, form="sentence") -> WriterTrainee:
    seed_everything(0)
    stack, tokenizer = tiny_fused
    return WriterTrainee(stack, tokenizer, BASE, form, rank, 2.0 * rank)


def run(writer, answers, folder, *more) -> float:
    return train(writer, answers, make_parser().parse_args(["--output", str(folder), *MORE, *SCHEDULE, *more]))


class Interrupted(WriterTrainee):
    """Stops as if killed, before the optimiser's step."""

    left = 7

    def loss(self, drawn):
        if torch.is_grad_enabled():
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
        return super().loss(drawn)


@pytest.mark.parametrize("form", ["sentence", "paragraph"])
def test_an_interrupted_run_goes_on_to_the_same_weights(tiny_fused, answers, tmp_path, form):
    whole = trainee(tiny_fused, form=form)
    best = run(whole, answers, tmp_path / "whole", "--form", form)
    seed_everything(0)
    with pytest.raises(KeyboardInterrupt):
        run(Interrupted(*tiny_fused, BASE, form, 2, 4.0), answers, tmp_path / "broken", "--form", form)
    resumed = trainee(tiny_fused, form=form)
    assert run(resumed, answers, tmp_path / "broken", "--form", form) == best
    records = [read_log(tmp_path / name / "log.jsonl") for name in ("whole", "broken")]
    assert len(records[0]) == 6 + 4 and records[0] == records[1]
    assert all(torch.equal(weight, resumed.parameters()[name]) for name, weight in whole.parameters().items())


def test_training_lowers_the_loss_and_the_best_weights_open(tiny_fused, answers, tmp_path):
    writer = trainee(tiny_fused)
    best = run(writer, answers, tmp_path, "--steps=20", "--learning-rate=3e-2", "--evaluate-every=20")
    before = read_log(tmp_path / "log.jsonl")[0]["held out"]
    assert best < before - 0.3
    assert read_card(tmp_path / "best").training["losses"]["held out"] == best
    # The merged model has the loss of the one in training; `trainee` makes adapters that change nothing.
    opened = trainee(tiny_fused)
    opened.model = WriterModel(
        *(adapted_stack(tiny_fused[0], n, tmp_path / "best", *BASE) for n in ("encoder", "decoder"))
    )
    rows = [json.loads(line) for line in (tmp_path / HELD_OUT).read_text().splitlines()]
    held = [answer for answer in answers if answer.question in {row["question"] for row in rows}]
    assert [WrittenAnswer.of(row) for row in rows] == held
    kept = [opened.encode(example) for answer in held for example in examples(answer, "sentence")]
    assert len(held) == 2 and mean_loss(opened, kept, 2) == pytest.approx(best, abs=0.01)


def test_both_passes_learn_and_the_base_does_not(tiny_fused, answers):
    writer = trainee(tiny_fused)
    # B is zero at first, and then A has no gradient.
    for name, weight in writer.parameters().items():
        if name.endswith(".b"):
            torch.nn.init.normal_(weight, std=0.1)
    writer.loss([writer.encode(example) for example in examples(answers[0], "sentence")]).backward()
    gradients = {
        name: weight.grad.abs().sum() for name, weight in writer.parameters().items() if weight.grad is not None
    }
    last = f"layers.{tiny_fused[0].config.layers - 1}."
    silent = {name for name in writer.parameters() if name not in gradients or not gradients[name]}
    # What the last layer makes of its attention is read by nobody in the encoder.
    unread = {"query", "output", "gate", "up", "down"}
    assert silent == {
        name for name in writer.parameters() if f"encoder.{last}" in name and unread & set(name.split("."))
    }
    assert all(name.endswith((".a", ".b")) for name in writer.parameters())
    assert all(weight.grad is None for weight in tiny_fused[0].parameters())


def test_a_batch_has_the_loss_of_its_examples_one_by_one(tiny_fused, answers):
    writer = trainee(tiny_fused)
    drawn = [writer.encode(example) for answer in answers[:4] for example in examples(answer, "sentence")]
    with torch.no_grad():
        alone = sum(float(writer.loss([example])) for example in drawn)
        assert float(writer.loss(drawn)) == pytest.approx(alone, rel=1e-5)


def test_training_can_start_from_an_adapter(tiny_fused, answers, tmp_path):
    first = trainee(tiny_fused)
    run(first, answers, tmp_path)
    first.save(tmp_path / "last", {})
    again = trainee(tiny_fused)
    again.start_from(tmp_path / "last")
    kept = [again.encode(example) for example in examples(answers[0], "paragraph")]
    assert mean_loss(again, kept, 2) == pytest.approx(mean_loss(first, kept, 2), abs=0.01)
    with pytest.raises(GeneratorError, match=r"is \(2, 32\) there and \(3, 32\) here; give the --rank"):
        trainee(tiny_fused, 3).start_from(tmp_path / "last")


def test_batches_are_of_one_size_and_each_epoch_has_all():
    sizes = [((7 * number) % 101, (11 * number) % 37) for number in range(2010)]
    batches = SizedBatches(sizes, 4, seed=1)
    for epoch in (0, 1):
        drawn = [batches.at(epoch * batches.per_epoch + step) for step in range(batches.per_epoch)]
        assert sorted(sum(drawn, [])) == list(range(2010))
        padded = [sum(len(row) * max(sizes[n][kind] for n in row) for row in drawn) for kind in (0, 1)]
        assert all(padded[kind] < 1.15 * sum(size[kind] for size in sizes) for kind in (0, 1))
    assert batches.at(3) == SizedBatches(sizes, 4, seed=1).at(3) != batches.at(3 + batches.per_epoch)


def test_noted_evidence_is_found_and_what_is_lacking_has_none(titles):
    said = (
        AnswerSentence(
            "The Moon pulls it.", (Place("Tide", begins="The Moon and"), Place("Moon", begins="The Moon is"))
        ),
        AnswerSentence("The passages don't say how far.", ()),
    )
    question = Question("1", "Why?", "", sentences=said, read=(Place("Tide"), Place("Moon"), Place("Tide")))
    lost = Question("2", "Why?", "", sentences=(AnswerSentence("So.", (Place("Tide", begins="Nothing like"),)),))
    (answer,) = noted_answers([question, lost], titles)
    assert [len(sentence.facts) for sentence in answer.sentences] == [2, 0] and answer.about == ("Tide", "Moon")
    first, gap = examples(answer, "sentence")
    assert first.request.facts[0] == Fact("Tide", "The Moon and the Sun pull the water.") and not first.request.about
    assert gap.request == WriterRequest("Why?", (), said="The Moon pulls it.", about=("Tide", "Moon"))
    (whole,) = examples(answer, "paragraph")
    assert whole.request.partly and whole.target == "The Moon pulls it. The passages don't say how far."


def test_close_answers_are_aligned_and_those_that_rest_on_nothing_left_out(titles):
    def close(answer, answerable=True):
        return close_answers([Question("1", "Why?", answer, ("Tide", "Moon"), answerable=answerable)], titles)

    (answer,) = close("The Moon and the Sun pull the water daily. It always shows the same side to Earth.")
    assert [[fact.title for fact in sentence.facts] for sentence in answer.sentences] == [["Tide"], ["Moon"]]
    assert close("Bananas are yellow and bent.") == []
    assert close("The passages don't say why.", answerable=False)[0].sentences[0].facts == ()


def test_a_sentence_of_two_facts_has_both():
    one, two, other = Fact("A", "Yeast makes the dough rise."), Fact("B", "Bees make honey."), Fact("C", "It rains.")
    assert aligned("Yeast makes the dough rise while bees make honey.", [other, one, two]) == (one, two)
    assert aligned("Nothing of this.", [one, two]) == () == aligned("Word", [])


def test_distractors_are_drawn_alike_and_not_always():
    facts = tuple(Fact("A", f"Fact {number}.") for number in range(8))
    made = [
        WrittenAnswer(str(number), "Why?", (WrittenSentence("So.", facts[:2]),), facts, ("A",)) for number in range(200)
    ]
    counts = [len(examples(answer, "paragraph")[0].request.facts) for answer in made]
    assert counts == [len(examples(answer, "paragraph")[0].request.facts) for answer in made]
    assert {2, 3, 4} == set(counts) and 120 < counts.count(2) < 160


def test_what_is_too_long_is_left_out_and_counted(tiny_fused, answers, tmp_path, capsys):
    long = WrittenAnswer("long", "Why?", (WrittenSentence("word " * 300, ()),), (), ())
    run(trainee(tiny_fused), [*answers, long], tmp_path)
    assert "1 are too long" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--steps", "0"], "--steps is 0; it must be at least 1"),
        (["--rank", "0"], "--rank is 0; it must be at least 1"),
        (["--learning-rate", "0"], "--learning-rate is 0.0; it must be above 0"),
    ],
)
def test_arguments_that_cannot_be_used_get_one_line(tmp_path, capsys, arguments, said):
    assert main(["--output", str(tmp_path), *arguments]) == 1
    line = capsys.readouterr().err
    assert line.startswith("error: ") and line.count("\n") == 1 and said in line


def test_too_many_held_out_are_refused(tiny_fused, answers, tmp_path):
    with pytest.raises(Exception, match="there are 12 answers and --held-out is 12: lower it"):
        run(trainee(tiny_fused), answers, tmp_path, "--held-out=12")


def test_an_example_is_request_and_target(tiny_fused):
    writer = trainee(tiny_fused)
    encoded = writer.encode(WriterExample(WriterRequest("Why?", (Fact("A", "B."),)), "So."))
    assert encoded.target[-1] == writer.layout.end and writer.layout.text(encoded.target) == "So."
