"""The command that prints what the writer makes of given evidence: its file."""

import json

import pytest

from evaluation.errors import EvaluationError
from evaluation.writing import main, read_requests
from generator.writer.layout import Fact

ROW = {
    "question": "Why?",
    "sentences": [{"text": "So.", "facts": [{"title": "A", "text": "B."}]}, {"text": "More?", "facts": []}],
    "about": ["A"],
}


def test_a_line_is_a_request_of_either_form(tmp_path):
    path = tmp_path / "questions.jsonl"
    path.write_text(json.dumps(ROW) + "\n")
    ((request, steps, wanted),) = read_requests(path, "sentence")
    assert steps == ((Fact("A", "B."),), ()) and request.about == ("A",) and wanted == "So. More?"
    ((request, _, _),) = read_requests(path, "paragraph")
    assert request.facts == (Fact("A", "B."),) and request.partly and not request.about


@pytest.mark.parametrize("line", ["[]", '{"question": "Why?"}', '{"question": "Why?", "sentences": [{"facts": [3]}]}'])
def test_a_broken_line_is_named(tmp_path, line):
    path = tmp_path / "questions.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(EvaluationError, match="questions.jsonl, line 1: .*expected"):
        list(read_requests(path, "sentence"))


def test_a_missing_file_is_said_in_one_line(tmp_path, capsys):
    assert main(["--questions", str(tmp_path / "none.jsonl")]) == 1
    assert capsys.readouterr().err.startswith("error: there is no file")
