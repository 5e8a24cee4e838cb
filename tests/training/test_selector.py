"""The selector's examples and training: what is drawn, what it should say, and resumption to the same weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from data.questions import AnswerSentence, Place, Question
from generator.selection.network import SelectorNetwork
from tests.fixtures.tiny_selector import tiny_encoder, tiny_reader
from training import selector
from training.checkpoint import CheckpointError
from training.selector_examples import (
    Example,
    ExamplePassage,
    beside_next,
    close_examples,
    definitions_only,
    fewer,
    judged_examples,
    parent,
    shuffled,
    thinned,
    without_answer,
)
from training.selector_fit import _RECALL, Judged, fit, threshold

_MOON = ExamplePassage("Moon", "", ("The Moon is far.", "It pulls the sea.", "It is round."), (0.0, 1.0, 0.0), 0.8)
_TIDE = ExamplePassage("Tide", "", ("Tides rise.", "They fall too.", "Each takes hours."), (0.0, 0.0, 0.7), 0.9)
_OTHER = ExamplePassage("Bread", "", ("Bread is baked.",), (0.0,), 0.4)
_EXAMPLE = Example("q", "real", "why do tides rise", "full", (_TIDE, _MOON, _OTHER), (((1, 1),), ((0, 2),)), (_OTHER,))


def _told(example):
    """The sentences that an example's steps name."""
    return [[example.passages[passage].sentences[place] for passage, place in step] for step in example.steps]


def test_without_the_answer_everything_else_stays():
    bare = without_answer(_EXAMPLE)
    assert bare.holds == "no" and bare.steps == ()
    assert [p.sentences for p in bare.passages] == [
        ("Tides rise.", "They fall too."),
        ("The Moon is far.", "It is round."),
        ("Bread is baked.",),
    ]
    assert all(len(p.sentences) == len(p.targets) and not any(p.targets) for p in bare.passages)


def test_other_examples_without_an_answer():
    assert [p.sentences for p in definitions_only(_EXAMPLE).passages] == [
        ("Tides rise.",),
        ("The Moon is far.",),
        ("Bread is baked.",),
    ]
    assert beside_next(_EXAMPLE).passages == (_OTHER,) and beside_next(_EXAMPLE).holds == "no"


@pytest.mark.parametrize("change", [thinned, shuffled, fewer])
def test_a_changed_example_keeps_its_answer(change):
    seen = set()
    for seed in range(20):
        changed = change(_EXAMPLE, np.random.default_rng(seed))
        assert _told(changed) == [["It pulls the sea."], ["Each takes hours."]]
        assert changed.holds == "full"
        assert sum(map(sum, (p.targets for p in changed.passages))) == pytest.approx(1.7)
        seen.add(changed.passages)
    assert len(seen) > 1


def test_noted_evidence_is_found_among_what_was_read(tiny_retriever):
    answer = (AnswerSentence("The Moon does.", (Place("Tide", "", "The Moon and"),)), AnswerSentence("Who knows?"))
    asked = Question("1", "What makes tides rise and fall?", "", holds="part", sentences=answer)
    (example,) = judged_examples([asked], tiny_retriever, "real")
    (step,) = example.steps
    ((passage, place),) = step
    assert example.passages[passage].sentences[place] == "The Moon and the Sun pull the water."
    assert example.passages[passage].targets[place] == 1.0
    assert sum(map(sum, (p.targets for p in example.passages))) == 1.0
    assert len(example.passages) == 4 and len(example.next) == 4


def test_what_was_judged_without_sentences_is_read_without_them(tiny_retriever):
    taken = (Place("Tide", "", "The Moon and"),)
    asked = Question("1-less", "What makes tides rise and fall?", "", holds="no", without=taken)
    (example,) = judged_examples([asked], tiny_retriever, "more")
    texts = [text for passage in example.passages for text in passage.sentences]
    assert example.less and parent(example) == "1"
    assert "The Moon and the Sun pull the water." not in texts and len(example.passages) == 4
    (whole,) = judged_examples([replace(asked, id="1", without=())], tiny_retriever, "more")
    assert not whole.less and len([t for p in whole.passages for t in p.sentences]) == len(texts) + 1


def test_what_comes_nearest_does_not_belong_where_nothing_answers(tiny_retriever):
    nearest = (AnswerSentence("They don't say.", (Place("Tide", "", "The Moon and"),)),)
    asked = Question("1", "What makes tides rise and fall?", "", holds="no", sentences=nearest)
    (example,) = judged_examples([asked], tiny_retriever, "real")
    assert example.steps == () and not any(any(passage.targets) for passage in example.passages)


def test_a_question_and_what_was_judged_of_it_again_are_kept_apart_together():
    many = [replace(_EXAMPLE, id=str(number), source="more") for number in range(11)]
    many += [replace(without_answer(_EXAMPLE), id=f"{number}-less", source="more", less=True) for number in range(11)]
    rest, kept = selector.held_out(many)
    assert {example.id for example in kept} == {"0", "10", "0-less", "10-less"}
    assert len(rest) == 18
    drawn = [example for step in range(20) for example in selector.Drawer(rest, 16, 0)(step)]
    assert any(example.less for example in drawn)


