"""Runs of the commands that are killed at random moments, to be run by itself: `python -m tests.killing KIND …`.

Everything is imported once; each run is a child of this process, ended by SIGKILL. It prints one JSON object. Nothing
else is done before the first child: what has run (a progress bar's monitor, another library's thread) may hold a lock
that no child could ever take. A child that hangs all the same says where, and ends.
"""

from __future__ import annotations

import faulthandler
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

Work = Callable[[Path], object]
LONGEST = 300  # seconds of a child


def child(work: Callable[[], object]) -> int:
    """Begin work in a child of this process; its process id."""
    number = os.fork()
    if number:
        return number
    try:
        faulthandler.dump_traceback_later(LONGEST, exit=True, file=os.fdopen(os.dup(2), "w"))
        with open(os.devnull, "w", encoding="utf-8") as nothing:
            os.dup2(nothing.fileno(), 1)
            os.dup2(nothing.fileno(), 2)
        os._exit(int(bool(work())))
    except BaseException:
        os._exit(99)


def ended(number: int) -> int:
    """Wait for a child; its exit status, below zero for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def killed_runs(work: Work, folder: Path, kills: int, seed: int) -> dict[str, object]:
    """Run work once to its end, then killed again and again, in new folders until there were enough kills.

    Returns:
        "whole", where it ran undisturbed; "ends", where killed runs came to their end; "kills", how many there were.
    """
    whole, draw = folder / "whole", random.Random(seed)
    begun = time.monotonic()
    assert ended(child(lambda: work(whole))) == 0
    seconds = time.monotonic() - begun
    ends, done = [], 0
    while done < kills:
        place = folder / f"killed-{len(ends)}"
        while True:
            running = child(lambda place=place: work(place))
            if done < kills:
                time.sleep(draw.random() * seconds)
                os.kill(running, signal.SIGKILL)
            status = ended(running)
            if status == 0:
                break
            assert status == -signal.SIGKILL, status
            done += 1

        ends.append(place.name)
    return {"whole": whole.name, "ends": ends, "kills": done}


def building(articles: str, checkpoint: str) -> Work:
    """A build of an index."""
    import retriever.building.build
    import retriever.encode  # noqa: F401 - imported before the first child
    from data.build_index import main

    command = ["--source", articles, "--encoder", checkpoint, "--shard-rows", "2", "--threads", "1", "--output"]
    return lambda place: main([*command, str(place)])


def answering(questions: str, index: str) -> Work:
    """A file of questions, by extraction."""
    import generator.extractive  # noqa: F401
    import qa
    import retriever.search  # noqa: F401 - imported before the first child

    command = ["--index", index, "--generator", "extractive", "--questions", questions, "--output"]
    return lambda place: qa.main([*command, str(place)])


def training(questions: str, checkpoint: str) -> Work:
    """A training run of the retriever."""
    from training.retriever import main

    command = ["--questions", questions, "--model", checkpoint, "--held-out", "6", "--batch-size", "8", "--device"]
    command += ["cpu", "--tune", "projections", "--save-every", "1", "--epochs", "3", "--output"]
    return lambda place: main([*command, str(place)])


def rating(folder: Path, kills: int, seed: int) -> dict[str, object]:
    """Eight writers of ratings in one file, killed in turn and begun anew; how many each said were stored."""
    from ui.feedback import FeedbackStore

    path, draw = folder / "ratings.jsonl", random.Random(seed)

    def writer(name: str, say: int) -> None:
        store = FeedbackStore(path)
        for number in range(100_000):
            store.append({"kind": "rating", "writer": name, "number": number, "padding": "x" * draw.randrange(20_000)})
            os.write(say, b".")

    def begin(name: str) -> tuple[str, int, int]:
        heard, said = os.pipe()
        number = child(lambda: writer(name, said))
        os.close(said)
        return name, number, heard

    stored: dict[str, int] = {}

    def end(name: str, number: int, heard: int) -> None:
        os.kill(number, signal.SIGKILL)
        assert ended(number) == -signal.SIGKILL
        with os.fdopen(heard, "rb") as file:
            stored[name] = len(file.read())

    running = [begin(f"writer-{number}") for number in range(8)]
    for kill in range(kills):
        # Until one more has said something, so that a slow machine, too, sees writes between kills.
        os.read(running[kill % 8][2], 1)
        stored_before = running[kill % 8]
        time.sleep(draw.random() / 5)
        end(*stored_before)
        stored[stored_before[0]] += 1
        running[kill % 8] = begin(f"writer-{8 + kill}")
    for each in running:
        end(*each)
    return {"stored": stored, "kills": kills}


if __name__ == "__main__":
    kind, where, count, chance, *more = sys.argv[1:]
    Path(where).mkdir(parents=True, exist_ok=True)
    if kind == "rating":
        found = rating(Path(where), int(count), int(chance))
    else:
        works = {"building": building, "answering": answering, "training": training}
        found = killed_runs(works[kind](*more), Path(where), int(count), int(chance))
    sys.stdout.write(json.dumps(found) + "\n")
