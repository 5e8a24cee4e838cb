"""The tab "Compare": two settings answer one question, blind; after the vote they are revealed.

Which answer stands first is drawn by chance, both appear at once when both are finished, and nothing beside them tells
who wrote them. It knows Gradio and runs; records of votes are made in feedback.py.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from core.errors import SettingsError
from core.records import Answer, check_question
from core.settings import DEFAULTS, DESCRIPTIONS
from qa import LongFormQA
from ui.controls import CONTROLS, by_name, control, to_settings
from ui.errors import readable
from ui.feedback import FeedbackStore, vote
from ui.markup import problem
from ui.offer import Offer
from ui.panels import blind, described, panel_empty, revealed
from ui.runs import Finished, RatingError, Run
from ui.runs_tab import RunsTab, View
from ui.status import progress

log = logging.getLogger(__name__)

NOT_STORED = "Your vote could not be stored; it was logged. Please try again later."
# What the two sides may differ in; the rest is the sidebar's.
SIDE = ("retrieval", "passages", "generator")
_SHARED = tuple(name for name in CONTROLS if name not in SIDE)
CHOICES = (("first", "Answer 1 is better"), ("tie", "Tie"), ("both bad", "Both bad"), ("second", "Answer 2 is better"))


@dataclass(frozen=True)
class Pair:
    """Two finished answers: by side, and the order in which they stand ("ab" or "ba")."""

    answers: dict[str, Answer]
    order: str


class Compare(RunsTab):
    """The tab's components and handlers."""

    def __init__(self, qa: LongFormQA, store: FeedbackStore, offer: Offer, chance: random.Random | None = None) -> None:
        """Hold the system and where votes go.

        Args:
            qa: the loaded system.
            store: where votes go.
            offer: what may be chosen; side A starts with its first generator.
            chance: draws the order.
        """
        super().__init__(qa, offer)
        self.store = store
        self.finished = Finished()
        self._chance = chance or random.Random()

    def build(self) -> None:
        """Make the components where the page is being built."""
        gr.HTML(
            '<p class="lead">Two settings answer the question in the box above. You see the answers without their '
            "settings, vote, and then see which is which.</p>",
            js_on_load=None,
            apply_default_css=False,
            elem_classes=["plain"],
        )
        first, *others = self.offer.generators
        second = others[0] if others else first
        with gr.Row(elem_classes=["sides"]):
            self.sides = [*_side("A", first, self.offer), *_side("B", second, self.offer)]
        with gr.Row(elem_classes=["acts"]):
            self.go = gr.Button("Compare", variant="primary", min_width=120, scale=0, elem_id="compare-go")
            self.stop = gr.Button(
                "Stop", variant="stop", min_width=96, scale=0, interactive=False, elem_id="compare-stop"
            )
            self.said = _plain("", "compare-status")
        self.run = gr.State("")
        with gr.Row(elem_classes=["panels"]):
            self.first = _plain(panel_empty("Answer 1"), "compare-first")
            self.second = _plain(panel_empty("Answer 2"), "compare-second")
        with gr.Row(visible=False, elem_id="votes") as self.votes:
            self.buttons = [gr.Button(label, min_width=0, elem_classes=["vote"]) for _, label in CHOICES]

    def view(self) -> list[Any]:
        """Everything that changes."""
        return [self.said, self.first, self.second, self.votes, self.run, self.stop]

    def connect(self, box: gr.Textbox, controls: list[Any], quiet: dict[str, Any], computes: dict[str, Any]) -> None:
        """Events of the tab.

        Args:
            box: the question.
            controls: the sidebar's controls; generator, retrieval and passages are the sides' own.
            quiet: options of events that do not compute.
            computes: options of those that do.
        """
        shared = [each for name, each in zip(CONTROLS, controls, strict=True) if name in _SHARED]
        begun = self.go.click(self.begin, [box, *self.sides, *shared], self.view(), queue=False, **quiet)
        answered = begun.then(self.answer, None, self.view(), **computes)
        answered.failure(lambda: {self.said: problem("Too many people are asking; try again soon.")}, None,
                         self.view(), queue=False, **quiet)  # fmt: skip
        self.stop.click(self.halt, None, self.view(), queue=False, **quiet)
        for (choice, _), button in zip(CHOICES, self.buttons, strict=True):
            button.click(
                lambda run, choice=choice: self.voted(run, choice), self.run, self.view(), queue=False, **quiet
            )

    def begin(self, request: gr.Request, question: str, *values: object) -> View:
        """Check question and settings and note the run."""
        try:
            asked = check_question(question or "")
            sides, rest = (values[: len(SIDE)], values[len(SIDE) : 2 * len(SIDE)]), values[2 * len(SIDE) :]
            first, second = (to_settings(by_name([*side, *rest], [*SIDE, *_SHARED]), self.offer) for side in sides)
            if first == second:
                raise SettingsError("A and B have the same settings: choose another generator or retrieval for one")
        except Exception as error:
            return {self.said: problem(readable(error))}
        self.runs.begin(request.session_hash or "", asked, first, second)
        return {
            self.said: progress("Waiting for the model…"),
            self.first: panel_empty("Answer 1", "Shown when both are finished."),
            self.second: panel_empty("Answer 2", "Shown when both are finished."),
            self.votes: gr.Row(visible=False),
            self.run: "",
            self.stop: gr.Button(interactive=True),
        }

    def answered(self, run: Run) -> Iterator[View]:
        """Progress, then both answers and the vote."""
        order = self._chance.choice(("ab", "ba"))
        settings = dict(zip("ab", run.settings, strict=True))
        answers = {}
        for number, side in enumerate(order, 1):
            yield {self.said: progress(f"Writing answer {number} of 2…")}
            answers[side] = self.qa.ask(run.question, settings[side], run.stop)
            if run.stop.is_set():
                yield self.stopped()
                return
        self.finished.add(run.id, Pair(answers, order))
        alike = answers["a"].text == answers["b"].text
        told = "Both say the same, word for word: neither is better." if alike else "Read both, then vote."
        yield {
            self.said: progress(told, busy=False),
            self.first: blind("Answer 1", answers[order[0]]),
            self.second: blind("Answer 2", answers[order[1]]),
            self.votes: gr.Row(visible=True),
            self.run: run.id,
            self.stop: gr.Button(interactive=False),
        }

    def voted(self, run: str, choice: str) -> View:
        """Store the vote, once, and reveal."""
        try:
            pair: Pair = self.finished.claim(run)
        except RatingError as error:
            return {self.said: progress(str(error), busy=False)}
        winner = {"first": pair.order[0], "second": pair.order[1]}.get(choice, choice)
        try:
            self.store.append(vote({side: pair.answers[side].to_json() for side in "ab"}, pair.order, winner))
        except Exception as error:
            self.finished.release(run)
            log.error("a vote could not be stored", exc_info=error)
            return {self.said: problem(NOT_STORED)}
        return self._revealed(pair, winner)

    def _revealed(self, pair: Pair, winner: str) -> View:
        """Both answers with their settings."""
        shown = [
            revealed(
                f"Answer {number} was {side.upper()}",
                pair.answers[side],
                f"pair-{side}-",
                "your vote" if side == winner else "",
            )
            for number, side in enumerate(pair.order, 1)
        ]
        result = described(pair.answers[winner].settings) if winner in "ab" else winner
        return {
            self.said: progress(f"Your vote is stored: {result}.", busy=False),
            self.first: shown[0],
            self.second: shown[1],
            self.votes: gr.Row(visible=False),
        }


def _side(name: str, generator: str, offer: Offer) -> list[Any]:
    """The controls of one side, in the order of `SIDE`."""
    with gr.Column(min_width=240, elem_classes=["side"]):
        gr.HTML(f"<h3>{name}</h3>", js_on_load=None, apply_default_css=False, elem_classes=["plain"])
        values = DEFAULTS | {"generator": generator}
        shown = {}
        for row in (SIDE[2:], SIDE[:2]):
            with gr.Row():
                for each in row:
                    about = DESCRIPTIONS[each]
                    label = f"{about.noun.removeprefix('the number of ').removeprefix('the ') or each} of {name}"
                    label = label[:1].upper() + label[1:]
                    shown[each] = control(each, about, values[each], offer, label, min_width=120)
    return [shown[each] for each in SIDE]


def _plain(value: str, name: str) -> gr.HTML:
    return gr.HTML(value, js_on_load=None, apply_default_css=False, elem_id=name, elem_classes=["plain"])
