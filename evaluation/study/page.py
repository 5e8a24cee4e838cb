"""The page of a study: a judge gives a name, sees question after question, and every choice is stored at once.

Each event brings who judges and what was chosen, so a page that was open when its server ended goes on with the next
one. It knows Gradio and judgements; what a question looks like is in sheet.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from core.errors import UserError
from evaluation.study.folder import Shown, open_study
from evaluation.study.judgements import Judged, JudgementError, Judgements, judgement, writing
from evaluation.study.sheet import form_head, from_form, question_sheet, to_form
from ui.markup import escape
from ui.page import QUIET, html, serve
from ui.theme import theme

View = dict[Any, Any]
_STATIC = Path(__file__).with_name("static")
_PAGE_STYLE = Path(__file__).parents[2] / "ui" / "static" / "page.css"
_WELCOME = (
    "<h1>Which answer is better?</h1><p>You see questions with two answers each. Whose they are is not said, and which "
    "stands first is drawn by chance. Every choice is stored at once, with the name that you give.</p>"
)


class StudyPage:
    """The page's components and handlers."""

    def __init__(self, judgements: Judgements) -> None:
        """Hold the study and its open file of judgements."""
        self.study, self.judgements = judgements.study, judgements

    def build(self) -> gr.Blocks:
        """The whole page, ready for `ui.page.serve`."""
        with gr.Blocks(title="A study of answers", analytics_enabled=False) as page:
            self.said = html("", "said")
            with gr.Column(elem_id="start") as self.start:
                html(_WELCOME, "welcome")
                with gr.Row():
                    name = gr.Textbox(label="Your name", max_lines=1, elem_id="name", scale=3)
                    begin = gr.Button("Begin", variant="primary", elem_id="begin", scale=1, min_width=120)
            self.item = html("", "item")
            with gr.Row(elem_id="acts", visible=False) as self.acts:
                following = gr.Button("Store, next question", variant="primary", elem_id="next", min_width=140)
                skip = gr.Button("Skip", elem_id="skip", min_width=90)
                undo = gr.Button("Take the last one back", elem_id="undo", min_width=140)
            self.again = gr.Button("Judge the skipped ones", visible=False, elem_id="again")
            sent = gr.Textbox(visible="hidden", elem_id="sent")
            draft = gr.Button(visible="hidden", elem_id="draft")
            view = [self.said, self.start, self.item, self.acts, self.again]
            send: dict[str, Any] = QUIET | {"queue": False, "js": "() => window.study.sent()"}
            for trigger, handler in (
                (begin.click, self.enter),
                (name.submit, self.enter),
                (following.click, self.store),
                (skip.click, self.skip),
                (undo.click, self.undo),
                (self.again.click, self.unskip),
                (page.load, self.open),
            ):
                trigger(_handled(handler, self.said), sent, view, **send)
            draft.click(_handled(self.draft, self.said), sent, [self.said], trigger_mode="multiple", **send)
        page.for_others, page.takes_files = True, False
        return page

    def open(self, sent: dict[str, Any]) -> View:
        """A judge comes back by the address, or somebody new comes."""
        return self.enter(sent) if sent["key"] else {self.said: ""}

    def enter(self, sent: dict[str, Any]) -> View:
        """A judge begins, or goes on."""
        return self._next(*self.judgements.enter(sent["name"], sent["key"]))

    def draft(self, sent: dict[str, Any]) -> View:
        """A choice was made."""
        judge, _ = self._judge(sent)
        shown = self.study.shown(judge.name, sent["question"])
        self.judgements.add(judge, "draft", shown.asked.id, values=sent["values"])
        return {self.said: self._progress(judge, "stored")}

    def store(self, sent: dict[str, Any]) -> View:
        """A question is judged."""
        judge, key = self._judge(sent)
        shown = self.study.shown(judge.name, sent["question"])
        told = judgement(self.study, shown, from_form(self.study, shown, sent["values"]))
        del told["question"]
        self.judgements.add(judge, "judgement", shown.asked.id, **told)
        return self._next(judge, key)

    def skip(self, sent: dict[str, Any]) -> View:
        """A question is left for later."""
        judge, key = self._judge(sent)
        self.judgements.add(judge, "skip", self.study.shown(judge.name, sent["question"]).asked.id)
        return self._next(judge, key)

    def undo(self, sent: dict[str, Any]) -> View:
        """The last question that was judged or skipped is shown again, with what was said of it."""
        judge, key = self._judge(sent)
        if not judge.said:
            raise JudgementError("There is nothing to take back yet.")
        question, last = list(judge.said.items())[-1]
        if last["kind"] == "judgement":
            self.judgements.add(judge, "draft", question, values=to_form(last))
        self.judgements.add(judge, "undo", question)
        return self._shown(judge, key, self.study.shown(judge.name, question))

    def unskip(self, sent: dict[str, Any]) -> View:
        """What was skipped is shown after all."""
        judge, key = self._judge(sent)
        for question in [each for each, record in judge.said.items() if record["kind"] == "skip"]:
            self.judgements.add(judge, "undo", question)
        return self._next(judge, key)

    def _judge(self, sent: dict[str, Any]) -> tuple[Judged, str]:
        if not sent["key"]:
            raise JudgementError("Give your name first.")
        return self.judgements.enter(sent["name"], sent["key"])

    def _next(self, judge: Judged, key: str) -> View:
        """The first question that is yet to be judged, or the end."""
        for shown in self.study.order(judge.name):
            if shown.asked.id not in judge.said:
                return self._shown(judge, key, shown)
        skipped = len(judge.said) - len(judge.judgements)
        told = f"All are judged but {skipped} that you skipped." if skipped else "All are judged. Thank you!"
        head = form_head({"name": judge.name, "key": key})
        return {
            self.said: self._progress(judge),
            self.start: gr.Column(visible=False),
            self.item: f"{head}<h2>{told}</h2></form>",
            self.acts: gr.Row(visible=True),
            self.again: gr.Button(visible=bool(skipped)),
        }

    def _shown(self, judge: Judged, key: str, shown: Shown) -> View:
        """A question, with what was chosen of it already."""
        who = {"name": judge.name, "key": key}
        return {
            self.said: self._progress(judge),
            self.start: gr.Column(visible=False),
            self.item: question_sheet(self.study, shown, judge.drafts.get(shown.asked.id, {}), who),
            self.acts: gr.Row(visible=True),
            self.again: gr.Button(visible=False),
        }

    def _progress(self, judge: Judged, more: str = "") -> str:
        """How far a judge has come."""
        skipped = len(judge.said) - len(judge.judgements)
        parts = [f"<b>{len(judge.judgements)} of {len(self.study.questions)}</b> judged"]
        parts += [f"{skipped} skipped"] * bool(skipped) + [more] * bool(more)
        return f'<p class="progress" role="status">{" · ".join(parts)}</p>'


