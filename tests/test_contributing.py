"""The worked examples of CONTRIBUTING.md, run as they stand there."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.settings import Settings
from data.sources.base import SourceOptions
from generator.registry import GENERATORS

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.S)


def test_every_example_is_a_dozen_lines_and_tried_here():
    assert len(BLOCKS) == 3
    assert all(len([line for line in block.splitlines() if line.strip()]) <= 18 for block in BLOCKS)


def test_a_generator_of_ones_own(tiny_qa, monkeypatch):
    monkeypatch.setattr("generator.registry.GENERATORS", GENERATORS)
    monkeypatch.setitem(GENERATORS, "first", None)  # taken out again afterwards
    exec(BLOCKS[0], {})
    answer = tiny_qa.ask("What is honey?", Settings(retrieval="dense", generator="first", unsupported="keep"))
    first = answer.found[0]
    assert answer.text == first.passage.text.split(". ")[0]
    assert answer.sentences[0].origin == ((1, 1),) and first.status == "read"


def test_a_source_of_ones_own(tmp_path):
    names: dict = {}
    exec(BLOCKS[1], names)
    path = tmp_path / "poems.txt"
    path.write_text("A rose\nis red.\n\nThe sea\nis blue.\n", encoding="utf-8")
    source = names["Poems"](str(path), SourceOptions())
    (record,) = source.records(1)
    assert [(passage.title, passage.text) for passage in source.passages(record)] == [("The sea", "The sea is blue.")]
    assert source.fingerprint() == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import qa; qa._parser().print_help()", "how many sentences at most; allowed is 1 to 20 (default 3)"),
        ("import qa; raise SystemExit(qa.main(['Why?', '--sentences', '0']))", "sentences is 0; allowed is 1 to 20"),
        ("from ui.controls import CONTROLS; print(CONTROLS)", "sentences"),
        ("from ui.links import *; print(to_query('Why?', Settings(sentences=5)))", "sentences=5"),
        ("from ui.run_card import *; print(command('Why?', Settings(sentences=5)))", "--sentences 5"),
        (
            "from ui.endpoints import *; print(ask_endpoint(None, None, None).__doc__)",
            "sentences: how many sentences at most",
        ),
    ],
)
def test_a_setting_of_ones_own(tmp_path, code, said):
    """In a copy of core/ that has the line."""
    shutil.copytree(ROOT / "core", tmp_path / "core")
    settings = tmp_path / "core/settings.py"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(
        text.replace("    seed: int = _setting(", f"{BLOCKS[2]}    seed: int = _setting(", 1), encoding="utf-8"
    )
    script = f"import sys; sys.path[:0] = {json.dumps([str(tmp_path), str(ROOT)])}\n{code}"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert said in " ".join((run.stdout + run.stderr).split()), run.stderr
