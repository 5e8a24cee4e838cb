"""Build time, size, memory, latency and recall of each kind of index over synthetic vectors.

    python -m benchmarks.search --vectors 1000000 --folder /tmp/vectors --output search.json
    python -m benchmarks.search --picture docs/search.png search-1m.json search-10m.json

The vectors are clustered, as those of texts are: normalised Gaussian clouds of about 200 around centres that are
themselves clustered. Queries are drawn from the same clouds and are not among the vectors. Every kind is searched in a
process of its own, one question at a time, so that its memory is its own.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from benchmarks.searching import unit_rows
from core.command import Parser, exit_status
from core.errors import UserError, needing
from core.files import replacing, write_json
from core.outputs import PICTURE, beginning, check_replaceable, own_folder, write_own_json, write_picture
from retriever.index_kinds import KINDS, build_index
from retriever.recall import DEPTH, exact_rows, recall, tune
from retriever.stores.faiss_store import FaissStore
from retriever.vector_shards import VectorShards, is_whole, write_vectors

DIMENSIONS = 128
_SHARD = 100_000
_CLOUD = 200  # vectors around a centre, on average
_SPREAD = 0.6  # the length of what is added to a centre of length one
_QUERIES = 1_000
# What --output wrote.
_ROWS = beginning(b'[\n  {\n    "vectors": ')


def centres(count: int) -> np.ndarray:
    """The centres of the clouds, float32 (count, dimensions), of length one, gathered in groups of about fifty."""
    rng = np.random.default_rng(1)
    groups = unit_rows(rng.normal(size=(max(1, count // 50), DIMENSIONS)).astype(np.float32))
    around = rng.normal(size=(count, DIMENSIONS)).astype(np.float32) / DIMENSIONS**0.5
    return unit_rows(groups[rng.integers(len(groups), size=count)] + around)


def draw(middle: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Vectors from the clouds, float32 (count, dimensions), of length one."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(size=(count, DIMENSIONS), dtype=np.float32) * (_SPREAD / DIMENSIONS**0.5)
    return unit_rows(middle[rng.integers(len(middle), size=count)] + noise)


def vectors_in(folder: Path, count: int) -> VectorShards:
    """The synthetic vectors of a folder, made where they are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    middle = centres(max(1, count // _CLOUD))
    sizes = [min(_SHARD, count - first) for first in range(0, count, _SHARD)]
    files = [folder / f"{number:05d}.npy" for number in range(len(sizes))]
    for number, (file, size) in enumerate(zip(files, sizes, strict=True)):
        if not is_whole(file, size, DIMENSIONS):
            write_vectors(file, draw(middle, size, seed=100 + number))
    return VectorShards(files, sizes, DIMENSIONS)


def measure(
    folder: Path, count: int, kinds: Sequence[str], wanted: float, lists: int | None = None
) -> Iterator[dict[str, Any]]:
    """Build and search each kind; a row for each. `lists` are those of IVF-PQ, None for as many as a build takes."""
    vectors = vectors_in(folder, count)
    queries = draw(centres(max(1, count // _CLOUD)), _QUERIES, seed=2)
    truth = folder / "exact.npy"
    if not truth.is_file():
        with replacing(truth) as part, part.open("wb") as file:
            np.save(file, exact_rows(vectors, queries[: _QUERIES // 2]))
    np.save(folder / "queries.npy", queries)
    for kind in kinds:
        path, facts = folder / f"{kind}.faiss", folder / f"{kind}.json"
        if not facts.is_file():
            start, cpu = time.perf_counter(), time.process_time()
            index = build_index(kind, vectors, lists, _say(kind, count))
            built, cpu = time.perf_counter() - start, time.process_time() - cpu
            tuned = tune(index, kind, vectors, queries[_QUERIES // 2 :][:200], wanted)
            faiss.write_index(index, str(path))
            del index
            row = {"kind": kind, "build_s": round(built, 1), "build_cpu_s": round(cpu, 1), "effort": tuned.effort}
            write_json(facts, row)
        row = json.loads(facts.read_text(encoding="utf-8"))
        command = [sys.executable, "-m", "benchmarks.search", "--vectors", str(count), "--folder", str(folder)]
        found = subprocess.run(
            [*command, "--search", kind, "--effort", str(row["effort"])], capture_output=True, text=True, check=True
        )
        size = {"index_mb": round(path.stat().st_size / 1e6, 1), "vectors_mb": round(count * DIMENSIONS * 2 / 1e6, 1)}
        yield {"vectors": count, **row, **size, **json.loads(found.stdout)}


def search_alone(folder: Path, count: int, kind: str, effort: int) -> dict[str, Any]:
    """Open an index and ask it one question at a time: latency, recall and what the process holds in memory."""
    sizes = [min(_SHARD, count - first) for first in range(0, count, _SHARD)]
    vectors = VectorShards([folder / f"{number:05d}.npy" for number in range(len(sizes))], sizes, DIMENSIONS)
    queries = np.load(folder / "queries.npy")[: _QUERIES // 2]
    before = _memory()
    start = time.perf_counter()
    store = FaissStore.open(folder / f"{kind}.faiss", kind, effort, vectors)
    opened = time.perf_counter() - start
    seconds, cpu, found = [], time.process_time(), []
    for query in queries:
        start = time.perf_counter()
        found.append(store.search(query[None], DEPTH)[1][0])
        seconds.append(time.perf_counter() - start)
    cpu = (time.process_time() - cpu) / len(queries)
    after = _memory()
    p50, p95 = np.percentile(np.array(seconds) * 1e3, [50, 95])
    return {
        "open_s": round(opened, 3),
        "p50_ms": round(float(p50), 2),
        "p95_ms": round(float(p95), 2),
        "cpu_ms": round(cpu * 1e3, 2),
        "recall@10": round(recall(np.array(found), np.load(folder / "exact.npy")), 4),
        "rss_mb": round(after["VmRSS"] / 1e3, 1),
        "rss_before_mb": round(before["VmRSS"] / 1e3, 1),
        "anonymous_mb": round(after["RssAnon"] / 1e3, 1),
        "threads": faiss.omp_get_max_threads(),
    }


def _memory() -> dict[str, int]:
    """What Linux says of this process's memory, in kB."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines) if "kB" in value}


def _say(kind: str, count: int) -> Any:  # noqa: ANN401 — a callback
    done = 0

    def said(rows: int) -> None:
        nonlocal done
        done += rows
        sys.stderr.write(f"\r{kind}: {done:,} of {count:,} vectors")

    return said


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows that `--output` wrote.

    Raises:
        UserError: the file is something else.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return [{"kind": row["kind"], "vectors": row["vectors"]} | row for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} holds no rows of this command ({type(error).__name__}: {error}): name a file that --output wrote"
        ) from error


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    names = list(rows[0])
    lines = [f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}"]
    return "\n".join(lines + [f"| {' | '.join(str(row[name]) for name in names)} |" for row in rows]) + "\n"


def picture(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Latency over recall, a point for each kind and number of vectors, its size by memory."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axis = figure.subplots()
    markers = dict(zip(KINDS, "os^", strict=True))
    for row in rows:
        label = f"{row['kind']}, {row['vectors'] / 1e6:g} M: {row['rss_mb'] / 1e3:.2f} GB"
        axis.scatter(
            row["recall@10"], row["p95_ms"], s=30 + row["rss_mb"] / 8, marker=markers[row["kind"]], label=label
        )
    axis.set(
        xlabel="recall@10", ylabel="p95, ms", yscale="log", title="Search over 128-d vectors; size: resident memory"
    )
    axis.grid(alpha=0.3)
    axis.legend(frameon=False, markerscale=0.5)
    write_picture(figure, path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, or draw what was measured; the exit status is 0, 1 for a failure, 2 for unusable arguments."""
    parser = Parser(prog="python -m benchmarks.search", description="Measure kinds of indexes.")
    parser.add_argument("results", nargs="*", type=Path, help="files of rows, to draw with --picture")
    parser.add_argument("--vectors", type=int, default=100_000, help="how many (default: %(default)s)")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--folder", type=Path, default=Path("runs/search"), help="for vectors and indexes")
    parser.add_argument("--recall", type=float, default=0.95, help="what is aimed at (default: %(default)s)")
    parser.add_argument("--lists", type=int, help="of IVF-PQ (default: as many as a build takes)")
    parser.add_argument("--output", type=Path, metavar="JSON", help="also write the rows there")
    parser.add_argument("--picture", type=Path, metavar="PNG", help="draw the rows of the results")
    parser.add_argument("--search", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--effort", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    return exit_status(lambda: _run(given), "stopped; run the same command again to go on")


def _run(given: argparse.Namespace) -> None:
    """Measure, or read what was measured; write, print and draw."""
    if given.search:
        sys.stdout.write(json.dumps(search_alone(given.folder, given.vectors, given.search, given.effort)))
        return
    for output, ours in ((given.output, _ROWS), (given.picture, PICTURE)):
        if output:
            check_replaceable(output, ours, *given.results)
    rows = [row for path in given.results for row in read_rows(path)]
    if not rows:
        with own_folder(given.folder):
            for row in measure(given.folder, given.vectors, given.kinds, given.recall, given.lists):
                rows.append(row)
                sys.stderr.write(f"\r{json.dumps(row)}\n")
                if given.output:
                    write_own_json(given.output, rows, _ROWS)
    sys.stdout.write(table(rows))
    if given.picture:
        with needing("requirements-bench.txt", "the picture"):
            picture(rows, given.picture)


if __name__ == "__main__":
    sys.exit(main())