def _handled(handler: Callable[[dict[str, Any]], View], said: gr.HTML) -> Callable[[str], View]:
    """A handler that is given what the browser sent, and says what a judge can mend."""

    def handled(text: str) -> View:
        try:
            return handler(_read(text))
        except UserError as error:
            return {said: f'<p class="problem" role="alert">{escape(str(error))}</p>'}

    return handled


def _read(text: str) -> dict[str, Any]:
    """What a browser sent: texts, and the chosen values by field.

    Raises:
        JudgementError: it is something else.
    """
    try:
        sent = json.loads(text or "{}")
        texts = {name: sent.get(name, "") for name in ("name", "key", "question")}
        values = sent.get("values", {})
        if all(isinstance(value, str) for value in (*texts.values(), *values.values())) and len(text) < 100_000:
            return texts | {"values": values}
    except (ValueError, AttributeError, RecursionError):
        pass
    raise JudgementError("What the page sent cannot be read: load the page again; what is stored stays.")


def serve_study(folder: Path, host: str, port: int, say: Callable[[str], None], inbrowser: bool = False) -> None:
    """Serve a study until Ctrl-C.

    Args:
        folder: of the study.
        host: where the page listens.
        port: on which.
        say: is told where the page is.
        inbrowser: whether to open it in a browser.

    Raises:
        EvaluationError: it is no study, or its judgements are not.
        core.outputs.OutputError: another process serves it.
        OSError: the page cannot listen there.
    """
    study = open_study(folder)
    with writing(study) as judgements:
        page = StudyPage(judgements).build()
        style = _PAGE_STYLE.read_text(encoding="utf-8") + (_STATIC / "study.css").read_text(encoding="utf-8")
        script = (_STATIC / "study.js").read_text(encoding="utf-8")
        head = f"<style>{style}</style><script>{script}</script>"
        serve(page, host, port, inbrowser=inbrowser, head=head, theme=theme(), footer_links=[], mcp_server=False)
        try:
            shown = "localhost" if host in ("127.0.0.1", "0.0.0.0") else host
            say(f"The study of {len(study.questions)} questions is at http://{shown}:{port} — Ctrl-C ends it.")
            page.server.thread.join()
        finally:
            page.close(verbose=False)
