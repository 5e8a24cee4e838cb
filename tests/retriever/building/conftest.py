import json
from pathlib import Path

import pytest


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
