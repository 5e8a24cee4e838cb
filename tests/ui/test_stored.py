"""Answers that were kept as JSON and come back; the folder of those that were shared."""

from __future__ import annotations

import json
import os

import pytest

from core.records import Answer, Found, Passage, Retrieved, Selection, Sentence
from core.settings import Settings
from ui.cards import kept_json
from ui.snapshots import SnapshotError, Snapshots
from ui.stored import StoredError, read_stored

PASSAGES = [Passage(str(rank), f"Tide {rank}", "Causes", "One. Two.", "https://host/a") for rank in (1, 2, 3)]
FOUND = tuple(
    Found(rank, passage, 0.5).as_read(text)
    for rank, passage, text in zip((1, 2, 3), PASSAGES, ("One. Two.", "One.", ""), strict=True)
)
ANSWER = Answer(
    Retrieved("Why?", FOUND, None, "cosine", selection=Selection("part", 0.5, 0.5, 0.5, ())),
    Settings("sparse", 3, seed=7),
    "done",
    "One.",
    (Sentence("One.", "quoted", ((1, 1),), 0.9, "supported", 1, "One."),),
    True,
    {"total": 1.5},
    "A note.",
    True,
)


def test_a_kept_answer_comes_back_as_it_was():
    text = json.dumps({"run": "r"} | kept_json(ANSWER, "2026-11-30T12:00:00+00:00"))
    stored = read_stored(text)
    assert stored.answer == ANSWER and (stored.run, stored.time) == ("r", "2026-11-30T12:00:00+00:00")
    assert kept_json(stored.answer, stored.time) == {k: v for k, v in json.loads(text).items() if k != "run"}


@pytest.mark.parametrize(
    "change",
    [
        {"passages": "many"},
        {"passages": [{"title": 1}]},
        {"sentences": [None]},
        {"settings": {"passages": 99}},
        {"settings": []},
        {"time": "yesterday"},
        {"holds": "<b>"},
        {"question": None},
    ],
)
def test_what_is_no_answer_is_refused_with_what_to_do(change):
    with pytest.raises(StoredError, match="ask the question again"):
        read_stored(json.dumps(kept_json(ANSWER) | change))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "x" * 300_000])
def test_other_texts_are_refused_too(text):
    with pytest.raises(StoredError, match="ask the question again"):
        read_stored(text)


def test_a_sentence_on_a_passage_that_is_not_there_rests_on_none():
    row = ANSWER.sentences[0].to_json() | {"passage": 9}
    (sentence,) = read_stored(json.dumps(kept_json(ANSWER) | {"sentences": [row]})).answer.sentences
    assert sentence.passage is None and sentence.evidence == ""


def test_snapshots_are_bounded_the_oldest_go_and_strange_files_stay(tmp_path):
    (tmp_path / "notes.json").write_text("mine")
    snapshots = Snapshots(tmp_path, most=2)
    names = []
    for number, run in enumerate("abc"):
        names.append(snapshots.keep(run, {"number": number}))
        os.utime(tmp_path / f"{names[-1]}.json", (number, number))
    assert len(set(names)) == 3 and snapshots.keep("c", {"number": 2}) == names[2]
    assert json.loads(snapshots.read(names[1])) == {"number": 1} and (tmp_path / "notes.json").read_text() == "mine"
    for name in (names[0], "notes", "../notes", "", "0" * 32):
        with pytest.raises(SnapshotError, match="press Ask"):
            snapshots.read(name)
    with pytest.raises(SnapshotError, match="at most"):
        snapshots.keep("d", {"text": "x" * 300_000})


def test_a_folder_that_cannot_be_used_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SnapshotError, match="--snapshots"):
        Snapshots(tmp_path / "file")
