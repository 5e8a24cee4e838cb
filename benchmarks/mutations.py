"""Spoilt index folders and tables: what the program makes of each, with a fixed seed.

    python -m benchmarks.mutations --count 200

A small index of each kind and a Parquet table are written; one file at a time is then flipped, cut, swapped or given
huge numbers, with the manifest's hashes as they were (damage) or made to fit (a stranger's doing). Each is opened,
verified and searched in a child process, so that a crash or a hang costs one case. Allowed are "fine" and "refused",
a `UserError`; damage that nobody notices is "unnoticed".
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import argparse
import json
import os
import random
import select
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from core.command import Parser, exit_status
from core.errors import UserError
from core.files import write_json
from retriever.index import PassageIndex
from retriever.index_folder import IndexManifest, read_index_manifest

DIMENSIONS, PASSAGES, SECONDS = 16, 1200, 60
KINDS = ("flat", "hnsw", "ivfpq")
_IDENTITY = "0" * 64
_ODD: tuple[Any, ...] = (
    None,
    [],
    {},
    "x",
    "",
    -1,
    0,
    10**30,
    1e308,
    True,
    "\x1b[2J",
    [None],
    {"a": []},
    "NESTED",
    "NAN",
)


def write_folder(folder: Path, kind: str) -> None:
    """A small index, written by the program's own functions but without an encoder."""
    import faiss

    from data.passage_table import shard_path, write_shard
    from data.passages import Passage
    from retriever.index_folder import file_facts, write_index_manifest
    from retriever.index_kinds import build_index
    from retriever.sparse import Bm25
    from retriever.vector_shards import VectorShards, write_vectors

    vectors = np.random.default_rng(0).normal(size=(PASSAGES, DIMENSIONS)).astype(np.float32)
    passages = [Passage(str(n), f"T{n}", "", f"Sea number {n} has water {n % 7}.", "") for n in range(PASSAGES)]
    sizes = [PASSAGES // 2, PASSAGES - PASSAGES // 2]
    for number, (start, size) in enumerate(zip([0, sizes[0]], sizes, strict=True)):
        write_shard(shard_path(folder / "passages", number), passages[start : start + size], {"start": start})
        write_vectors(shard_path(folder / "vectors", number, ".npy"), vectors[start : start + size])
    files = [shard_path(folder / "vectors", number, ".npy") for number in (0, 1)]
    faiss.write_index(build_index(kind, VectorShards(files, sizes, DIMENSIONS)), str(folder / "index-1.faiss"))
    Bm25.build(passages).save(folder / "bm25-1")
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
    effort = {"flat": 0, "hnsw": 32, "ivfpq": 8}[kind]
    manifest = IndexManifest(PASSAGES, DIMENSIONS, "a model", _IDENTITY, "made up", "2026-01-01", kind=kind)
    write_index_manifest(folder, replace(manifest, effort=effort, shards=sizes, files=file_facts(folder, names)))


def write_table(path: Path) -> None:
    """A small Parquet file of articles."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"title": f"T{number}", "text": f"Sea number {number} has water."} for number in range(50)]
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=20)


def mutated(content: bytes, draw: random.Random) -> bytes:
    """A file's bytes, spoilt in one way."""
    at = draw.randrange(min(len(content), 512) if draw.random() < 0.6 else len(content))
    huge = draw.choice((b"\xff" * 8, b"\xff" * 7 + b"\x7f", (1 << 40).to_bytes(8, "little"), b"\xff\xff\xff\x7f"))
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: content[:at] + bytes([content[at] ^ 1 << draw.randrange(8)]) + content[at + 1 :],
        lambda: content[:at] + draw.randbytes(draw.randrange(1, 9)) + content[at + 8 :],
        lambda: content[: at // 4 * 4] + huge + content[at // 4 * 4 + len(huge) :],
        lambda: content[:at],
        lambda: content + draw.randbytes(9),
        lambda: b"",
        lambda: content[:at] + bytes(64) + content[at + 64 :],
        _pickled,
    )
    return draw.choice((*ways[:3], *ways))()


def _pickled() -> bytes:
    """A NumPy file of objects, which only a pickle can hold."""
    with tempfile.TemporaryFile() as file:
        np.save(file, np.array([{}], dtype=object), allow_pickle=True)
        file.seek(0)
        return file.read()


def mutated_json(content: bytes, draw: random.Random) -> bytes:
    """A JSON file with a value of another type, or one missing."""
    value = json.loads(content)
    place, key = value, draw.choice(list(value))
    while isinstance(place[key], (dict, list)) and place[key] and draw.random() < 0.6:
        place = place[key]
        key = draw.choice(list(place)) if isinstance(place, dict) else draw.randrange(len(place))
    if draw.random() < 0.2:
        del place[key]
    else:
        place[key] = draw.choice(_ODD)
    text = json.dumps(value).replace('"NAN"', "NaN").replace('"NESTED"', "[" * 100_000 + "]" * 100_000)
    return text.encode()


def spoil(folder: Path, number: int, seed: int) -> tuple[str, bool]:
    """Spoil one file of a folder; its name, and whether it is damage that must be noticed."""
    draw = random.Random(f"{seed} {number}")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    path = draw.choice([*files, *(3 * [file for file in files if file.suffix in (".faiss", ".parquet")])])
    if path.name == "manifest.json":
        path = folder / "manifest.json"
    before = path.read_bytes()
    after = mutated_json(before, draw) if path.suffix == ".json" and draw.random() < 0.7 else mutated(before, draw)
    path.write_bytes(after)
    name = path.relative_to(folder).as_posix()
    listed = name not in ("manifest.json", "source.parquet")
    hostile = draw.random() < 0.6
    if listed and hostile:
        facts = json.loads((folder / "manifest.json").read_text())
        from core.files import file_sha256

        facts["files"][name] = [path.stat().st_size, file_sha256(path)]
        write_json(folder / "manifest.json", facts)
    return name, listed and not hostile and after != before


def used(folder: Path) -> None:
    """Everything that reads a folder: opening, verifying, searching, reading passages, and the table beside it."""
    from data.sources import SourceOptions, open_source
    from retriever.building.check import card, verify

    index = PassageIndex.open(folder, read_index_manifest(folder).model_identity)
    queries = np.random.default_rng(1).normal(size=(5, DIMENSIONS)).astype(np.float32)
    _, rows = index.search(queries, 10)
    _, found = index.sparse.search("How much water has sea number 7?", 10)
    for row in {*rows.ravel().tolist(), *found.tolist()}:
        _ = index.passages[row]
    verify(folder)
    card(folder)
    for record in open_source(str(folder / "source.parquet"), SourceOptions()).records():
        _ = record.title


def _cases(folder: Path, numbers: Sequence[int], seed: int) -> None:
    """In a child: try some cases, a line of JSON each."""
    for number in numbers:
        kind = KINDS[number % len(KINDS)]
        with tempfile.TemporaryDirectory() as temporary:
            copy = Path(temporary) / "index"
            shutil.copytree(folder / kind, copy)
            name, damage = spoil(copy, number, seed)
            row: dict[str, Any] = {"case": number, "kind": kind, "file": name}
            try:
                used(copy)
                row["outcome"] = "unnoticed" if damage else "fine"
            except UserError as error:
                row |= {"outcome": "refused", "said": str(error).replace(temporary, "")}
            except Exception as error:  # what this looks for
                row |= {"outcome": "traceback", "said": f"{type(error).__name__}: {str(error)[:200]}"}
        sys.stdout.write(json.dumps(row) + "\n")
        sys.stdout.flush()


def outcomes(folder: Path, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """What became of each case; those that end their process are crashes, those that last are hangs."""
    left = list(range(count))
    while left:
        command = [sys.executable, "-m", "benchmarks.mutations", "--child", str(folder), "--seed", str(seed)]
        process = subprocess.Popen(
            [*command, "--cases", *map(str, left)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        assert process.stdout is not None
        try:
            while left:
                ready, _, _ = select.select([process.stdout], [], [], SECONDS)
                line = process.stdout.readline() if ready else b""
                if not line:
                    yield {"case": left.pop(0), "outcome": "hang" if not ready else "crash"}
                    break
                left.pop(0)
                yield json.loads(line)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def run(count: int, seed: int) -> list[dict[str, Any]]:
    """Write the folders, spoil them `count` times, and say what became of each."""
    with tempfile.TemporaryDirectory() as temporary:
        for kind in KINDS:
            write_folder(Path(temporary) / kind, kind)
            write_table(Path(temporary) / kind / "source.parquet")
        return list(outcomes(Path(temporary), count, seed))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print how often each outcome came, and the cases that should not have been; the exit status is 1 for those."""
    parser = Parser(prog="python -m benchmarks.mutations", description="Spoil index folders.")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--cases", type=int, nargs="*", default=[], help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.child:
        return exit_status(lambda: _cases(given.child, given.cases, given.seed))
    return exit_status(lambda: _report(run(given.count, given.seed)))


def _report(rows: Sequence[dict[str, Any]]) -> int:
    for row in rows:
        if row["outcome"] not in ("fine", "refused"):
            sys.stdout.write(json.dumps(row) + "\n")
    counts = Counter(row["outcome"] for row in rows)
    sys.stdout.write(", ".join(f"{name} {number}" for name, number in sorted(counts.items())) + "\n")
    return int(bool(set(counts) - {"fine", "refused"}))


if __name__ == "__main__":
    sys.exit(main())
