import json

import pytest

from data import build_index
from data.build_index import main, read_source
from data.passages import PassageError
from retriever.index import PassageIndex


@pytest.fixture
def articles(tmp_path):
    path = tmp_path / "articles.jsonl"
    rows = [
        {"title": "Flute", "text": "A flute is a woodwind.  It has no reed ."},
        {"title": "Tide", "text": "Tides rise. " * 120, "section": "Causes & Moon"},
        {"title": "Empty", "text": " "},
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return path


def test_articles_become_snippets_with_their_place(articles):
    passages = list(read_source(str(articles)))
    assert [passage.title for passage in passages] == ["Flute", "Tide", "Tide"]
    assert passages[0].text == "A flute is a woodwind. It has no reed."
    assert passages[1].url.endswith("/Tide#Moon") and passages[1].section == "Causes & Moon"
    assert len({passage.id for passage in passages}) == 3


def test_the_command_builds_a_folder_that_opens(articles, tmp_path, monkeypatch, tiny_encoder):
    monkeypatch.setattr("retriever.encode.Encoder.load", classmethod(lambda cls, checkpoint=None: tiny_encoder))
    assert main(["--source", str(articles), "--output", str(tmp_path / "index")]) == 0
    index = PassageIndex.open(tmp_path / "index", tiny_encoder.identity)
    assert len(index) == 3 and index.manifest.source == str(articles)


@pytest.mark.parametrize(
    ("content", "said"),
    [('{"title": "A"}', "line 1: expected"), ("{", "line 1: expected"), ("[1]", "line 1"), ("", "holds no text")],
)
def test_a_broken_source_is_named(tmp_path, capsys, content, said):
    path = tmp_path / "a.jsonl"
    path.write_text(content)
    assert main(["--source", str(path), "--output", str(tmp_path / "i")]) == 1
    assert said in capsys.readouterr().err


def test_a_missing_source_is_refused_with_what_is_allowed():
    with pytest.raises(PassageError, match="allowed are vital"):
        list(read_source("/no/such/file"))


def test_a_folder_with_other_things_is_not_touched(tmp_path, articles):
    (tmp_path / "diary.txt").write_text("Dear diary")
    with pytest.raises(SystemExit, match="2"):
        build_index.main(["--source", str(articles), "--output", str(tmp_path)])
    assert (tmp_path / "diary.txt").read_text() == "Dear diary"


def test_an_output_that_cannot_be_written_is_said(tmp_path, articles, capsys, monkeypatch, tiny_encoder):
    monkeypatch.setattr("retriever.encode.Encoder.load", classmethod(lambda cls, checkpoint=None: tiny_encoder))
    (tmp_path / "file").write_text("")
    assert main(["--source", str(articles), "--output", str(tmp_path / "file")]) == 1
    assert "cannot be written" in capsys.readouterr().err
