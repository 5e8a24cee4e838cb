import json
import shutil
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parents[2] / "fixtures/retribert"


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory) -> Path:
    """A folder with a tiny random RetriBERT, which other processes can load."""
    folder = tmp_path_factory.mktemp("checkpoint")
    for name in ("config.json", "model.safetensors"):
        shutil.copy(FIXTURES / "shared" / name, folder / name)
    shutil.copy(FIXTURES / "vocab.txt", folder / "vocab.txt")
    return folder


@pytest.fixture(scope="session")
def articles(tmp_path_factory, corpus) -> Path:
    """Thirty articles as JSON lines, one of them broken, some long enough for several snippets."""
    path = tmp_path_factory.mktemp("source") / "articles.jsonl"
    rows = [
        {"title": f"{passage.title} {number}", "text": f"{passage.text} " * (1 + 7 * (number % 3)), "section": "Facts"}
        for number, passage in enumerate([*corpus, *corpus, *corpus[:6]])
    ]
    lines = [json.dumps(row) for row in rows]
    path.write_text("\n".join([*lines[:9], "{", *lines[9:]]) + "\n")
    return path
