"""The sentence ranker's examples and training, with a tiny random encoder."""

import copy

import numpy as np
import pytest
import torch

from data.questions import Question
from generator.selection.ranker import CrossEncoder, Sentence, SentenceRanker
from training import ranker as command
from training.checkpoint import CheckpointError
from training.log import read_log
from training.lora import adapter_tensors
from training.ranker_examples import RankedQuestion, ranked_questions, targets

ASKED = {"Flute": "What is a flute?", "Honey": "What is honey?", "Bread": "What is bread?", "Tide": "What are tides?"}


@pytest.fixture
def rows(corpus, tiny_retriever):
    texts = {passage.title: passage.text for passage in corpus}
    questions = [Question(title, asked, texts[title], (title,)) for title, asked in ASKED.items()]
    return ranked_questions(questions, tiny_retriever, with_gold=True)


@pytest.fixture
def start(tiny_encoder):
    encoder = copy.deepcopy(tiny_encoder.model.bert_query)
    return CrossEncoder(encoder), tiny_encoder.tokenizer


def trained(start, rows, folder, epochs=1):
    model, tokenizer = copy.deepcopy(start[0]), start[1]
    given = command.make_parser().parse_args(
        ["--output", str(folder), "--batch-size=2", "--sentences=4", "--learning-rate=5e-3", "--save-every=1"]
    )
    given.epochs = epochs
    command.train(model, tokenizer, rows, given)
    return model


def test_the_sentences_of_the_answer_are_wanted_and_gold_passages_are_there(rows):
    for row in rows:
        assert row.question.titles[0] in {sentence.title for sentence in row.sentences}
        wanted = {s.title for s, target in zip(row.sentences, row.targets, strict=True) if target == 1}
        assert wanted == {row.question.titles[0]}


def test_nothing_is_wanted_of_what_has_no_answer():
    question = Question("0", "Why?", "The sea rises.", answerable=False)
    assert targets(question, [Sentence("Sea", "The sea rises.")]) == [0.0]


def test_training_learns_and_goes_on_where_it_was_stopped(start, rows, tmp_path, monkeypatch):
    whole = trained(start, rows, tmp_path / "whole", epochs=8)

    class Killed(Exception):
        pass

    calls = []

    def killed(*given):
        if len(calls) == 7:
            raise Killed
        calls.append(given)
        return draw(*given)

    draw = command.draw
    monkeypatch.setattr(command, "draw", killed)
    with pytest.raises(Killed):
        trained(start, rows, tmp_path / "cut", epochs=8)
    monkeypatch.setattr(command, "draw", draw)
    resumed = trained(start, rows, tmp_path / "cut", epochs=8)
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)
    assert read_log(tmp_path / "cut/log.jsonl") == read_log(tmp_path / "whole/log.jsonl")
    ranker = SentenceRanker(whole, start[1], [1.0, 0.0, 0.0, 0.0, 0.0])
    for row in rows:
        scores, wanted = ranker.probabilities(row.question.question, row.sentences), np.array(row.targets)
        assert scores[wanted == 1].mean() > scores[wanted == 0].mean()
    with pytest.raises(CheckpointError, match="epochs was 8, now 3"):
        trained(start, rows, tmp_path / "cut", epochs=3)


def test_a_saved_ranker_judges_alike(start, rows, tmp_path):
    base = copy.deepcopy(start[0].encoder)
    ranker = SentenceRanker(trained(start, rows, tmp_path), start[1], [1.0, 2.0, -0.5, 0.25, -1.0])
    ranker.save(tmp_path / "ranker.safetensors", adapter_tensors(ranker.model.encoder), {})
    again = SentenceRanker.read(tmp_path / "ranker.safetensors", base, start[1])
    row = rows[0]
    mine, its = (each.probabilities(row.question.question, row.sentences) for each in (ranker, again))
    np.testing.assert_allclose(mine, its, atol=1e-3)
    by_hand = [
        logit + 2 * s.similarity - 0.5 * s.rank + 0.25 * (s.rank == 0) - 1
        for logit, s in zip(ranker.logits(row.question.question, row.sentences), row.sentences, strict=True)
    ]
    np.testing.assert_allclose(np.log(mine / (1 - mine)), by_hand, atol=1e-6)


def test_another_file_is_refused(tmp_path, start):
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="no sentence ranker"):
        SentenceRanker.read(tmp_path / "other.safetensors", start[0].encoder, start[1])


def test_wanted_sentences_are_drawn_first():
    sentences = tuple(Sentence("T", f"Sentence {n}.", 0, 0.1 * n) for n in range(6))
    row = RankedQuestion(Question("0", "Why?", "So."), sentences, (1.0,) + (0.0,) * 5)
    shown = command.draw([row], 2, np.random.default_rng(0))
    assert len(shown) == 2 and shown[0] == ("Why?", sentences[0], 1.0)


def test_the_joining_regression_says_how_much_it_is_worth(start, rows):
    ranker = SentenceRanker(*start, [1.0, 0.0, 0.0, 0.0, 0.0])
    weights, figures = command.fit_weights(ranker, rows)
    assert len(weights) == 5 and set(figures) == {
        f"{by}{name}" for by in ("", "logit ", "nearest ") for name in ("map", "first", "first three")
    }
    # Fitted on these very rows, it is at least as good as what it joins.
    assert 0 < figures["logit map"] <= figures["map"] <= 1


@pytest.mark.parametrize(
    ("more", "said"),
    [(["--epochs", "0"], "--epochs is 0; it must be at least 1"), (["--limit", "-3"], "--limit is -3; it must be")],
)
def test_bad_wishes_get_one_clear_line(tmp_path, capsys, more, said):
    assert command.main(["--output", str(tmp_path), *more]) == 1
    line = capsys.readouterr().err
    assert line.startswith(f"error: {said}") and line.count("\n") == 1
