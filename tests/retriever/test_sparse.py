"""BM25's files: the same for the same passages, whatever order Python gives to sets."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from retriever.sparse import Bm25

_SAVE = """
import sys
from pathlib import Path
from data.passages import Passage
from retriever.sparse import Bm25
texts = ["The Moon pulls the sea twice a day.", "Bees make honey from nectar.", "A flute has no reed."]
Bm25.build([Passage(str(n), "", "", text, "") for n, text in enumerate(texts)]).save(Path(sys.argv[1]))
"""


def saved(folder: Path, seed: int) -> dict[str, str]:
    environment = os.environ | {"PYTHONHASHSEED": str(seed)}
    subprocess.run([sys.executable, "-c", _SAVE, str(folder)], env=environment, check=True, timeout=120)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_two_builds_write_the_same_bytes(tmp_path):
    first, second = (saved(tmp_path / str(seed), seed) for seed in (1, 2))
    assert first == second and len(first) > 3


def test_what_was_saved_finds_what_the_builder_finds(tmp_path, corpus):
    built = Bm25.build(corpus)
    built.save(tmp_path)
    opened = Bm25.open(tmp_path, len(corpus))
    for question in ("How do bees make honey?", "What are tides?", "xyzzy"):
        scores, rows = built.search(question, 5)
        again, places = opened.search(question, 5)
        np.testing.assert_array_equal(rows, places)
        np.testing.assert_allclose(scores, again)
