"""Reading a document in a process of its own, with bounds on its time and memory: parsers meet files made to harm them.

Time is the processor's, so that a busy machine refuses nothing that an idle one reads. What is too slow or too large
ends with that process. Plain texts have no parser and are read here.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

from core.errors import first_line
from data.passages import Passage
from data.sources.base import PageError
from data.sources.documents import Bounds, Document, Progress, read_document

_ROOT = Path(__file__).parents[2]
_HERE = (".txt", ".text")
_NO_TIME = getattr(signal, "SIGXCPU", 0)  # what ends a process beyond its time; there are systems without
# All that a parser needs of the environment; there may be secrets in the rest.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "SYSTEMROOT", "TMPDIR")


def read_apart(
    path: Path,
    name: str,
    words: int = 100,
    address: str = "",
    bounds: Bounds | None = None,
    on_progress: Progress = lambda done, of: None,
) -> Document:
    """As `read_document`, in a process that cannot take more time or memory than the bounds say."""
    bounds = bounds or Bounds()
    if Path(name).suffix.lower() in _HERE:
        return read_document(path, name, words, address, bounds, on_progress)
    passages: list[Passage] = []
    asked = json.dumps([str(path.resolve()), name, words, address, astuple(bounds)])
    with _child(asked, bounds.waiting) as (process, late):
        for line in process.stdout:  # type: ignore[union-attr]
            kind, value = json.loads(line)
            if kind == "progress":
                on_progress(*value)
            elif kind == "passages":
                passages += (Passage(**each) for each in value)
            elif kind == "problems":
                return Document(passages, value)
            else:
                raise PageError(value)
        if late.is_set():
            raise PageError(
                f"reading it was not done after {bounds.waiting:,g} s, as on a machine that is very busy: try it again "
                "later, or divide it"
            )
        if process.wait() == -_NO_TIME:
            raise PageError(
                f"reading it took more than {_whole(bounds.seconds):,} s of the processor's time: divide it, or save "
                "it anew"
            )
    raise PageError("reading it ended the reader, as a damaged file may, or one that needs much memory: save it anew")


def _whole(seconds: float) -> int:
    """Seconds of the processor as they can be bounded: whole ones."""
    return max(1, math.ceil(seconds))


@contextmanager
def _child(asked: str, waiting: float) -> Iterator[tuple[subprocess.Popen[str], threading.Event]]:
    """A process that reads what is asked for, and whether it was given up; it has ended when the block has."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-B", "-c", "from data.sources.apart import answer; answer()", asked],
        cwd=_ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    )
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(waiting, end)
    timer.daemon = True
    timer.start()
    try:
        yield process, late
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def answer() -> None:
    """What the process does: read the document that its argument names, and write lines of JSON."""
    path, name, words, address, sizes = json.loads(sys.argv[1])
    bounds = Bounds(*sizes)
    _limit(bounds)
    out = _Lines()
    try:
        document = read_document(Path(path), name, words, address, bounds, lambda *done: out.write("progress", done))
    except PageError as error:
        out.write("error", str(error))
    except (MemoryError, RecursionError):
        out.write("error", f"reading it needs more than {bounds.memory:,} bytes of memory, or nests too deeply")
    except Exception as error:  # what a damaged file brings about, nobody has listed
        out.write("error", f"it cannot be read ({first_line(error)}): save it anew")
    else:
        for start in range(0, len(document.passages), 100):
            out.write("passages", [asdict(passage) for passage in document.passages[start : start + 100]])
        out.write("problems", document.problems)


def _limit(bounds: Bounds) -> None:
    """Bound this process: its memory, its time at the processor, and no file is written."""
    try:
        import resource
    except ImportError:  # there are systems without
        return
    # The soft bound on time, alone, says why the process ends.
    for kind, most, beyond in (
        (resource.RLIMIT_AS, bounds.memory, 0),
        (resource.RLIMIT_CPU, _whole(bounds.seconds), 1),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        bound = (most, most + beyond) if hard == resource.RLIM_INFINITY else (min(most, hard), hard)
        resource.setrlimit(kind, bound)


class _Lines:
    """Lines of JSON on what was the standard output; whatever else is printed goes nowhere."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def write(self, kind: str, value: Any) -> None:  # noqa: ANN401 - whatever JSON holds
        self._out.write(json.dumps([kind, value]) + "\n")
        self._out.flush()
