"""Contestants that take turns: each lives in a process of its own, and is asked for one round at a time.

So nobody warms another's caches or threads, and every process's peak memory is its contestant's. It knows processes
and numbers, and nothing of what is measured.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import statistics
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from core.errors import UserError

# What a contestant measures in a round: by name, higher is better ("…/s") or lower is better (seconds).
Measures = dict[str, float]
Round = Callable[[], Measures]
# Makes a contestant ready, in its own process; gives the function that runs a round.
Prepare = Callable[..., Round]


class PeerMissingError(UserError):
    """A contestant cannot take part; the message says what to install."""


@dataclass
class Result:
    """A contestant's rounds.

    Attributes:
        name: of the contestant.
        rounds: what each round measured.
        peak_mb: the most memory that its process held, in MB.
        absent: why it did not take part; "" if it did.
    """

    name: str
    rounds: list[Measures] = field(default_factory=list)
    peak_mb: float = 0.0
    absent: str = ""

    def median(self, measure: str) -> float:
        """The median of a measure over the rounds."""
        return statistics.median(one[measure] for one in self.rounds)


def compete(
    contestants: dict[str, tuple[Prepare, tuple[Any, ...]]], rounds: int, threads: int, say: Callable[[str], None]
) -> list[Result]:
    """Let contestants take turns, `rounds` times; a round before the first, of each, is not counted.

    Args:
        contestants: by name, how each is prepared, with its arguments.
        rounds: at least 1.
        threads: that each may use.
        say: told what is being done.
    """
    results = [Result(name) for name in contestants]
    lines: dict[str, tuple[Connection, multiprocessing.process.BaseProcess]] = {}
    context = multiprocessing.get_context("spawn")
    before = os.environ.get("OMP_NUM_THREADS")
    # Libraries look at it when they are loaded, so it must be there before a process begins.
    os.environ["OMP_NUM_THREADS"] = str(threads)
    try:
        for result in results:
            say(f"preparing {result.name}")
            prepare, arguments = contestants[result.name]
            here, there = context.Pipe()
            process: multiprocessing.process.BaseProcess = context.Process(
                target=_serve, args=(there, prepare, arguments), daemon=True
            )
            process.start()
            there.close()
            lines[result.name] = here, process
            _, result.absent = _ask(here, process, None)
        for number in range(rounds + 1):
            for result in results:
                if result.absent:
                    continue
                say(f"round {number} of {rounds}: {result.name}" if number else f"warming up: {result.name}")
                answer, result.absent = _ask(*lines[result.name], "round")
                if answer is not None:
                    measured, result.peak_mb = answer
                    result.rounds += [measured] if number else []
    finally:
        os.environ.pop("OMP_NUM_THREADS")
        if before is not None:
            os.environ["OMP_NUM_THREADS"] = before
        for here, process in lines.values():
            here.close()
            process.join(5)
            if process.is_alive():
                process.terminate()
    return results


def _ask(
    line: Connection, process: multiprocessing.process.BaseProcess, request: str | None
) -> tuple[tuple[Measures, float] | None, str]:
    """Send a request, None for none; the answer, or why there is none."""
    try:
        if request is not None:
            line.send(request)
        return line.recv()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        process.join(5)
        return None, f"its process ended with status {process.exitcode}"


def _serve(line: Connection, prepare: Prepare, arguments: Sequence[Any]) -> None:
    """A contestant's process: prepare, then a round for every request."""
    try:
        run = prepare(*arguments)
        line.send((None, ""))
        while True:
            line.recv()
            measured = run()
            line.send(((measured, peak_mb()), ""))
    except (EOFError, KeyboardInterrupt):
        return
    except PeerMissingError as error:
        line.send((None, str(error)))
    except Exception as error:  # noqa: BLE001 - a peer may fail in any way, and the others go on
        traceback.print_exc()
        line.send((None, f"{type(error).__name__}: {error}"))


def peak_mb() -> float:
    """The most memory that this process has held, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
