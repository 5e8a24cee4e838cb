"""Killed at random moments: every acknowledged line is there and whole, and the end is that of an undisturbed run.

LFQA_KILLS sets how many kills each kind of run gets; a few by default.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from training.log import read_log
from ui.feedback import read_records

ROOT = Path(__file__).parents[1]
KILLS = int(os.environ.get("LFQA_KILLS", "2"))


def killed(kind, folder, *more, kills=KILLS) -> dict:
    """The runs of `tests.killing`."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    command = [sys.executable, "-m", "tests.killing", kind, folder, kills, os.environ.get("LFQA_KILL_SEED", 0), *more]
    run = subprocess.run(list(map(str, command)), cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["kills"] == kills
    print(kind, found)  # noqa: T201 - the figures, with pytest -s
    return found


@pytest.fixture(scope="module")
def articles(tmp_path_factory, corpus) -> Path:
    path = tmp_path_factory.mktemp("source") / "articles.jsonl"
    path.write_text("".join(json.dumps({"title": p.title, "text": p.text}) + "\n" for p in corpus))
    return path


def hashes(folder: Path) -> dict[str, str]:
    """What a build wrote, by content; its notes hold the day and no path."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def test_a_build(tmp_path, articles, checkpoint):
    found = killed("building", tmp_path / "runs", articles, checkpoint)
    whole = hashes(tmp_path / "runs" / found["whole"])
    assert len(whole) > 10
    for name in found["ends"]:
        assert hashes(tmp_path / "runs" / name) == whole


def test_a_file_of_questions(tmp_path, articles, checkpoint):
    from data.build_index import main

    assert main(["--source", str(articles), "--encoder", str(checkpoint), "--output", str(tmp_path / "index")]) == 0
    rows = [{"id": n, "question": f"What is the number {n} of honey?", "note": "mine" * (n % 2)} for n in range(40)]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = killed("answering", tmp_path / "runs", tmp_path / "q.jsonl", tmp_path / "index")

    def answers(name):
        kept = [json.loads(line) for line in (tmp_path / "runs" / name).read_text().splitlines()]
        for row in kept:
            del row["long_form_qa"]["seconds"]
        return kept

    whole = answers(found["whole"])
    assert [row["id"] for row in whole] == list(range(40))
    for name in found["ends"]:
        assert answers(name) == whole


def test_a_training_run(tmp_path, corpus, checkpoint):
    rows = [{"question": f"What is {p.title} {n}?", "document": p.text} for p in corpus for n in range(3)]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = killed("training", tmp_path / "runs", tmp_path / "q.jsonl", checkpoint)
    whole = tmp_path / "runs" / found["whole"]
    for name in found["ends"]:
        run = tmp_path / "runs" / name
        assert read_log(run / "log.jsonl") == read_log(whole / "log.jsonl")
        first, second = (load_file(each / "best/model.safetensors") for each in (whole, run))
        assert first.keys() == second.keys() and all(first[key].equal(second[key]) for key in first)


def test_eight_writers_of_ratings(tmp_path):
    found = killed("rating", tmp_path)
    numbers = {}
    for record in read_records(tmp_path / "ratings.jsonl"):
        numbers.setdefault(record["writer"], []).append(record["number"])
    assert len(found["stored"]) == 8 + KILLS
    for name, count in found["stored"].items():
        there = numbers.get(name, [])
        assert there == list(range(len(there))), "in order, each once"
        assert len(there) in (count, count + 1), "one may be stored and not yet said"
