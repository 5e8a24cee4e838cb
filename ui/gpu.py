"""ZeroGPU: where a Space lends a GPU for a function, answering asks for one.

It knows the package `spaces`, which is there on such Spaces and needed nowhere else.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from core.records import Answer, Previous
from core.settings import Settings
from qa import LongFormQA

_SECONDS = 60  # longest loan for one answer


def is_zero_gpu() -> bool:
    """Whether this is a ZeroGPU Space."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "true", "t")


class LentGPU(LongFormQA):
    """LongFormQA whose answers are written while a GPU is lent.

    There an answer is written in a process of its own, which cannot see the stop event: stopping ends the reading of
    it, and the loan ends with that process's next message.
    """

    def __init__(self, *parts: Any, **named: Any) -> None:  # noqa: ANN401 (passed through)
        """Hold the parts, as `LongFormQA`; the loan is announced now, as a ZeroGPU Space wants it before the launch."""
        import spaces

        super().__init__(*parts, **named)

        def lent(question: str, settings: Settings, previous: Previous | None) -> Iterator[Answer]:
            yield from super(LentGPU, self).stream(question, settings, previous=previous)

        self._lent = spaces.GPU(duration=_SECONDS)(lent)

    def stream(
        self,
        question: str,
        settings: Settings | None = None,
        stop: threading.Event | None = None,
        previous: Previous | None = None,
    ) -> Iterator[Answer]:
        """As `LongFormQA.stream`, on the lent GPU."""
        for answer in self._lent(question, settings or Settings(), previous):
            if stop is not None and stop.is_set() and answer.stage != "done":
                yield replace(answer, stage="done", stopped=True, note="Stopped before its end.")
                return
            yield answer


def system() -> type[LongFormQA]:
    """The class to load: on a ZeroGPU Space the one that borrows, elsewhere the plain one."""
    return LentGPU if is_zero_gpu() else LongFormQA
