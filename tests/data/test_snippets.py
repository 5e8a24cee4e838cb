"""Ids that a source gives twice: each passage gets its own, whoever interrupts the run, and it is told."""

import json
import logging

import pytest

from data.passage_table import read_shard, shard_path
from data.snippets import write_snippets
from data.sources import open_source

LONG = "The tide rises and falls twice a day in most places. " * 4
ROWS = [
    {"id": "a", "title": "One", "text": LONG},
    {"id": "b", "title": "Two", "text": "It is short."},
    {"id": "a", "title": "Three", "text": LONG},
    {"title": "Four", "text": "It has no id."},
    *({"id": "b", "title": f"Copy {number}", "text": f"It is copy {number}."} for number in range(8)),
]


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return open_source(str(path))


def written(folder, shards):
    return [
        tuple(row.values())
        for number in range(len(shards.rows))
        for row in read_shard(shard_path(folder, number))[0].to_pylist()
    ]


@pytest.fixture
def short(monkeypatch, source):
    source.options = type(source.options)(words=12)
    return source


def test_each_passage_has_its_own_id_and_none_is_lost(short, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        rows = written(tmp_path / "s", write_snippets(short, tmp_path / "s", 3))
    ids = [row[0] for row in rows]
    assert len(set(ids)) == len(ids)
    assert ids[:2] == ["a.0", "a.1"] and {"b.0", "a.0~3", "a.1~3", "4.0", "b.0~5", "b.0~12"} <= set(ids)
    assert {row[1] for row in rows} == {row["title"] for row in ROWS}
    assert 'record 3 (Three): the id "a.0" is another\'s already, so it became "a.0~3"' in caplog.text
    assert len(caplog.records) == 6 and caplog.text.rstrip().endswith(
        "9 records in all repeat an id; each got its own, with its number behind it"
    )


@pytest.mark.parametrize("after", range(1, 6))
def test_an_interrupted_run_gives_the_same_ids(short, tmp_path, after):
    whole = written(tmp_path / "whole", write_snippets(short, tmp_path / "whole", 3))
    heard = []

    def interrupt(rows):
        heard.append(rows)
        if len(heard) > after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_snippets(short, tmp_path / "part", 3, on_shard=interrupt)
    assert written(tmp_path / "part", write_snippets(short, tmp_path / "part", 3)) == whole


def test_ids_that_do_not_repeat_stay_as_they_are(tmp_path, caplog):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row | {"id": f"x{number}"}) + "\n" for number, row in enumerate(ROWS)))
    rows = written(tmp_path / "s", write_snippets(open_source(str(path)), tmp_path / "s", 100))
    assert [row[0] for row in rows] == [f"x{number}.0" for number in range(len(ROWS))] and not caplog.records
