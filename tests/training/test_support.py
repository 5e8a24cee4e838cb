"""The support model's examples, training and judgement, with a tiny random encoder."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from core.sentences import split_sentences
from data.questions import Claim, Question
from generator.support.cross_encoder import CrossEncoder
from generator.support.joint import Joint
from training import support, support_judgement
from training.log import read_log
from training.schedule import epoch_order
from training.support_examples import KeptPassages, held_out, make_examples, siblings_of
from training.support_judgement import FIGURES, PRECISION_RECALL, RELIABILITY, fit_joint
from training.support_spoiler import ClaimExample


@pytest.fixture
def texts(corpus):
    return {passage.title: passage.text for passage in corpus}


@pytest.fixture
def claims(texts):
    """Two claims of each of thirty groups: a sentence of its first passage, and one of another's."""
    titles, found = list(texts), []
    for number in range(30):
        read = tuple(titles[(number + step) % 12] for step in range(4))
        own, other = split_sentences(texts[read[0]])[0], split_sentences(texts[titles[(number + 6) % 12]])[0]
        found.append(Claim(f"group-{number}", own, read, read[:1], True, "close"))
        found.append(Claim(f"group-{number}", other, read, read[:1], False, "plausible"))
    return found


@pytest.fixture
def examples(claims, texts):
    answers = {"written": {"group-1": Question("group-1", "Why?", "Some bees make wax combs. So.", ("Tide",))}}
    return make_examples(claims, answers, texts, {"water": ["flour"]}, seed=0)


@pytest.fixture
def kept(corpus, texts, tiny_reader, tmp_path):
    return KeptPassages(tmp_path, {passage.title: passage for passage in corpus}, list(texts), tiny_reader)


def trained(reader, kept, examples, folder, steps=8) -> CrossEncoder:
    torch.manual_seed(1)
    cross = CrossEncoder(reader.encoder)
    given = support.make_parser().parse_args(
        ["--output", str(folder), "--batch-size=6", f"--examples={6 * steps}", "--save-every=3", "--learning-rate=3e-3"]
    )
    support.train(cross, examples, reader, kept, given)
    return cross


def test_made_claims_keep_to_their_side_and_each_kind_is_there(examples, claims):
    assert examples[:60] == [ClaimExample(c.claim, c.read, c.supported, (), "hard", c.id) for c in claims]
    read = {claim.id: claim.read for claim in claims}
    assert {"hard", "quoted", "other", "removed"} < {example.source for example in examples}
    sides = {side: {group for group in read if held_out(group) == side} for side in (True, False)}
    assert all(sides.values())
    for example in examples:
        assert example.titles == read[example.group]
        assert example.supported == (example.source in ("quoted", "written", "close")) or example.source == "hard"
    others = [example for example in examples if example.source == "other"]
    own = {claim.claim: {c.id for c in claims if c.claim == claim.claim} for claim in claims}
    assert any(example.group not in own.get(example.claim, {example.group}) for example in others)


def test_siblings_are_neither_the_word_nor_its_relatives(tiny_reader):
    words = "water water sea moon sun food wood sound air bees wax dough light drops game piece gas same side"
    siblings = siblings_of(tiny_reader, [words] * 8)
    assert siblings and all(word not in others for word, others in siblings.items())


def test_passages_are_read_once_and_come_back_as_they_were(kept, corpus, texts, tiny_reader, tmp_path, monkeypatch):
    monkeypatch.setattr(tiny_reader, "passages", None)
    again = KeptPassages(tmp_path, {passage.title: passage for passage in corpus}, list(texts), tiny_reader)
    monkeypatch.undo()
    read, found = tiny_reader.passages([("Tide", texts["Tide"])]), again.source(["Tide"])
    assert [s.text for s in found.sentences] == [s.text for s in read.sentences] == split_sentences(texts["Tide"])
    for one, other in zip(found.sentences, read.sentences, strict=True):
        # Read in other company: the last digits of half precision differ.
        np.testing.assert_allclose(one.states, other.states, atol=4e-3)
        np.testing.assert_allclose(one.vector, other.vector, atol=1e-3)


