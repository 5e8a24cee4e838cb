"""The page's command: what it refuses, and when."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app import load
from qa import LongFormQA
from retriever.search import RetrieverPlan
from ui.status import status

ROOT = Path(__file__).parents[1]


def start(*arguments):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "app.py", "--port", str(port), *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_a_missing_index_is_refused_before_anything_is_served():
    done = start("--index", "/no/such/index")
    assert done.returncode == 1 and "The page is at" not in done.stderr
    assert done.stderr.startswith("Error: there is no index folder /no/such/index")


def test_an_index_of_another_model_ends_the_page_with_one_clear_line(corpus, write_index, tmp_path):
    """Only the loaded encoder tells; by then the page is served."""
    folder = write_index(tmp_path / "index", corpus)
    done = start("--index", folder)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.rstrip().splitlines()[-1].startswith(f"Error: the index {folder} was built by the encoder")


def test_the_retriever_is_opened_when_it_is_first_needed():
    qa = LongFormQA.load(later=True)
    card = qa.card()
    assert isinstance(qa._corpora["embedded"], RetrieverPlan) and not qa.is_loaded("extractive")
    assert qa.retrieve("How do bees make honey?").found[0].passage.title
    assert qa.card() == card and not isinstance(qa._corpora["embedded"], RetrieverPlan)
    qa.load_all("extractive")
    assert qa.is_loaded("extractive") and not qa.is_loaded("fused")


@pytest.mark.parametrize(("stage", "told"), [("queued", False), ("retrieving", True), ("reading", False)])
def test_the_status_line_says_when_models_are_loaded_first(stage, told):
    assert ("Loading the models…" in status(stage, loading=True)) == told
    assert "Loading" not in status(stage)


def test_a_generator_that_cannot_be_loaded_is_a_warning_since_others_can(tiny_qa, monkeypatch):
    def full(name, *given):
        raise OSError("no space left")

    monkeypatch.setattr("qa.load_generator", full)
    assert load(tiny_qa, "fused") == "Warning: the generator fused cannot be loaded: no space left"
    monkeypatch.undo()
    assert load(tiny_qa, "extractive") == ""
