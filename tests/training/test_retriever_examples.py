import json
import random

import pyarrow
import pytest
from pyarrow import parquet

from training.retriever_examples import ExampleError, random_span, read_examples


def write(path, *rows):
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return str(path)


def test_pairs_and_negatives_are_read_from_json_lines(tmp_path):
    source = write(
        tmp_path / "a.jsonl",
        {"question": "Why?", "document": "So.", "negatives": ["No.", " "]},
        "",
        {"query": "How?", "positives": ["Thus.", "This way."]},
    )
    first, second = read_examples(source)
    assert (first.question, first.documents, first.negatives) == ("Why?", ("So.",), ("No.",))
    assert second.documents == ("Thus.", "This way.")


def test_eli5_rows_are_read_from_parquet(tmp_path):
    rows = [{"title": "Why?", "answers": {"text": ["one", "two"], "score": [3, 1]}, "negatives": ["x"]}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "eli5.parquet")
    (example,) = read_examples(str(tmp_path / "eli5.parquet"))
    assert (example.question, example.documents, example.negatives) == ("Why?", ("one", "two"), ("x",))


def test_a_saved_dataset_is_read_by_its_name(tmp_path):
    folder = tmp_path / "pairs"
    folder.mkdir()
    write(folder / "train.jsonl", {"q": "Why?", "d": "So."})
    assert read_examples(str(folder), question_field="q", document_field="d")[0].documents == ("So.",)


def test_titles_name_passages_of_a_corpus(tmp_path):
    source = write(
        tmp_path / "a.jsonl",
        {"question": "Why?", "titles": ["Tide", "Atlantis", "Moon"], "answerable": True},
        {"question": "What?", "titles": ["Tide"], "answerable": False},
        {"question": "Where?", "titles": ["Atlantis", "Tide"]},
    )
    (example,) = read_examples(source, {"Tide": "The sea rises.", "Moon": "It shines."})
    assert (example.documents, example.titles) == (("The sea rises.",), ("Tide", "Moon"))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"question": ', r"a\.jsonl, line 2: not JSON"),
        ("[1]", "line 2: a JSON list"),
        ({"question": "Why?"}, "line 2: no field document or positive.*it has question"),
        ({"document": "So."}, "line 2: no field question"),
        ({"question": " ", "document": "So."}, "line 2: the question or its document is empty"),
        ({"question": "Why?", "document": None}, "line 2: the question or its document is empty"),
    ],
)
def test_a_broken_line_is_named(tmp_path, row, message):
    source = write(tmp_path / "a.jsonl", {"question": "Why?", "document": "So."}, row)
    with pytest.raises(ExampleError, match=message):
        read_examples(source)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", "\n\n", "has no training example"),
        ("a.jsonl", None, "there is no file"),
        ("a.parquet", "no parquet", "cannot be read as Parquet"),
    ],
)
def test_empty_missing_and_damaged_files_are_refused(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(ExampleError, match=message):
        read_examples(str(tmp_path / name))


def test_spans_start_anywhere_and_keep_at_least_their_words():
    document = " ".join(str(number) for number in range(100))
    spans = [random_span(document, random.Random(seed)).split() for seed in range(300)]
    assert {int(span[0]) for span in spans} == set(range(37))
    assert all(span == [str(number) for number in range(int(span[0]), 100)] for span in spans)
