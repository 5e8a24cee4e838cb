"""What visitors drop, for as long as their visits last: files on their way, passages, indexes in memory.

Each visit's index has a name that nobody can guess and that only this visit's session may use. Everything is bounded,
and goes with the visit. It knows sessions and files; it does not know Gradio's components.
"""

from __future__ import annotations

import atexit
import functools
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from core.errors import UserError
from core.texts import path_text
from data.passages import Passage
from data.sources.apart import read_apart
from data.sources.base import PageError
from qa import LongFormQA
from retriever.in_memory import index_in_memory
from ui.bounds import DOCUMENT, MOST_DOCUMENTS, MOST_OWN_PASSAGES, MOST_VISITS, UPLOAD_AGE, VISIT_SECONDS
from ui.offer import OWN, Offer

PREFIX = "long-form-qa-"
_SWEPT = 60.0  # seconds between two looks for what is too old
_STALE = 86_400.0  # seconds, after which the folder of a page that was killed goes
_MOST = f"{MOST_DOCUMENTS} documents and {MOST_OWN_PASSAGES:,} passages"
Say = Callable[[str], None]


class LeftError(UserError):
    """The visit ended, or dropped its documents, while they were read."""


@dataclass
class Visit:
    """One visitor's documents.

    Attributes:
        name: of their index.
        files: names of the documents, with how many passages each has.
        passages: of all, in order.
        vectors: theirs, float32 (passages, dimensions).
        waiting: files that arrived and are to be read: (what it is called, where it lies).
        used: when it was last asked, in `time.monotonic` seconds.
        ended: set when nobody wants it any more.
    """

    name: str = field(default_factory=lambda: OWN + secrets.token_urlsafe(16))
    files: dict[str, int] = field(default_factory=dict)
    passages: list[Passage] = field(default_factory=list)
    vectors: np.ndarray | None = None
    waiting: list[tuple[str, Path]] = field(default_factory=list)
    used: float = field(default_factory=time.monotonic)
    ended: threading.Event = field(default_factory=threading.Event)