def test_support_taken_away_is_not_read(kept, tiny_reader, texts):
    titles = ("Tide", "Moon", "Ozone")
    claim = split_sentences(texts["Tide"])[0]
    (read,) = tiny_reader.claims([claim])
    whole = kept.beside(read, ClaimExample(claim, titles, True))
    less = kept.beside(read, ClaimExample(claim, titles, False, source="removed"))
    assert claim in {s.text for s in whole.sentences} and claim not in {s.text for s in less.sentences}
    assert len(less.sentences) == len(whole.sentences) - 2
    assert kept.beside(read, ClaimExample(claim, ("Oboe",), False, source="removed")) is None


def test_the_mixture_is_that_of_drawing_step_by_step(examples):
    steps, size, first, last = 9, 7, 0.2, 0.9
    examples = [*examples, *(replace(example, source="sentence") for example in examples[:5])]
    pools = [[e for e in examples if e.source == name] for name in ("hard", "sentence")]
    pools.append([e for e in examples if e.source not in ("hard", "sentence")])
    places, rng = [0, 0, 0], np.random.default_rng(4)
    mixture = support.Mixture(examples, steps, size, (first, last), 0.6, seed=4)
    for step in range(steps):
        expected = []
        hard = first + (last - first) * min(1.0, step / steps / 0.7)
        for drawn in rng.random(size):
            kind = 0 if drawn < 0.4 * hard else 1 if drawn < hard else 2
            epoch, place = divmod(places[kind], len(pools[kind]))
            expected.append(pools[kind][epoch_order(len(pools[kind]), 4, epoch)[place]])
            places[kind] += 1
        assert mixture.at(step) == expected


def test_training_learns_and_goes_on_where_it_was_killed(tiny_reader, kept, examples, tmp_path, monkeypatch):
    whole = trained(tiny_reader, kept, examples, tmp_path / "whole")

    class Killed(Exception):
        pass

    calls = []

    def killed(*given):
        if len(calls) == 5:
            raise Killed
        calls.append(given)
        return prepare(*given)

    prepare = support.prepare
    monkeypatch.setattr(support, "prepare", killed)
    with pytest.raises(Killed):
        trained(tiny_reader, kept, examples, tmp_path / "cut")
    monkeypatch.setattr(support, "prepare", prepare)
    resumed = trained(tiny_reader, kept, examples, tmp_path / "cut")
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)
    rows = read_log(tmp_path / "whole/log.jsonl")
    assert rows == read_log(tmp_path / "cut/log.jsonl") and len(rows) == 8
    losses = [row["claims"] + row["tokens"] for row in rows]
    assert np.mean(losses[-3:]) < np.mean(losses[:3])


def test_the_judgement_is_fitted_and_opens(tiny_reader, kept, examples, claims, tmp_path, monkeypatch):
    answers = [Question(f"group-{n}", "Why?", claims[2 * n].claim, claims[2 * n].read[:1]) for n in range(4)]
    monkeypatch.setattr(support_judgement, "load_questions", lambda split: answers)
    cross = trained(tiny_reader, kept, examples, tmp_path / "run", steps=2)
    fit_joint(cross.eval(), tiny_reader, kept, examples, claims, claims[:10], tmp_path)
    joint, figures = Joint.load(tmp_path / "joint.json"), json.loads((tmp_path / FIGURES).read_text())
    assert 0 <= joint.partly <= joint.supported <= 1
    # Quoted against other passages' sentences, by words alone: nothing is easier.
    assert figures["development claims"]["joint"]["auc"] > 0.9
    assert set(figures["development sentences"]["joint"]) == {"auc", "close", "plausible"}
    assert figures["thresholds"] == {"supported": joint.supported, "partly": joint.partly}
    for picture in (RELIABILITY, PRECISION_RECALL):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--examples", "-1"], "--examples is -1; it must be at least 0"),
        (["--hard-last", "2"], "--hard-last is 2.0; allowed is 0 to 1"),
    ],
)
def test_bad_wishes_get_one_clear_line(tmp_path, capsys, more, said):
    assert support.main(["--output", str(tmp_path), *more]) == 1
    line = capsys.readouterr().err
    assert line.startswith(f"error: {said}") and line.count("\n") == 1


@pytest.mark.parametrize("content", [None, b"broken", {"layers.0": torch.zeros(1)}])
def test_a_start_that_is_no_cross_encoder_is_named(tiny_reader, tmp_path, content):
    path = tmp_path / "start.safetensors"
    if isinstance(content, dict):
        save_file(content, path)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(support.TrainingError, match=r"--start .*start\.safetensors is no cross-encoder of a run"):
        support.begin_with(CrossEncoder(tiny_reader.encoder), path)
