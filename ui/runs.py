"""Who is asking what: one run per browser session, and the finished answers that may still be rated.

Through a session's run, Stop and a closed page reach the right generator.

It knows sessions, questions and answers. It knows neither Gradio nor any model.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from core.errors import UserError
from core.records import Answer
from core.settings import Settings
from ui.bounds import MOST_FINISHED, MOST_SESSIONS


@dataclass(eq=False)
class Run:
    """One question of one session, from Ask to the end of its answer.

    Attributes:
        question: as typed and tidied.
        settings: with what it is answered; several for a comparison.
        stop: set to end it at the next token.
        asked: when Ask was pressed, in `time.perf_counter` seconds.
        taken: whether the answer has begun, or never will.
        shown: the snapshot that the page has.
        id: names the run for ratings.
    """

    question: str
    settings: tuple[Settings, ...]
    stop: threading.Event = field(default_factory=threading.Event)
    asked: float = field(default_factory=time.perf_counter)
    taken: bool = False
    shown: Answer | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


class Runs:
    """The newest run of each session; older ones are stopped when a newer one begins."""

    def __init__(self) -> None:
        """Start with no session."""
        self._newest: OrderedDict[str, Run] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, session: str, question: str, *settings: Settings) -> Run:
        """A new run of this session; the one before it, if any, is told to stop."""
        run = Run(question, settings)
        with self._lock:
            older = self._newest.pop(session, None)
            self._newest[session] = run
            if len(self._newest) > MOST_SESSIONS:
                self._newest.popitem(last=False)[1].stop.set()
        if older:
            older.stop.set()
        return run

    def take(self, session: str) -> Run | None:
        """The session's newest run if nobody has begun to answer it, else None."""
        with self._lock:
            run = self._newest.get(session)
            if run is None or run.taken:
                return None
            run.taken = True
            return run

    def newest(self, session: str) -> Run | None:
        """The session's newest run, if it asked anything."""
        with self._lock:
            return self._newest.get(session)

    def is_newest(self, session: str, run: Run) -> bool:
        """Whether nothing newer was asked in this session."""
        with self._lock:
            return self._newest.get(session) is run

    def stop(self, session: str) -> Run | None:
        """Tell the session's run to end at the next token; the run if it was still waiting, else None."""
        with self._lock:
            run = self._newest.get(session)
            if run is None:
                return None
            waited, run.taken = not run.taken, True
            run.stop.set()
        return run if waited else None

    def leave(self, session: str) -> None:
        """The page was closed: stop its run and forget it."""
        with self._lock:
            run = self._newest.pop(session, None)
        if run:
            run.stop.set()


class RatingError(UserError):
    """An answer cannot be rated now; the message says why and what to do."""


class Finished:
    """The JSON objects of the newest finished answers (or pairs of them), each to be rated once in each way."""

    def __init__(self, most: int = MOST_FINISHED) -> None:
        """Keep at most `most`; older ones are forgotten."""
        self._most = most
        self._kept: OrderedDict[str, Any] = OrderedDict()
        self._rated: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, run: str, answer: Any) -> None:  # noqa: ANN401 — what is rated is the caller's
        """Keep what a run answered."""
        with self._lock:
            self._kept[run] = answer
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def find(self, run: str) -> Any:  # noqa: ANN401
        """What the run answered; None where it is not held (any more)."""
        with self._lock:
            return self._kept.get(run)

    def claim(self, run: str, way: str = "scores") -> Any:  # noqa: ANN401
        """What the run answered, given out once for each way to rate it.

        Raises:
            RatingError: it was rated so before, or is not known (any more).
        """
        with self._lock:
            # Through the API anything may come.
            if not isinstance(run, str) or (run not in self._kept and (run, way) not in self._rated):
                raise RatingError("This answer is not held any more: ask the question again, then rate it.")
            if (run, way) in self._rated:
                raise RatingError("This answer was rated already; thank you. Ask again to rate another answer.")
            self._rated[run, way] = None
            while len(self._rated) > 10 * self._most:
                self._rated.popitem(last=False)
            return self._kept[run]

    def release(self, run: str, way: str = "scores") -> None:
        """Take a claim back: what was said could not be stored."""
        with self._lock:
            self._rated.pop((run, way), None)

    def is_rated(self, run: str, way: str = "scores") -> bool:
        """Whether the run was rated in that way."""
        with self._lock:
            return (run, way) in self._rated


def throttled(
    answers: Iterator[Answer], seconds: float = 0.2, clock: Callable[[], float] = time.perf_counter
) -> Iterator[Answer]:
    """Drop snapshots that come too fast to be read; stages that change and the last snapshot always pass.

    Args:
        answers: snapshots, as `LongFormQA.stream` yields them.
        seconds: the least time between two snapshots of the same stage.
        clock: seconds, for tests.

    Yields:
        At most 8 snapshots a second at the default: 5 of the growing text and the changes of stage.
    """
    stage, last = "", 0.0
    for answer in answers:
        now = clock()
        if answer.stage == "judging" or (answer.stage == stage and answer.stage != "done" and now - last < seconds):
            continue
        stage, last = answer.stage, now
        yield answer
