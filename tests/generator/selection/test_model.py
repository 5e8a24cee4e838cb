"""The selector: places, verdicts, what was said, one reading a question, and odd input."""

from dataclasses import replace

import pytest
import torch

from core.records import Found, Passage
from generator.selection.joint import Joint, JointError, holding_features
from generator.selection.model import NEW, SelectorModel
from tests.fixtures.tiny_selector import retrieved, tiny_joint, tiny_network, tiny_reader, tiny_selector

_TIDE = "Tides are the rise and fall of the sea. The Moon pulls the water."
_MOON = "The Moon is the only natural satellite of Earth."


def test_sentences_come_in_reading_order_with_their_places():
    selection = tiny_selector().select(retrieved("Why do tides rise?", _TIDE, _MOON))
    assert [sentence.place for sentence in selection.sentences] == [(1, 1), (1, 2), (2, 1)]
    assert selection.sentences[1].text == "The Moon pulls the water."
    assert all(0 < sentence.probability < 1 for sentence in selection.sentences)
    assert 0 <= selection.whole <= selection.confidence <= 1
    assert [s.probability for s in selection.best(3)] == sorted(
        (s.probability for s in selection.sentences), reverse=True
    )


def test_a_passage_that_was_not_read_keeps_its_rank_and_gives_no_sentence():
    asked = retrieved("Why do tides rise?", _TIDE, _MOON)
    unread = replace(asked, found=(asked.found[0].as_read(""), asked.found[1]))
    assert [sentence.place for sentence in tiny_selector().select(unread).sentences] == [(2, 1)]


def test_the_verdict_follows_the_threshold():
    asked = retrieved("Why do tides rise?", _TIDE)
    confidence = tiny_selector().select(asked).confidence
    assert tiny_selector(confidence + 1e-6).select(asked).holds == "no"
    assert tiny_selector(confidence - 1e-6).select(asked).holds in ("part", "full")


@pytest.mark.parametrize(("least_whole", "holds"), [(0.0, "full"), (1.01, "part")])
def test_whole_and_part_are_told_apart(least_whole, holds):
    selector = tiny_selector(0.0)
    selector.joint = replace(selector.joint, least_whole=least_whole)
    assert selector.select(retrieved("Why do tides rise?", _TIDE)).holds == holds


def test_what_was_said_is_marked_left_out_of_the_best_and_changes_the_rest():
    selector, asked = tiny_selector(), retrieved("Why do tides rise?", _TIDE, _MOON)
    before, after = selector.select(asked), selector.select(asked, said=[(1, 2)])
    assert [sentence.said for sentence in after.sentences] == [False, True, False]
    assert (1, 2) not in [sentence.place for sentence in after.best(3)]
    assert before.sentences[0].probability != after.sentences[0].probability
    assert (before.confidence, before.holds) == (after.confidence, after.holds)


def test_a_question_is_read_once_and_another_anew(monkeypatch):
    selector, asked = tiny_selector(), retrieved("Why do tides rise?", _TIDE)
    calls = []
    read = selector.network.read
    monkeypatch.setattr(selector.network, "read", lambda pieces: calls.append(1) or read(pieces))
    first = selector.select(asked)
    assert selector.select(asked) == first and selector.select(asked, [(1, 1)]) != first and len(calls) == 1
    selector.select(retrieved("Why do tides fall?", _TIDE))
    assert len(calls) == 2


def test_scores_of_another_kind_are_not_looked_at():
    selector = tiny_selector()
    texts = ("Why do tides rise?", _TIDE, _MOON)
    found = [
        selector.select(retrieved(*texts, score_name=name)).confidence for name in ("BM25", "", "cosine + 0.02 × BM25")
    ]
    assert found[0] == found[1] != found[2]
    other = retrieved(*texts, score_name="BM25")
    higher = replace(other, found=tuple(replace(part, score=part.score + 9) for part in other.found))
    assert selector.select(higher).confidence == found[0]


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("Why?", ()),
        ("Why?", ("Tide",)),
        ("Why?", (" … ",)),
        ("Why do tides rise?", (_TIDE,) * 40),
        ("why " * 250, (_TIDE,)),
        ("潮はなぜ満ちるのか。", ("潮は月の引力で満ちる。海は一日に二度満ちる。",)),
        (_TIDE, (_TIDE,)),
    ],
    ids=["no passage", "one word", "no word", "forty passages", "a thousand characters", "another script", "itself"],
)
def test_odd_input_is_judged_all_the_same(question, texts):
    selection = tiny_selector().select(retrieved(question, *texts))
    assert selection.holds in ("full", "part", "no")
    assert len({sentence.place for sentence in selection.sentences}) == len(selection.sentences)
    assert all(0 <= sentence.probability <= 1 for sentence in selection.sentences)


def test_nothing_to_read_holds_nothing():
    selection = tiny_selector().select(retrieved("Why do tides rise?"))
    assert (selection.holds, selection.sentences, selection.best()) == ("no", (), [])


def test_a_judgement_is_read_as_it_was_written_and_a_broken_one_is_named(tmp_path):
    from core.files import write_json

    path = tmp_path / "selector.json"
    write_json(path, tiny_joint().to_json())
    assert Joint.load(path) == tiny_joint()
    path.write_text("{}")
    with pytest.raises(JointError, match=r"selector\.json is no judgement"):
        Joint.load(path)


def test_features_of_few_sentences_and_scores():
    found = holding_features([1.0, -1.0], [0.5], [2.0], [0.7])
    assert (found["best"], found["passage"], found["top"], found["gap"]) == (2.0, 0.5, 0.7, 0.0)
    assert holding_features([0.0, 0.0], [], [], None).keys() == {"part", "whole", "passage", "best", "second"}


def test_packed_weights_give_the_same_judgement(tmp_path):
    from generator.selection.network import SelectorNetwork
    from generator.support.compact import pack, unpack
    from tests.fixtures.tiny_selector import tiny_encoder

    network = tiny_network()
    before = {f"layers.{name}": value.clone() for name, value in network.encoder.encoder.state_dict().items()}
    with torch.no_grad():
        for weight in network.encoder.encoder.parameters():
            weight.add_(0.02 * torch.randn_like(weight))
    packed = pack(before, network.trained().state_dict())
    other = SelectorNetwork.of(tiny_encoder())
    unpack(other.trained(), packed, NEW)
    asked = retrieved("Why do tides rise?", _TIDE)
    mine, theirs = (SelectorModel(each, tiny_reader(), tiny_joint()).select(asked) for each in (network, other))
    assert mine.confidence == pytest.approx(theirs.confidence, abs=0.02)
    plain = SelectorModel(SelectorNetwork.of(tiny_encoder()), tiny_reader(), tiny_joint()).select(asked)
    assert abs(plain.confidence - mine.confidence) > abs(theirs.confidence - mine.confidence)


def test_what_is_read_is_what_was_cut_to(monkeypatch):
    passage = Passage("1", "Tide", "", _TIDE, "")
    asked = replace(
        retrieved("Why?"), found=(Found(1, passage, 0.9).as_read("Tides are the rise and fall of the sea."),)
    )
    assert [sentence.text for sentence in tiny_selector().select(asked).sentences] == [
        "Tides are the rise and fall of the sea."
    ]
