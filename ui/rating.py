"""The rating strip below an answer: one tap whether it helped; opened, four scores, what went wrong and why.

It turns what a visitor chose into a record of `ui.feedback`; records and files are known there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from core.records import Previous
from ui.feedback import LONGEST_REASON, SCORES, WENT_WRONG, FeedbackError, FeedbackStore, rating
from ui.markup import escape
from ui.nearest import Nearest, nearest_html
from ui.runs import Finished, RatingError

log = logging.getLogger(__name__)

QUESTIONS = {
    "factual": "Is what it says true?",
    "complete": "Does it answer the whole question?",
    "clear": "Is it easy to follow?",
    "grounded": "Do the passages say so?",
}
NOT_STORED = "Your rating could not be stored; it was logged. Please try again later."
View = dict[Any, Any]


@dataclass(frozen=True)
class Answered:
    """A finished answer that may be rated or asked on: its JSON with its run, and the written question beside it.

    Attributes:
        previous: what a follow-up to it follows.
    """

    answer: dict[str, Any]
    nearest: Nearest | None = None
    previous: Previous | None = None


@dataclass
class RatingStrip:
    """The strip's components and handlers.

    Attributes:
        store: where records go.
        finished: the answers that may be rated, shared with the API.
    """

    store: FeedbackStore
    finished: Finished = field(default_factory=Finished)

    def build(self) -> None:
        """Make the components where the page is being built; hidden until an answer is there."""
        self.run = gr.State("")
        with gr.Column(visible=False, elem_id="rating", min_width=0) as self.column:
            with gr.Row(elem_id="tap"):
                gr.HTML("<h2>Did this answer help?</h2>", js_on_load=None, apply_default_css=False)
                self.taps = {
                    helpful: gr.Button(label, min_width=0, scale=0, elem_id=f"helped-{label.lower()}")
                    for helpful, label in ((True, "Yes"), (False, "No"))
                }
                self.tapped = gr.HTML("", js_on_load=None, apply_default_css=False, elem_id="tapped")
            with gr.Accordion("Rate it in detail", open=False, elem_id="detail"):
                self._build_detail()

    def _build_detail(self) -> None:
        """The scales, the cause and the reason."""
        with gr.Row(elem_id="scores"):
            self.scores = [
                gr.Radio(
                    [(str(value), value) for value in range(1, 6)],
                    label=name.capitalize(),
                    info=f"{QUESTIONS[name]} 1 no, 5 yes",
                    min_width=230,
                    elem_classes=["score"],
                )
                for name in SCORES
            ]
        self.wrong = gr.Radio(
            [(name.capitalize(), name) for name in WENT_WRONG], label="What went wrong?", elem_id="went-wrong"
        )
        self.reason = gr.Textbox(
            label="Why? (optional)",
            lines=2,
            max_length=LONGEST_REASON,
            placeholder="A sentence that is wrong, a passage that is missing…",
            elem_id="reason",
        )
        with gr.Row(elem_id="sending"):
            self.send = gr.Button("Send rating", variant="primary", min_width=140, scale=0, elem_id="send")
            self.said = gr.HTML("", js_on_load=None, apply_default_css=False, elem_id="rated")

    def _fields(self) -> list[Any]:
        return [*self.scores, self.wrong, self.reason]

    def outputs(self) -> list[Any]:
        """Everything that the strip's handlers change."""
        return [self.run, self.column, *self.taps.values(), self.tapped, *self._fields(), self.send, self.said]

    def hidden(self) -> View:
        """The strip before there is an answer."""
        return {self.run: "", self.column: gr.Column(visible=False)}

    def ready(self, run: str) -> View:
        """The strip, empty, for the answer of a run."""
        fields = {item: gr.update(value=None, interactive=True) for item in [*self.scores, self.wrong]}
        return {
            self.run: run,
            self.column: gr.Column(visible=True),
            **{button: gr.Button(interactive=True, variant="secondary") for button in self.taps.values()},
            self.tapped: "",
            **fields,
            self.reason: gr.update(value="", interactive=True),
            self.send: gr.Button(interactive=True),
            self.said: "",
        }

    def connect(self, nearest: gr.HTML) -> None:
        """A tap and Send store a rating, outside the queue; Send reveals the written answer as well.

        Args:
            nearest: where the nearest written question is shown.
        """
        for helpful, button in self.taps.items():
            button.click(
                lambda run, helpful=helpful: self._tapped(run, helpful),
                self.run,
                [*self.taps.values(), self.tapped],
                queue=False,
                show_progress="hidden",
                api_visibility="private",
            )
        self.send.click(
            lambda run, *values: self._rated(run, values, nearest),
            [self.run, *self._fields()],
            [*self.outputs(), nearest],
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )

    def _tapped(self, run: str, helpful: bool) -> View:
        """Store whether the answer helped; afterwards it cannot be said again."""
        try:
            self.rate(run, {}, helpful=helpful)
        except RatingError as error:
            return {self.tapped: _said(str(error), "warn")}
        except Exception as error:
            log.error("a rating could not be stored", exc_info=error)
            return {self.tapped: _said(NOT_STORED, "warn")}
        chosen = {
            button: gr.Button(interactive=False, variant="primary" if way == helpful else "secondary")
            for way, button in self.taps.items()
        }
        return chosen | {self.tapped: _said("Thank you.", "good")}

    def _rated(self, run: str, values: tuple[Any, ...], nearest: gr.HTML) -> View:
        """Store what was chosen; afterwards nothing can be changed or sent again."""
        *scores, wrong, reason = values
        try:
            answered = self.rate(run, dict(zip(SCORES, scores, strict=True)), wrong or "", reason or "")
        except (FeedbackError, RatingError) as error:
            return {self.said: _said(str(error), "warn")}
        except Exception as error:
            log.error("a rating could not be stored", exc_info=error)
            return {self.said: _said(NOT_STORED, "warn")}
        shown = {item: gr.update(interactive=False) for item in self._fields()}
        thanks = "Thank you, your rating is stored. A written answer to compare is under “Nearest written question”."
        return {
            **shown,
            self.send: gr.Button(interactive=False),
            self.said: _said(thanks, "good"),
            nearest: nearest_html(answered.nearest, reveal=True),
        }

    def rate(
        self, run: str, scores: dict[str, Any], wrong: str = "", reason: str = "", helpful: bool | None = None
    ) -> Answered:
        """Check and store a rating of a finished run; for the page and the API alike.

        That it helped, and nothing else, is one way to rate a run; all else is another.

        Raises:
            FeedbackError: what was chosen is not what it may be.
            RatingError: the run was rated before, or is not known.
            OSError, ui.feedback.StoreError: the record could not be written; it may be sent again.
        """
        checked = rating({}, scores, wrong, reason, helpful)  # what is wrong is said before the run counts as rated
        way = "scores" if checked["scores"] or checked["went_wrong"] or checked["reason"] else "tap"
        return self._store(run, way, lambda answer: rating(answer, scores, wrong, reason, helpful))

    def _store(self, run: str, way: str, record: Callable[[dict[str, Any]], dict[str, Any]]) -> Answered:
        """Append the record that is made of a run's answer, once for each way to rate."""
        answered: Answered = self.finished.claim(run, way)
        try:
            self.store.append(record(answered.answer))
        except BaseException:
            self.finished.release(run, way)
            raise
        return answered


def _said(text: str, kind: str) -> str:
    """A line beside the button, read out when it changes."""
    return f'<p class="said {kind}" role="status">{escape(text)}</p>'
