"""The tab "With and without passages": does the answer use its evidence?

The same question is answered with the retrieved passages, with none, and with random ones; all three are compared with
the retrieved passages. It knows Gradio and runs; the panels and the table are made in panels.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from core.records import Answer, check_question
from core.settings import Settings
from generator.judging import judged
from ui.controls import by_name, to_settings
from ui.errors import readable
from ui.markup import problem
from ui.panels import Dependence, dependence_empty, dependence_table, panel_empty, revealed
from ui.runs import Run
from ui.runs_tab import RunsTab, View
from ui.status import progress

WAYS = ("retrieved", "none", "random")
TITLES = {"retrieved": "With the retrieved passages", "none": "Without passages", "random": "With random passages"}


class WithAndWithout(RunsTab):
    """The tab's components and handlers."""

    def build(self) -> None:
        """Make the components where the page is being built."""
        lead = (
            '<p class="lead">Does the answer use its evidence? The question in the box above is answered three times: '
            "with the retrieved passages, without any, and with random ones.</p>"
        )
        _plain(lead, "dependence-lead")
        with gr.Row(elem_classes=["acts"]):
            self.go = gr.Button("Answer three ways", variant="primary", min_width=160, scale=0, elem_id="dependence-go")
            self.stop = gr.Button(
                "Stop", variant="stop", min_width=96, scale=0, interactive=False, elem_id="dependence-stop"
            )
            self.said = _plain("", "dependence-status")
        self.table = _plain("", "dependence-table")
        with gr.Row(elem_classes=["panels"]):
            self.panels = {way: _plain(panel_empty(TITLES[way]), f"dependence-{way}") for way in WAYS}

    def view(self) -> list[Any]:
        """Everything that changes."""
        return [self.said, self.stop, self.table, *self.panels.values()]

    def connect(self, box: gr.Textbox, controls: list[Any], quiet: dict[str, Any], computes: dict[str, Any]) -> None:
        """Events of the tab.

        Args:
            box: the question.
            controls: the sidebar's controls.
            quiet: options of events that do not compute.
            computes: options of those that do.
        """
        begun = self.go.click(self.begin, [box, *controls], self.view(), queue=False, **quiet)
        answered = begun.then(self.answer, None, self.view(), **computes)
        answered.failure(lambda: {self.said: problem("Too many people are asking; try again soon.")}, None,
                         self.view(), queue=False, **quiet)  # fmt: skip
        self.stop.click(self.halt, None, self.view(), queue=False, **quiet)

    def begin(self, request: gr.Request, question: str, *values: object) -> View:
        """Check question and settings and note the run."""
        try:
            asked, settings = check_question(question or ""), to_settings(by_name(values), self.offer)
        except Exception as error:
            return {self.said: problem(readable(error))}
        if settings.retrieval in ("none", "random"):
            settings = replace(settings, retrieval=Settings().retrieval)
        self.runs.begin(request.session_hash or "", asked, settings)
        return {
            self.said: progress("Waiting for the model…"),
            self.stop: gr.Button(interactive=True),
            self.table: dependence_empty(WAYS),
            **{panel: panel_empty(TITLES[way], "Waiting…") for way, panel in self.panels.items()},
        }

    def answered(self, run: Run) -> Iterator[View]:
        """Progress and panels, then the table."""
        answers: dict[str, Answer] = {}
        for number, way in enumerate(WAYS, 1):
            yield {self.said: progress(f"Writing answer {number} of {len(WAYS)}: {TITLES[way].lower()}…")}
            # What is written is to be compared, not what is told instead where passages hold no answer.
            chosen = replace(run.settings[0], unsupported="keep")
            chosen = chosen if way == "retrieved" else replace(chosen, retrieval=way)
            answer = answers[way] = self.qa.ask(run.question, chosen, run.stop)
            yield {self.panels[way]: revealed(TITLES[way], answer, f"{way}-")}
            if run.stop.is_set():
                yield self.stopped()
                return
        yield {
            self.said: progress("Done.", busy=False),
            self.stop: gr.Button(interactive=False),
            self.table: dependence_table(self._compared(answers)),
        }

    def _compared(self, answers: dict[str, Answer]) -> list[Dependence]:
        """Each answer, its sentences traced to the retrieved passages."""
        found, judge = answers["retrieved"].found, self.qa.judge
        return [Dependence(way, answer, judged(answer.sentences, found, judge)) for way, answer in answers.items()]


def _plain(value: str, name: str) -> gr.HTML:
    return gr.HTML(value, js_on_load=None, apply_default_css=False, elem_id=name, elem_classes=["plain"])