@functools.cache
def folder() -> Path:
    """Where files lie on their way, for this process only; removed at its end, or by the next one a day later."""
    root = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir())
    root.mkdir(parents=True, exist_ok=True)
    for stale in root.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if time.time() - stale.stat().st_mtime > _STALE:
                shutil.rmtree(stale, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def arrivals() -> Path:
    """Where Gradio writes what arrives; told to it through its own variable, before the page is built."""
    path = folder() / "arriving"
    path.mkdir(exist_ok=True)
    os.environ["GRADIO_TEMP_DIR"] = str(path)
    return path


def bytes_waiting() -> int:
    """How many bytes have arrived and were not read yet."""
    size = 0
    for path in folder().rglob("*"):
        with suppress(OSError):
            size += path.stat().st_size if path.is_file() else 0
    return size


class Visits:
    """The visits that have documents, by the browser's session."""

    def __init__(self, qa: LongFormQA) -> None:
        """Begin with none; what they drop is held by the system, under names that it doesn't offer."""
        self.qa = qa
        self._visits: OrderedDict[str, Visit] = OrderedDict()
        self._lock = threading.Lock()
        self._sweeping = False

    def offer(self, offer: Offer, session: str) -> Offer:
        """What a session may choose: what is offered, and its own documents."""
        with self._lock:
            visit = self._visits.get(session)
            if visit is None or not visit.files:
                return offer
            self._visits.move_to_end(session)
        visit.used = time.monotonic()
        return replace(offer, indexes=(*offer.indexes, visit.name))

    def files(self, session: str) -> dict[str, int]:
        """A session's documents, each with its number of passages."""
        visit = self._visits.get(session)
        return dict(visit.files) if visit else {}

    def name(self, session: str) -> str:
        """What a session's index is called; "" where it has none."""
        visit = self._visits.get(session)
        return visit.name if visit and visit.files else ""

    def take(self, session: str, paths: Sequence[str]) -> None:
        """Take files that arrived into a folder that no address leads to; nothing of them stays where they were.

        Gradio leaves an empty file beside each, which goes by its age.
        """
        with self._lock:
            visit = self._visits.pop(session, None) or Visit()
            self._visits[session] = visit
            gone = [self._visits.popitem(last=False)[1] for _ in range(len(self._visits) - MOST_VISITS)]
        for old in gone:
            self._end(old)
        place = folder() / "taken"
        place.mkdir(exist_ok=True)
        for given in map(Path, paths):
            target = place / secrets.token_hex(16)
            with suppress(OSError):  # somebody who sent the same file may have been quicker; it is told when it is read
                os.replace(given, target)
                given.parent.rmdir()
            visit.waiting.append((path_text(given.name), target))
        self._sweep()

    def read(self, session: str, say: Say) -> list[str]:
        """Read what was taken, and make it searchable together with what was there.

        Args:
            session: the browser's.
            say: told how far it is.

        Returns:
            A line for each thing that was left out.

        Raises:
            LeftError: the visit ended meanwhile.
        """
        visit = self._visits.get(session)
        if visit is None:
            raise LeftError("Your visit has ended, and your documents with it: drop them again.")
        problems: list[str] = []
        waiting, visit.waiting = visit.waiting, []
        fresh: dict[str, list[Passage]] = {}
        try:
            for number, (name, path) in enumerate(waiting, 1):
                problem, fresh_ones = self._read_one(visit, name, path, f"{number} of {len(waiting)}: {name}", say)
                problems += problem
                if fresh_ones:
                    fresh[name] = fresh_ones
        finally:
            for _, path in waiting:
                path.unlink(missing_ok=True)
        if fresh:
            problems += self._index(visit, fresh, say)
        if visit.ended.is_set():
            self.qa.release(visit.name)
            raise LeftError("Your documents were deleted.")
        visit.used = time.monotonic()
        return problems

    def _read_one(self, visit: Visit, name: str, path: Path, which: str, say: Say) -> tuple[list[str], list[Passage]]:
        """One file: what was left out of it, and its passages, which lead nowhere."""

        def on_progress(done: int, of: int) -> None:
            _check(visit)
            say(f"Reading {which}, {f'page {done:,} of {of:,}' if of else f'row {done:,}'}…")

        _check(visit)
        say(f"Reading {which}…")
        if name in visit.files:
            return [f"{name}: there is one of this name already; delete yours first, or rename it"], []
        if len(visit.files) >= MOST_DOCUMENTS:
            return [f"{name}: nothing of it is kept; a visit has {_MOST} at most"], []
        try:
            document = read_apart(path, name, bounds=DOCUMENT, on_progress=on_progress)
        except PageError as error:
            return [f"{name}: {error}"], []
        return [f"{name}: {problem}" for problem in document.problems], [
            replace(passage, url="") for passage in document.passages
        ]

    def _index(self, visit: Visit, fresh: dict[str, list[Passage]], say: Say) -> list[str]:
        """Add passages to a visit's index, as many as it may have."""
        problems, passages, files = [], list(visit.passages), dict(visit.files)
        for name, own in fresh.items():
            room = min(MOST_OWN_PASSAGES - len(passages), len(own) if len(files) < MOST_DOCUMENTS else 0)
            if room < len(own):
                kept = f"only its first {room:,} passages are kept" if room > 0 else "nothing of it is kept"
                problems.append(f"{name}: {kept}; a visit has {_MOST} at most")
            if room > 0:
                passages += own[:room]
                files[name] = room
        if len(files) == len(visit.files):
            return problems

        def on_block(done: int) -> None:
            _check(visit)
            say(f"Indexing, passage {done:,} of {len(passages):,}…")

        source = ", ".join(files) if len(files) < 4 else f"{len(files)} documents"
        corpus, vectors = index_in_memory(
            passages, self.qa.retriever.encoder, f"your own: {source}", visit.name, visit.vectors, on_block
        )
        visit.passages, visit.vectors, visit.files = passages, vectors, files
        self.qa.hold(visit.name, corpus)
        return problems

    def leave(self, session: str) -> None:
        """The visit is over, or wants its documents deleted."""
        with self._lock:
            visit = self._visits.pop(session, None)
        if visit:
            self._end(visit)

    def _end(self, visit: Visit) -> None:
        """Delete all of a visit that is not in the list any more."""
        visit.ended.set()
        self.qa.release(visit.name)
        for _, path in visit.waiting:
            path.unlink(missing_ok=True)
        visit.passages, visit.vectors, visit.files = [], None, {}

    def expire(self) -> None:
        """Delete visits that asked nothing for long, and files that arrived and were never asked for."""
        with self._lock:
            old = [key for key, visit in self._visits.items() if time.monotonic() - visit.used > VISIT_SECONDS]
        for session in old:
            self.leave(session)
        for path in sorted(folder().rglob("*"), reverse=True):
            with suppress(OSError):
                if path.is_file() and time.time() - path.stat().st_mtime > UPLOAD_AGE:
                    path.unlink()
                    path.parent.rmdir()

    def _sweep(self) -> None:
        """Look for what is too old from time to time, from now on."""
        with self._lock:
            begun, self._sweeping = self._sweeping, True
        if not begun:
            threading.Thread(target=self._sweep_on, name="visits", daemon=True).start()

    def _sweep_on(self) -> None:
        while True:
            time.sleep(_SWEPT)
            self.expire()


def _check(visit: Visit) -> None:
    """Raise unless somebody still wants the documents."""
    if visit.ended.is_set():
        raise LeftError("Your documents were deleted.")