def test_close_answers_say_which_sentences_belong(tiny_retriever):
    asked = Question("1", "What is honey?", "Honey is a sweet food made by bees.", ("Honey",))
    lacking = Question("2", "How old is honey?", "The passages don't say.", ("Honey",), answerable=False)
    lost = Question("3", "What is snow?", "Snow falls in winter.", ("Snow",))
    first, second = close_examples([asked, lacking, lost], tiny_retriever)
    (honey,) = [passage for passage in first.passages if passage.title == "Honey"]
    assert honey.targets == (1.0, 0.0) and first.holds == "full"
    assert second.holds == "no" and not any(any(passage.targets) for passage in second.passages)


def test_draws_depend_on_the_step_alone_and_fill_the_batch():
    sources = ("real", "deep", "close")
    many = [replace(_EXAMPLE, id=str(number), source=source) for source in sources for number in range(5)]
    many += [replace(without_answer(_EXAMPLE), source="real")] * 5
    draw, again = selector.Drawer(many, 16, 0), selector.Drawer(many, 16, 0)
    assert draw(3) == again(3) != draw(4)
    drawn = [example for step in range(20) for example in draw(step)]
    assert len(drawn) == 320
    assert 0.3 < np.mean([example.holds == "no" for example in drawn]) < 0.7


def test_what_was_said_is_no_longer_wanted():
    owners, pieces = [(p, s) for p in range(2) for s in range(3)] + [(2, 0)], [0, 1, 2]
    seen = [selector.wanted(_EXAMPLE, owners, pieces, np.random.default_rng(seed)) for seed in range(30)]
    for aim in seen:
        assert not (aim.targets[aim.said] > 0).any()
        assert aim.more == float((aim.targets >= 0.5).any())
        assert aim.holds.tolist() == [1.0, 1.0] and aim.passages.tolist() == [1.0, 1.0, 0.0]
    assert {int(aim.said.sum()) for aim in seen} == {0, 1, 2}


def _network():
    torch.manual_seed(0)
    return SelectorNetwork.of(tiny_encoder())


def _weights(network):
    return {name: value.clone() for name, value in network.trained().state_dict().items()}


def _train(network, folder, examples, *options):
    given = selector.make_parser().parse_args(["--output", str(folder), "--save-every", "1", *options])
    selector.train(network, tiny_reader(), examples, given)
    return network


def test_a_run_that_goes_on_ends_as_one_that_was_longer(tmp_path):
    examples = [_EXAMPLE, replace(without_answer(_EXAMPLE), id="n"), replace(_EXAMPLE, id="c", source="close")]
    before = _weights(_network())
    whole = _weights(_train(_network(), tmp_path / "whole", examples, "--steps", "4", "--batch-size", "3"))
    _train(_network(), tmp_path / "parts", examples, "--steps", "2", "--batch-size", "3")
    parts = _weights(_train(_network(), tmp_path / "parts", examples, "--steps", "4", "--batch-size", "3"))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    changed = {name for name in whole if not torch.equal(whole[name], before[name])}
    assert any(name.startswith("layers.layer.2") for name in changed)
    assert not any(name.startswith(("layers.layer.0", "layers.layer.1")) for name in changed)
    means = [_network(), _network()]
    for mean, folder in zip(means, ("whole", "parts"), strict=True):
        selector.average(mean, [tmp_path / folder / "state.safetensors"])
    first, second = map(_weights, means)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], whole[name]) for name in changed)


def test_another_run_in_the_folder_is_refused(tmp_path):
    _train(_network(), tmp_path, [_EXAMPLE], "--steps", "1")
    with pytest.raises(CheckpointError, match="seed was 0, now 1"):
        _train(_network(), tmp_path, [_EXAMPLE], "--steps", "1", "--seed", "1")


def test_runs_are_averaged(tmp_path):
    for seed in ("0", "1"):
        _train(_network(), tmp_path / seed, [_EXAMPLE], "--steps", "2", "--seed", seed)
    folders = [tmp_path / name / "state.safetensors" for name in ("0", "1")]
    averaged = []
    for states in (folders[:1], folders[1:], folders):
        network = _network()
        selector.average(network, states)
        averaged.append(_weights(network))
    first, second, both = averaged
    assert any(not torch.equal(first[name], second[name]) for name in both)
    assert all(torch.allclose(both[name], (first[name] + second[name]) / 2, atol=1e-6) for name in both)


def _judged(source, holds, logit):
    features = {"part": logit, "whole": logit, "passage": logit, "best": logit, "second": 0.0, "top": 0.6, "gap": 0.1}
    return Judged(source, holds, features, (logit, -2.0), (float(holds != "no"), 0.0))


def test_the_judgement_is_fitted_to_what_was_judged():
    random = np.random.default_rng(0)
    rows = [_judged(source, "full", random.normal(1.5)) for source in ("real", "deep", "close") for _ in range(60)]
    rows += [_judged(source, "no", random.normal(-1.5)) for source in ("real", "deep+removed") for _ in range(90)]
    joint = fit(rows)
    sure, unsure = (joint.holding(_judged("real", "full", logit).features)[0] for logit in (3.0, -3.0))
    assert sure > 0.8 and unsure < 0.2
    assert joint.sentence({"logit": 3.0, "part": 1.0}) > joint.sentence({"logit": -3.0, "part": 1.0})
    kept = [joint.holding(row.features)[0] >= joint.least for row in rows if row.source == "close"]
    assert np.mean(kept) >= _RECALL["close"]
    assert threshold(joint, [row for row in rows if row.source == "real"]) > joint.least
