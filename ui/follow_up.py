"""Asking on: the box for a follow-up under an answer, and written questions that the same index answers.

It knows Gradio's components; what is asked, and what is suggested, is decided in `ui.asking` and `ui.nearest`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from core.records import LONGEST_QUESTION

View = dict[Any, Any]
SUGGESTED = 3


class FollowUp:
    """The components under an answer; hidden until there is one."""

    def build(self) -> None:
        """Make the components where the page is being built."""
        with gr.Column(visible=False, elem_id="follow", min_width=0) as self.column:
            with gr.Row(elem_id="follow-asking"):
                self.box = gr.Textbox(
                    placeholder="Ask on: “And why?”",
                    label="Follow-up question",
                    show_label=False,
                    container=False,
                    lines=1,
                    max_lines=3,
                    max_length=LONGEST_QUESTION,
                    scale=8,
                    elem_id="follow-box",
                    html_attributes=gr.InputHTMLAttributes(enterkeyhint="go", autocapitalize="sentences"),
                )
                self.ask = gr.Button("Follow up", min_width=96, scale=1, elem_id="follow-ask")
            with gr.Row(elem_id="suggested"):
                self.chips = [
                    gr.Button("", size="sm", min_width=0, visible=False, elem_classes=["chip"])
                    for _ in range(SUGGESTED)
                ]

    def outputs(self) -> list[Any]:
        """Everything that changes."""
        return [self.column, self.box, *self.chips]

    def hidden(self) -> View:
        """Before there is an answer."""
        return {self.column: gr.Column(visible=False)}

    def ready(self, suggested: Sequence[str]) -> View:
        """Under an answer, with these questions beside it."""
        padded = [*suggested, *[""] * SUGGESTED][:SUGGESTED]
        chips = zip(self.chips, padded, strict=True)
        return {
            self.column: gr.Column(visible=True),
            self.box: "",
            **{chip: gr.Button(question, visible=bool(question)) for chip, question in chips},
        }
