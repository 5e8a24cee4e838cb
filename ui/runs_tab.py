"""What the tabs share that answer one question several times: their progress line, their Stop, the life of their runs.

It knows Gradio and runs, not what is answered: that is each tab's own `answered`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import gradio as gr

from qa import LongFormQA
from ui.errors import readable
from ui.markup import problem
from ui.offer import Offer
from ui.runs import Run, Runs
from ui.status import progress

View = dict[Any, Any]


class RunsTab(ABC):
    """A tab with one run for each session; a subclass makes the two components.

    Attributes:
        said: the progress line.
        stop: the Stop button.
    """

    said: gr.HTML
    stop: gr.Button

    def __init__(self, qa: LongFormQA, offer: Offer) -> None:
        """Hold the loaded system, and what may be chosen."""
        self.qa = qa
        self.offer = offer
        self.runs = Runs()

    def answer(self, request: gr.Request) -> Iterator[View]:
        """Answer the session's newest run; nothing if another event has it already."""
        run = self.runs.take(request.session_hash or "")
        if run is None:
            yield {self.stop: gr.skip()}
            return
        try:
            yield from self.answered(run)
        except Exception as error:
            yield {self.said: problem(readable(error)), self.stop: gr.Button(interactive=False)}
        finally:
            run.stop.set()

    @abstractmethod
    def answered(self, run: Run) -> Iterator[View]:
        """Views of the run's answers as they are written."""

    def halt(self, request: gr.Request) -> View:
        """Stop: at the next token, or at once if the run still waits."""
        return self.stopped() if self.runs.stop(request.session_hash or "") else {self.stop: gr.skip()}

    def stopped(self) -> View:
        """The view of a run that was stopped."""
        return {self.said: progress("Stopped.", busy=False), self.stop: gr.Button(interactive=False)}

    def leave(self, request: gr.Request) -> None:
        """The page was closed."""
        self.runs.leave(request.session_hash or "")
