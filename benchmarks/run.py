"""The benchmark's command: ours and each peer in turn, several rounds; medians, ratios and peak memory.

    python -m benchmarks.run                       # all of it, as a table
    python -m benchmarks.run --only writing --json
    python -m benchmarks.run --quick               # small sizes, to see that it runs; its figures mean little

It knows the contests and how results are shown.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import encoding, searching, writing
from benchmarks.contest import Prepare, Result, compete
from core.command import Parser, exit_status
from core.errors import needing
from core.outputs import PICTURE, beginning, check_replaceable, write_own_json, write_picture

# What --output wrote.
_RESULTS = beginning(b'{\n  "date": "', b'"machine": ')
Row = dict[str, Any]


@dataclass(frozen=True)
class Contest:
    """One kind of work: who takes part in it, and the contestant of ours that the others are compared with."""

    name: str
    contestants: dict[str, tuple[Prepare, tuple[Any, ...]]]
    ours: str = "ours"


def contests(quick: bool) -> list[Contest]:
    """All work to be measured; little of each when `quick`."""
    sizes = (2_000,) if quick else (10_000, 100_000, 1_000_000)
    search = [
        Contest(f"search among {size:,} vectors", searching.contestants(size), "faiss flat (ours)") for size in sizes
    ]
    return [
        Contest("encoding", encoding.contestants(16 if quick else 256)),
        Contest("writing", writing.contestants(8 if quick else 130)),
        *search,
    ]


def rows(contest: Contest, results: Sequence[Result]) -> list[Row]:
    """One row for each contestant and measure.

    "ratio" says how many times as good ours is: above 1, ours is the faster one.
    """
    by_name = {result.name: result for result in results}
    ours, made = by_name[contest.ours], []
    for result in results:
        common = {"work": contest.name, "who": result.name, "peak_mb": round(result.peak_mb), "absent": result.absent}
        for measure in result.rounds[0] if result.rounds else ():
            median = result.median(measure)
            ratio = None
            if result is not ours and ours.rounds and measure in ours.rounds[0]:
                own = ours.median(measure)
                better_high = measure.endswith("/s") or measure.startswith("recall")
                ratio = own / median if better_high else median / own
            values = [one[measure] for one in result.rounds]
            made.append(common | {"measure": measure, "median": median, "ratio": ratio, "rounds": values})
        if not result.rounds:
            made.append(common | {"measure": "", "median": None, "ratio": None, "rounds": []})
    return made


def table(made: Sequence[Row]) -> str:
    """The rows as text."""
    lines = [f"{'work':32} {'who':24} {'measure':34} {'median':>10} {'ours is':>9} {'peak MB':>8}"]
    for row in made:
        if row["absent"]:
            lines.append(f"{row['work']:32} {row['who']:24} absent: {row['absent']}")
            continue
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f} ×"
        median = f"{row['median']:.4g}"
        lines.append(
            f"{row['work']:32} {row['who']:24} {row['measure']:34} {median:>10} {ratio:>9} {row['peak_mb']:>8}"
        )
    return "\n".join(lines)


def machine(threads: int) -> dict[str, Any]:
    """What it was measured on: the processor's kind, its instruction sets that matter here, and the threads."""
    model, flags = platform.processor() or platform.machine(), ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        facts = dict(line.split(":", 1) for line in cpuinfo.read_text().splitlines() if ":" in line)
        facts = {name.strip(): value.strip() for name, value in facts.items()}
        model, flags = facts.get("model name", model), facts.get("flags", "")
    wanted = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "amx_int8")
    return {
        "processor": model,
        "instructions": [flag for flag in wanted if flag in flags.split()],
        "threads": threads,
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
    }


def draw(made: Sequence[Row], path: Path) -> None:
    """A bar for every peer and measure: how many times as good ours is."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = [row for row in made if row["ratio"] is not None and not row["measure"].startswith("recall")]
    figure, axes = pyplot.subplots(figsize=(9, 1 + 0.32 * len(shown)))
    places = range(len(shown))
    axes.barh(places, [row["ratio"] for row in shown], color="#2a6f97")
    axes.set_yticks(places, [f"{row['work']}, {row['measure']}: {row['who']}" for row in shown], fontsize=8)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.invert_yaxis()
    axes.set_xlabel("ours is so many times as good (above 1: faster)")
    figure.tight_layout()
    write_picture(figure, path)
    pyplot.close(figure)


def measure(chosen: Sequence[Contest], rounds: int, threads: int, say: Callable[[str], None]) -> list[Row]:
    """Run contests one after the other."""
    made: list[Row] = []
    for contest in chosen:
        results = compete(contest.contestants, rounds, threads, partial(_said, say, contest.name))
        made += rows(contest, results)
    return made


def _said(say: Callable[[str], None], contest: str, text: str) -> None:
    say(f"{contest}: {text}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and show; the exit status is 0, 1 for a failure, 2 for unusable arguments, 130 after Ctrl-C."""
    given = _parse(arguments)
    return exit_status(lambda: _run(given))


def _run(given: argparse.Namespace) -> None:
    """Measure, write, draw and print."""
    for path, ours in ((given.output, _RESULTS), (given.picture, PICTURE)):
        if path:
            check_replaceable(path, ours)
    threads = given.threads or (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    chosen = [one for one in contests(given.quick) if given.only is None or one.name.startswith(given.only)]
    rounds = given.rounds or (1 if given.quick else 5)
    made = measure(chosen, rounds, threads, lambda text: print(text, file=sys.stderr, flush=True))  # noqa: T201
    whole = {"date": date.today().isoformat(), "machine": machine(threads), "rounds": rounds, "rows": made}
    sys.stdout.write(json.dumps(whole, indent=2) + "\n" if given.json else table(made) + "\n")
    if given.output:
        write_own_json(given.output, whole, _RESULTS)
    if given.picture:
        with needing("requirements-bench.txt", "the picture"):
            draw(made, given.picture)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(prog="python -m benchmarks.run", description="Speed against peers, in one run.")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--quick", action="store_true", help="small sizes and one round")
    parser.add_argument("--only", choices=("encoding", "writing", "search"), help="only this work")
    parser.add_argument("--rounds", type=_positive, help="of each contestant (default 5)")
    parser.add_argument("--threads", type=_positive, help="that each may use (default: the cores of this process)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the JSON there too")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the ratios there")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    """A whole number above 0."""
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")


if __name__ == "__main__":
    sys.exit(main())
