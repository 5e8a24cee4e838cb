r"""Many visitors at once, and many questions in one process: what is answered, how long it takes, what memory does.

    python -m benchmarks.load --clients 30 --questions 200
    python -m benchmarks.load --process --questions 150 --processes 50

The first serves the real page and asks through its own events, as a browser does: a question is answered or clearly
refused, memory is level, and a light request never waits long. The second asks one process, whose memory is to be
level and whose first answer is to come again at the end; then fresh processes sample with one seed, all alike.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import argparse
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.mediawiki import free_port
from core.command import Parser, exit_status
from core.errors import UserError
from core.terminal import remark, say
from data.questions import load_questions

ROOT = Path(__file__).parents[1]
WARM = 20  # questions before memory is compared
SETTLING = 10.0  # seconds without questions before it is measured
MOST_GROWTH = 50 << 20  # bytes
LONGEST_LIGHT = 2.0  # seconds for a light request
_STARTING = 180.0  # seconds for the page to be served and loaded
_SAMPLED = ("--decoding", "sampling", "--seed", "7", "--json")


class LoadError(UserError):
    """The page could not be put under load."""


@dataclass
class Page:
    """A served page, with what a browser knows of it.

    Attributes:
        address: with a slash at its end.
        process: that serves it.
        begin: the event that notes a question: its number and the values of its inputs, the question first.
        answer: the number of the event that answers it.
    """

    address: str
    process: psutil.Process
    begin: tuple[int, list[Any]] = (0, [])
    answer: int = 0
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=600, limits=httpx.Limits()))

    def read_events(self) -> None:
        """Find the events of Ask by the box that they belong to."""
        config = self.client.get(f"{self.address}config").json()
        parts = {part["id"]: part for part in config["components"]}
        [box] = [number for number, part in parts.items() if part["props"].get("elem_id") == "question"]
        events = config["dependencies"]
        [begin] = [event for event in events if [box, "submit"] in event["targets"]]
        after = [event for event in events if event.get("trigger_after") == begin["id"]]
        [answer] = [event for event in after if len(event["outputs"]) > 1 and not event.get("trigger_only_on_failure")]
        self.begin = begin["id"], [parts[number]["props"].get("value") for number in begin["inputs"]]
        self.answer = answer["id"]

    def ask(self, question: str, generator: str) -> str:
        """Ask as the page does; "answered", or why not."""
        session, (begin, values) = uuid.uuid4().hex, self.begin
        values = [question, *(generator if value == "fused" else value for value in values[1:])]
        self._post("run/predict", begin, session, values).raise_for_status()
        joined = self._post("queue/join", self.answer, session, [])
        if joined.status_code == 503:
            return f"refused: {joined.json()['detail']}"
        joined.raise_for_status()
        with self.client.stream("GET", f"{self.address}gradio_api/queue/data?session_hash={session}") as stream:
            for line in stream.iter_lines():
                message = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
                if message.get("msg") in ("process_completed", "unexpected_error"):
                    return _outcome(message)
        return "lost: the stream ended"

    def _post(self, route: str, event: int, session: str, data: list[Any]) -> httpx.Response:
        body = {"fn_index": event, "session_hash": session, "data": data, "trigger_id": None, "event_data": None}
        return self.client.post(f"{self.address}gradio_api/{route}", json=body)

    def resident(self) -> int:
        """Its memory, in bytes."""
        return int(self.process.memory_info().rss)


def _outcome(message: dict[str, Any]) -> str:
    """What became of a question, of the last message of its event."""
    shown = json.dumps(message.get("output", {}))
    if message.get("success") and "data-run" in shown:
        return "answered"
    return f"refused: {shown[:200]}" if "problem" in shown or "error" in shown else f"lost: {shown[:200]}"


@contextmanager
def served() -> Iterator[Page]:
    """The real page on a free port of loopback, its models loaded, until the block ends.

    Raises:
        LoadError: it does not come up.
    """
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        until = time.monotonic() + _STARTING
        for line in process.stderr:
            if line.startswith("Ready"):
                break
            if time.monotonic() > until:
                raise LoadError(f"the page was not ready after {_STARTING:g} s")
        else:
            raise LoadError(f"the page ended with status {process.wait()}")
        threading.Thread(target=process.stderr.read, daemon=True).start()
        page = Page(f"http://127.0.0.1:{port}/", psutil.Process(process.pid))
        page.read_events()
        yield page
    finally:
        process.terminate()
        process.wait()


def questions(count: int) -> list[str]:
    """So many questions, those of the set again and again."""
    asked = [question.question for split in ("dev", "real_dev") for question in load_questions(split, ("question",))]
    return list(islice(cycle(asked), count))


def under_load(clients: int, count: int, generator: str) -> dict[str, Any]:
    """Ask so many questions from so many clients at once.

    Returns:
        {"questions", "outcomes": {outcome: how often}, "seconds", "slowest_light_request" in seconds,
        "megabytes": [before, after], "on_the_way": after each quarter of the questions}.
    """
    with served() as page:
        for question in questions(WARM):
            page.ask(question, generator)
        time.sleep(SETTLING)
        before, light, over = page.resident(), [0.0], threading.Event()

        def watch() -> None:
            while not over.wait(0.5):
                began = time.monotonic()
                page.client.get(f"{page.address}gradio_api/app_id").raise_for_status()
                light.append(time.monotonic() - began)

        watching = threading.Thread(target=watch)
        watching.start()
        began = time.monotonic()
        outcomes, way = [], []
        try:
            with ThreadPoolExecutor(clients) as pool:
                for outcome in pool.map(lambda question: page.ask(question, generator), questions(count)):
                    outcomes.append(outcome)
                    if len(outcomes) % max(1, count // 4) == 0:
                        way.append(page.resident() >> 20)
        finally:
            over.set()
            watching.join()
        seconds = time.monotonic() - began
        time.sleep(SETTLING)
        return {
            "questions": count,
            "outcomes": dict(Counter(outcomes)),
            "seconds": round(seconds, 1),
            "slowest_light_request": round(max(light), 2),
            "megabytes": [before >> 20, page.resident() >> 20],
            "on_the_way": way,
        }


def in_one_process(count: int) -> dict[str, Any]:
    """Ask so many questions of this process.

    Returns:
        {"questions", "same_again", "megabytes": [after the first `WARM`, at the end]}.
    """
    from qa import LongFormQA

    qa, own = LongFormQA.load(), psutil.Process()
    asked, first, level = questions(count), "", 0
    for number, question in enumerate(asked, start=1):
        text = qa.ask(question).text
        first = first or text
        if number == min(WARM, count):
            level = own.memory_info().rss
    again = qa.ask(asked[0]).text
    return {"questions": count, "same_again": again == first, "megabytes": [level >> 20, own.memory_info().rss >> 20]}


def in_fresh_processes(count: int, at_once: int = 2) -> dict[str, Any]:
    """Sample one answer with one seed in so many fresh processes, some at once: {"processes", "different_answers"}."""

    def answer(_: int) -> str:
        command = [sys.executable, "qa.py", "Why is the sky blue?", *_SAMPLED]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"TQDM_DISABLE": "1"})
        if done.returncode:
            raise LoadError(f"a process failed: {done.stderr[-300:]}")
        return str(json.loads(done.stdout)["answer"])

    with ThreadPoolExecutor(at_once) as pool:
        return {"processes": count, "different_answers": len(set(pool.map(answer, range(count))))}


def faults(found: dict[str, Any]) -> list[str]:
    """What of a result is not as it should be."""
    wrong = [outcome for outcome in found.get("outcomes", ()) if outcome.startswith("lost")]
    before, after = found.get("megabytes", (0, 0))
    if abs(after - before) > MOST_GROWTH >> 20:
        wrong.append(f"memory went from {before} MB to {after} MB")
    if found.get("slowest_light_request", 0) > LONGEST_LIGHT:
        wrong.append(f"a light request took {found['slowest_light_request']} s")
    if not found.get("same_again", True):
        wrong.append("the first question was answered otherwise at the end")
    if found.get("different_answers", 1) > 1:
        wrong.append(f"one seed gave {found['different_answers']} different answers")
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was found as lines of JSON; the exit status is 1 where something is not as it should be."""
    parser = Parser(prog="python -m benchmarks.load", description="Put the page under load.")
    parser.add_argument("--clients", type=int, default=30, help="at once (default %(default)s)")
    parser.add_argument("--questions", type=int, default=200, help="in all (default %(default)s)")
    parser.add_argument("--generator", default="fused", help="that the page's visitors choose (default %(default)s)")
    parser.add_argument("--process", action="store_true", help="ask one process instead of the page")
    parser.add_argument("--processes", type=int, default=0, help="then sample in so many fresh ones")
    given = parser.parse_args(arguments)
    return exit_status(lambda: _run(given))


def _run(given: argparse.Namespace) -> int:
    if given.process:
        results = [in_one_process(given.questions)]
        results += [in_fresh_processes(given.processes)] if given.processes else []
    else:
        results = [under_load(given.clients, given.questions, given.generator)]
    wrong = [fault for result in results for fault in faults(result)]
    for result in results:
        say(json.dumps(result) + "\n")
    for fault in wrong:
        remark(f"{fault}\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
