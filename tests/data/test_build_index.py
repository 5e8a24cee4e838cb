import json

import pytest

from data.build_index import main
from data.sources import open_source
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
    source = open_source(str(articles))
    passages = [passage for record in source.records() for passage in source.passages(record)]
    assert [passage.title for passage in passages] == ["Flute", "Tide", "Tide"]
    assert passages[0].text == "A flute is a woodwind. It has no reed."
    assert passages[1].url == "" and passages[1].section == "Causes & Moon"
    assert len({passage.id for passage in passages}) == 3


def test_the_command_builds_a_folder_that_opens(articles, tmp_path, monkeypatch, tiny_encoder):
    monkeypatch.setattr("retriever.encode.Encoder.load", classmethod(lambda cls, checkpoint=None: tiny_encoder))
    assert main(["--source", str(articles), "--output", str(tmp_path / "index")]) == 0
    index = PassageIndex.open(tmp_path / "index", tiny_encoder.identity)
    assert len(index) == 3 and index.manifest.source == "articles.jsonl"


@pytest.mark.parametrize(
    ("content", "said"),
    [('{"title": "A"}', 'no "text" among title'), ("{", "line 1: not JSON"), ("[1]", "line 1: no object"), ("", "")],
)
def test_a_source_without_a_single_text_is_refused_with_its_first_fault(
    tmp_path, capsys, content, said, monkeypatch, tiny_encoder
):
    monkeypatch.setattr("retriever.encode.Encoder.load", classmethod(lambda cls, checkpoint=None: tiny_encoder))
    path = tmp_path / "a.jsonl"
    path.write_text(content)
    assert main(["--source", str(path), "--output", str(tmp_path / "i")]) == 1
    error = capsys.readouterr().err
    assert "holds no text to index" in error and said in error


def test_a_missing_source_is_refused_with_what_is_allowed(tmp_path, capsys):
    assert main(["--source", "/no/such/file", "--output", str(tmp_path / "i")]) == 1
    assert "allowed are vital" in capsys.readouterr().err and not (tmp_path / "i").exists()


def test_a_folder_with_other_things_is_not_touched(tmp_path, articles, capsys):
    (tmp_path / "diary.txt").write_text("Dear diary")
    assert main(["--source", str(articles), "--output", str(tmp_path)]) == 1
    assert "holds other files" in capsys.readouterr().err
    assert (tmp_path / "diary.txt").read_text() == "Dear diary"


def test_an_output_that_cannot_be_written_is_said(tmp_path, articles, capsys, monkeypatch, tiny_encoder):
    monkeypatch.setattr("retriever.encode.Encoder.load", classmethod(lambda cls, checkpoint=None: tiny_encoder))
    (tmp_path / "file").write_text("")
    assert main(["--source", str(articles), "--output", str(tmp_path / "file")]) == 1
    assert "cannot be written" in capsys.readouterr().err
