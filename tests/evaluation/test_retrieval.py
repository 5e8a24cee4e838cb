import json
import sys

import numpy as np
import pytest

from data.questions import Question
from evaluation.errors import EvaluationError
from evaluation.retrieval import evaluate, main, measure, plot_recall, recall_curve, relevant_passages

RUN = {"a": {"x": 0.9, "y": 0.8, "z": 0.1}, "b": {"x": 0.2, "y": 0.3}, "c": {"x": 1.0}}
RELEVANT = {"a": "x", "b": "x", "c": "w"}


def test_the_figures_are_those_of_a_count_by_hand():
    figures = measure(RUN, RELEVANT)
    assert figures == {"recall@1": 0.3333, "recall@5": 0.6667, "recall@10": 0.6667, "mrr@10": 0.5, "questions": 3}
    np.testing.assert_allclose(recall_curve(RUN, RELEVANT, 3), [1 / 3, 2 / 3, 2 / 3])


def test_without_ir_measures_the_cure_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ir_measures", None)
    with pytest.raises(EvaluationError, match="measuring retrieval needs .*ir_measures.*requirements-dev.txt"):
        measure(RUN, RELEVANT)


def test_a_passage_at_rank_eleven_counts_for_nothing():
    run = {"a": {str(place): 1 - place / 100 for place in range(30)}}
    assert measure(run, {"a": "9"}) | {"questions": 0} == {
        "recall@1": 0, "recall@5": 0, "recall@10": 1, "mrr@10": 0.1, "questions": 0
    }  # fmt: skip
    assert measure(run, {"a": "10"})["mrr@10"] == measure(run, {"a": "10"})["recall@10"] == 0


def test_the_first_title_of_answerable_questions_is_to_be_found(tiny_retriever):
    questions = [
        Question("0", "Why?", "", ("Tide", "Moon")),
        Question("1", "What?", "", ("Moon",), answerable=False),
        Question("2", "Who?", "", ()),
    ]
    assert relevant_passages(questions, tiny_retriever) == {"0": "2"}
    with pytest.raises(EvaluationError, match="no question is answerable"):
        relevant_passages(questions[1:], tiny_retriever)
    with pytest.raises(EvaluationError, match=r"1 first titles.*'Atlantis'.*--index"):
        relevant_passages([Question("0", "Why?", "", ("Atlantis",))], tiny_retriever)
    with pytest.raises(EvaluationError, match='two questions have the same "id"'):
        relevant_passages([questions[0], questions[0]], tiny_retriever)


def test_runs_hold_what_search_finds(tiny_retriever):
    questions = [
        Question(str(row), f"What is {p.title}?", "", (p.title,)) for row, p in enumerate(_passages(tiny_retriever))
    ]
    runs = evaluate(questions, tiny_retriever, ["dense", "sparse", "mixed"])
    for method, run in runs.items():
        hits = tiny_retriever.search(questions[3].question, 12, method)
        assert run["3"] == {hit.passage.id: hit.score for hit in hits}
    assert measure(runs["sparse"], {q.id: q.id for q in questions})["recall@5"] == 1


def test_the_picture_is_a_png(tmp_path):
    plot_recall({"dense": [0.5, 0.7], "sparse": [0.2, 0.3]}, tmp_path / "new/recall.png", "two ways")
    assert (tmp_path / "new/recall.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "there is no file"), ("", "is empty"), ('{"question": "a"}', "line 1: titles missing"), ("{", "line 1")],
)
def test_bad_files_get_one_clear_line(tmp_path, capsys, content, message):
    path = tmp_path / "q.jsonl"
    if content is not None:
        path.write_text(content)
    assert main(["--questions", str(path), "--json"]) == 1
    said = capsys.readouterr()
    assert message in said.err and "Traceback" not in said.err and not said.out


@pytest.mark.assets
def test_the_command_prints_a_row_for_each_way(tmp_path, capsys):
    path = tmp_path / "q.jsonl"
    rows = [
        {"question": "How do vaccines work?", "titles": ["Vaccine"], "answerable": True},
        {"question": "What is a flute?", "titles": ["Flute"]},
        {"question": "What is love?", "titles": [], "answerable": False},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    picture = tmp_path / "recall.png"
    methods = ["--methods", "dense", "sparse", "mixed"]
    assert main(["--questions", str(path), "--json", "--plot", str(picture), *methods]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["dense", "sparse", "mixed"] and picture.is_file()
    assert all(row["questions"] == 2 and row["recall@10"] == 1 for row in found.values())
    # By words alone the article on vaccines lies behind those on single ones.
    assert found["dense"]["recall@5"] == found["mixed"]["recall@5"] == 1 > found["sparse"]["recall@5"]


def _passages(retriever):
    return retriever.index.passages
