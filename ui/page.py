"""The page: its layout, and what happens when someone asks, stops or leaves.

It holds a `LongFormQA` and calls nothing of it but `stream` and the index's `card`. How things look as HTML is
in cards.py and style.css.

Ask runs in two events. `begin` is not queued: it checks the question and the settings and notes the run under the
session. `answer` waits for the one place at the model, takes that note and streams. So a wrong setting is named
at once, Stop works for a question that still waits, and a question asked anew replaces the one before.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from answers import Answer, check_question
from qa import LongFormQA
from ui import cards
from ui.controls import sidebar, to_settings
from ui.endpoints import add_endpoints, readable
from ui.runs import Run, Runs, throttled
from ui.theme import theme

MODEL = "model"  # everything that computes shares this one place
MOST_WAITING = 20
EXAMPLES = (
    "Why is the sky blue?",
    "How do vaccines work?",
    "How do bees make honey?",
    "What makes the tide come in and go out?",
    "Why do flutes count as woodwinds when they are made of metal?",
)
BUSY = "The page could not take the question: too many people are asking. Your question is still there; try again soon."
# Status, answer, passages, Stop button.
View = tuple[Any, Any, Any, Any]


def build_page(qa: LongFormQA, generator: str = "extractive") -> gr.Blocks:
    """The whole page with its events and endpoints, ready to launch with `launch_options()`.

    Args:
        qa: the loaded system.
        generator: the one chosen at first in the sidebar.
    """
    asking = Asking(qa)
    with gr.Blocks(title="Long-form question answering", analytics_enabled=False) as page:
        controls = sidebar(generator)
        gr.HTML(
            cards.header(qa.retriever.card(), generator), js_on_load=None, apply_default_css=False, elem_id="header"
        )
        box, ask, stop = _question_box()
        chips = _example_chips()
        status = gr.HTML(cards.status_idle(), js_on_load=None, apply_default_css=False, elem_id="status")
        with gr.Row(elem_id="columns"):
            with gr.Column(scale=3, min_width=300):
                answer = gr.HTML(cards.answer_empty(), js_on_load=None, apply_default_css=False, elem_id="answer")
            with gr.Column(scale=2, min_width=300):
                found = gr.HTML(cards.passages_empty(), js_on_load=None, apply_default_css=False, elem_id="passages")
        view = [status, answer, found, stop]
        _connect(asking, box, ask, stop, chips, controls, view)
        page.unload(asking.leave)
        add_endpoints(qa, MODEL)
    page.queue(max_size=MOST_WAITING)
    return page


def launch_options() -> dict[str, Any]:
    """What Gradio 6 takes at launch rather than at building: style, scripts and links of the footer."""
    here = Path(__file__).parent
    style = (here / "style.css").read_text(encoding="utf-8")
    script = (here / "page.js").read_text(encoding="utf-8")
    return {
        "theme": theme(),
        "head": f"<style>{style}</style><script>{script}</script>",
        "footer_links": ["api"],
        "ssr_mode": False,
        "run_history": False,
        "share": False,
    }


def _question_box() -> tuple[gr.Textbox, gr.Button, gr.Button]:
    """The question box with its two buttons."""
    with gr.Row(elem_id="asking"):
        box = gr.Textbox(
            label="Your question",
            placeholder="Ask something that an encyclopedia could explain…",
            lines=1,
            max_lines=5,
            autofocus=True,
            scale=8,
            container=False,
            show_label=False,
            elem_id="question",
            html_attributes=gr.InputHTMLAttributes(enterkeyhint="go", autocapitalize="sentences"),
        )
        ask = gr.Button("Ask", variant="primary", scale=1, min_width=96, elem_id="ask")
        stop = gr.Button("Stop", variant="stop", scale=1, min_width=96, interactive=False, elem_id="stop")
    return box, ask, stop


def _example_chips() -> list[gr.Button]:
    """One small button an example."""
    with gr.Row(elem_id="examples"):
        return [gr.Button(question, size="sm", min_width=0, elem_classes=["chip"]) for question in EXAMPLES]


def _connect(
    asking: Asking,
    box: gr.Textbox,
    ask: gr.Button,
    stop: gr.Button,
    chips: list[gr.Button],
    controls: list[gr.components.Component],
    view: list[gr.components.Component],
) -> None:
    """Events: Ask, Enter and the chips ask; Stop stops. None of them is part of the API."""
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    asked = [(trigger, [box]) for trigger in (ask.click, box.submit)]
    for chip in chips:
        filled = chip.click(lambda question: question, chip, box, queue=False, **quiet)
        asked.append((filled.then, [box]))
    for trigger, question in asked:
        begun = trigger(asking.begin, [*question, *controls], view, queue=False, **quiet)
        answered = begun.then(
            asking.answer,
            None,
            view,
            concurrency_id=MODEL,
            concurrency_limit=1,
            trigger_mode="multiple",
            **quiet,
        )
        answered.failure(asking.refused, None, view, queue=False, **quiet)
    stop.click(asking.stop, None, view, queue=False, trigger_mode="multiple", **quiet)


class Asking:
    """The page's handlers: they turn what a visitor does into runs, and answers into HTML."""

    def __init__(self, qa: LongFormQA) -> None:
        """Hold the system; no session yet."""
        self.qa = qa
        self.runs = Runs()

    def begin(self, request: gr.Request, question: str, *values: object) -> View:
        """Check what is asked and note it; what was shown before stays if it cannot be asked."""
        try:
            run = self.runs.begin(_session(request), check_question(question or ""), to_settings(*values))
        except Exception as error:
            return cards.status_error(readable(error)), gr.skip(), gr.skip(), gr.skip()
        waiting = cards.passages_empty("Waiting for the search…")
        return cards.status("queued"), cards.answer_empty(run.question), waiting, gr.Button(interactive=True)

    def answer(self, request: gr.Request) -> Iterator[View]:
        """Stream the answer of the session's newest run; nothing if another event has it already."""
        session = _session(request)
        run = self.runs.take(session)
        if run is None:
            yield _nothing()
            return
        try:
            for view in self._views(run):
                if self.runs.is_newest(session, run):
                    yield view
        except Exception as error:
            message, idle = readable(error), gr.Button(interactive=False)
            if self.runs.is_newest(session, run):
                yield cards.status_error(message), cards.answer_empty(), cards.passages_empty(), idle
        finally:
            run.stop.set()  # also when the page was closed: the generator ends at its next token

    def _views(self, run: Run) -> Iterator[View]:
        """Snapshots as HTML; what did not change is skipped."""
        queued = time.perf_counter() - run.asked
        if run.stop.is_set():
            yield self._stopped_before(run)
            return
        stage, shown = "", 0
        for answer in throttled(self.qa.stream(run.question, run.settings, run.stop)):
            seconds = {"queued": queued} | answer.seconds
            status = cards.status(answer.stage, seconds, answer.stopped) if answer.stage != stage else gr.skip()
            changed = len(answer.evidence) != shown or answer.stage == "done" or answer.stage != stage == "retrieving"
            passages = cards.passages(answer) if changed else gr.skip()
            button = gr.Button(interactive=False) if answer.stage == "done" else gr.skip()
            stage, shown = answer.stage, len(answer.evidence)
            yield status, cards.answer(answer), passages, button

    def _stopped_before(self, run: Run) -> View:
        """The view of a run that was stopped while it waited."""
        answer = replace(Answer(run.question), stage="done", stopped=True, note="Stopped before it began.")
        status = cards.status("done", {}, stopped=True)
        return status, cards.answer(answer), cards.passages_empty(), gr.Button(interactive=False)

    def stop(self, request: gr.Request) -> View:
        """Stop the session's run: at the next token if it is being answered, at once if it still waits."""
        session = _session(request)
        self.runs.stop(session)
        run = self.runs.take(session)
        return self._stopped_before(run) if run else _nothing()

    def refused(self, request: gr.Request) -> View:
        """The queue did not take the run."""
        self.runs.leave(_session(request))
        return cards.status_error(BUSY), cards.answer_empty(), cards.passages_empty(), gr.Button(interactive=False)

    def leave(self, request: gr.Request) -> None:
        """The page was closed."""
        self.runs.leave(_session(request))


def _session(request: gr.Request) -> str:
    """The browser session's key."""
    return request.session_hash or ""


def _nothing() -> View:
    """No change at all."""
    return gr.skip(), gr.skip(), gr.skip(), gr.skip()
