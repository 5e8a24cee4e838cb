"""The page: what stands where, and which event calls which handler.

It knows the layout and Gradio's events. What the handlers do is in asking.py, rating.py and the modules of the tabs.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.route_utils import FnIndexInferError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from core.errors import SettingsError
from qa import LongFormQA
from ui import cards, passage_cards
from ui.asking import Asking, Parts
from ui.bounds import LARGEST_FILE, MOST_STATES, MOST_WAITING, BodyBound, bound_connections, not_there, told_why
from ui.compare import Compare
from ui.controls import sidebar
from ui.corpora import Corpora
from ui.dependence import WithAndWithout
from ui.endpoints import add_endpoints
from ui.feedback import FeedbackStore, open_store
from ui.follow_up import FollowUp
from ui.history import history_html
from ui.nearest import load_nearest, nearest_empty
from ui.offer import Offer, is_public
from ui.own_documents import OwnDocuments
from ui.rating import RatingStrip
from ui.run_card import run_card_empty
from ui.snapshots import Snapshots
from ui.status import status_idle
from ui.theme import theme
from ui.visits import Visits, arrivals, bytes_waiting

MODEL = "model"  # everything that computes shares this one place
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
COMPUTES: dict[str, Any] = QUIET | {
    "concurrency_id": MODEL,
    "concurrency_limit": 1,
    "trigger_mode": "multiple",
}


def build_page(
    qa: LongFormQA,
    generator: str = "",
    store: FeedbackStore | None = None,
    offer: Offer | None = None,
    snapshots: Snapshots | None = None,
) -> gr.Blocks:
    """The whole page with its events and endpoints, ready for `serve`.

    Args:
        qa: the loaded system.
        generator: the one chosen at first in the sidebar, where no offer says which; "" for the settings' own default.
        store: where ratings go; None for the one that the environment asks for.
        offer: what visitors may choose; None for whatever there is, as on a page of one's own.
        snapshots: where answers go that visitors share; None where they cannot be shared.
    """
    offer = offer or Offer.of([generator], is_public("127.0.0.1"), qa.indexes)
    visits = Visits(qa)
    corpora, own = Corpora(qa, offer), None
    if offer.uploads:
        arrivals()
        own = OwnDocuments(visits, corpora)
    strip = RatingStrip(store or open_store())
    with gr.Blocks(title=cards.TITLE, analytics_enabled=False) as page:
        controls = sidebar(offer, corpora.build_choice())
        box, ask, stop = _question_box()
        corpora.build_examples()
        if own:
            own.build()
        with gr.Row(elem_id="progress"):
            status, line = html(status_idle(), "status"), html("", "line")
        # In the order in which they are read with the keyboard; where each stands is the style's matter.
        with gr.Row(elem_id="columns"):
            with gr.Column(elem_id="answering", min_width=0):
                answer = html(cards.answer_empty(), "answer")
                elsewhere = gr.Button("", visible=False, elem_id="elsewhere")
            strip.build()
            follow = FollowUp()
            follow.build()
            with gr.Column(elem_id="evidence", min_width=0):
                passages = html(passage_cards.passages_empty(), "passages")
                more = html("", "more")
                further = gr.Button("Find more passages", visible=False, elem_id="further")
        compare, dependence = Compare(qa, strip.store, offer), WithAndWithout(qa, offer)
        with gr.Accordion("History and research tools", open=False, elem_id="tools"):
            with _tool("History", "history"):
                html(history_html(), "history")
            with _tool("Compare", "compare"):
                compare.build()
            with _tool("With and without passages", "dependence"):
                dependence.build()
            with _tool("Nearest written question", "nearest"):
                nearest = html(nearest_empty(), "nearest")
            with _tool("Run card", "run-card"):
                card = html(run_card_empty(), "run-card")
        parts = Parts(
            box,
            controls,
            status,
            line,
            answer,
            passages,
            stop,
            card,
            nearest,
            gr.Textbox(visible="hidden", elem_id="opened"),
            strip,
            elsewhere,
            gr.State(""),
            more,
            further,
            gr.State(None),
            follow,
        )
        asking = Asking(
            qa,
            parts,
            load_nearest(lambda: qa.retriever),
            lambda session: place_in_line(page, session),
            corpora,
            visits,
            snapshots,
        )
        corpora.connect(page, QUIET)
        if own:
            own.connect(page, QUIET)
        _connect(asking, ask)
        _open(page, asking)
        strip.connect(nearest)
        for tab in (compare, dependence):
            tab.connect(box, controls, QUIET, COMPUTES)
            page.unload(tab.leave)
        page.unload(asking.leave)
        add_endpoints(qa, strip, offer, MODEL)
    page.queue(max_size=MOST_WAITING)
    page.for_others, page.takes_files = offer.public, offer.uploads
    return page


def _tool(title: str, name: str) -> gr.Accordion:
    """One of the tools, closed."""
    return gr.Accordion(title, open=False, elem_id=f"{name}-tool", elem_classes=["one-tool"])


def html(value: str, name: str) -> gr.HTML:
    """HTML made here, without Gradio's own template, script or style."""
    return gr.HTML(value, js_on_load=None, apply_default_css=False, elem_id=name)


def launch_options(uploads: bool = True) -> dict[str, Any]:
    """What Gradio 6 takes at launch rather than at building: style, scripts, footer, and MCP where it is installed.

    Args:
        uploads: whether files are taken.
    """
    folder = Path(__file__).with_name("static")
    style = "".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.css")))
    scripts = "".join(f"<script>{path.read_text(encoding='utf-8')}</script>" for path in sorted(folder.glob("*.js")))
    return {
        "theme": theme(),
        "head": f"<style>{style}</style>{scripts}",
        "footer_links": ["api"],
        "ssr_mode": False,
        "run_history": False,
        "share": False,
        "mcp_server": find_spec("mcp") is not None,
        "max_file_size": LARGEST_FILE,
        "state_session_capacity": MOST_STATES,
        "app_kwargs": {
            "middleware": [Middleware(BodyBound, waiting=bytes_waiting if uploads else None)],
            "exception_handlers": {HTTPException: told_why, FnIndexInferError: not_there, KeyError: not_there},
        },
        # Without it Gradio gives up where the page's first reply takes longer than three seconds, as on a busy machine.
        "_frontend": False,
    }


def serve(page: gr.Blocks, host: str, port: int | None = None, **options: Any) -> str:  # noqa: ANN401 - of `launch`
    """Serve a page in threads of its own, with the bounds of `ui.bounds`.

    Args:
        page: from `build_page`.
        host: where it listens.
        port: on which; None for any that is free from Gradio's own on.
        options: further ones of `launch`.

    Returns:
        Its address.

    Raises:
        OSError: it cannot listen there.
        SettingsError: others would reach it, and it was built for its operator only.
    """
    if (is_public(host) or options.get("share")) and not page.for_others:  # type: ignore[attr-defined]
        raise SettingsError(
            f"the page would be reached by others on {host}, and lets its visitors choose anything: build it with "
            "Offer.of(…, public=True), or serve it on 127.0.0.1"
        )
    chosen: dict[str, Any] = {"quiet": True, "prevent_thread_lock": True, "inbrowser": False}
    chosen |= launch_options(page.takes_files) | options  # type: ignore[attr-defined]
    _, address, _ = page.launch(server_name=host, server_port=port, **chosen)
    bound_connections(page.server.config)
    return address


def place_in_line(page: gr.Blocks, session: str) -> tuple[int, int] | None:
    """A session's place among those who wait for the model, from 1, and how many wait; None if it does not wait."""
    waiting = page._queue.event_queue_per_concurrency_id.get(MODEL)  # Gradio shows this nowhere else on the server
    sessions = [event.session_hash for event in list(waiting.queue)] if waiting else []
    return (sessions.index(session) + 1, len(sessions)) if session in sessions else None


def _question_box() -> tuple[gr.Textbox, gr.Button, gr.Button]:
    """The question box with its two buttons."""
    with gr.Row(elem_id="asking"):
        box = gr.Textbox(
            label="Your question",
            placeholder="Ask a question…",
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


def _connect(asking: Asking, ask: gr.Button) -> None:
    """Events: Ask, Enter, the chips and the random question ask; Stop stops. None of them is part of the API."""
    box, stop, view = asking.parts.box, asking.parts.stop, asking.parts.view()
    chips, dice, choice = asking.corpora.chips, asking.corpora.dice, asking.corpora.choice
    asked = [ask.click, box.submit]
    asked += [chip.click(lambda question: question, chip, box, queue=False, **QUIET).then for chip in chips]
    asked.append(dice.click(asking.random, box, box, queue=False, **QUIET).then)
    follow = asking.parts.follow
    asked += [chip.click(lambda question: question, chip, box, queue=False, **QUIET).then for chip in follow.chips]
    elsewhere = asking.parts.elsewhere.click(
        asking.ask_elsewhere, asking.parts.target, [box, choice], queue=False, **QUIET
    )
    asked.append(elsewhere.then)
    for trigger in asked:
        begun = trigger(asking.begin, [box, *asking.parts.controls], view, queue=False, **QUIET)
        _answer(asking, begun.then)
    for trigger in (follow.ask.click, follow.box.submit):
        begun = trigger(asking.follow, [follow.box, *asking.parts.controls], view, queue=False, **QUIET)
        _answer(asking, begun.then)
    stop.click(asking.stop, None, view, queue=False, trigger_mode="multiple", **QUIET)
    parts = asking.parts
    parts.further.click(asking.more, parts.shown, parts.further_view(), **COMPUTES)


def _open(page: gr.Blocks, asking: Asking) -> None:
    """A link with a question asks it: once the run is noted, the browser presses a hidden button that answers it.

    What the browser kept is shown instead; also for Back, Forward and the history, which press another hidden button.
    """
    parts = asking.parts
    view = [parts.opened, parts.box, *parts.controls, *parts.view()]
    go_on, show, share = (gr.Button(visible="hidden", elem_id=name) for name in ("go-on", "show-stored", "share"))
    kept, shared = (gr.Textbox(visible="hidden", elem_id=name) for name in ("kept", "shared"))
    opened = page.load(asking.open, kept, view, queue=False, js="() => window.lfqa.kept()", **QUIET)
    show.click(asking.show, kept, view, queue=False, js="() => window.lfqa.pending", **QUIET)
    told = share.click(asking.share, parts.strip.run, shared, queue=False, **QUIET)
    told.then(None, shared, None, js="(told) => window.lfqa.shared(told)")
    opened.then(None, parts.opened, None, js="(run) => { if (run) document.getElementById('go-on').click(); }")
    # A step between, as elsewhere: events of one click wait for one another, those of one step do not.
    _answer(asking, go_on.click(lambda: None, queue=False, **QUIET).then)


def _answer(asking: Asking, trigger: Any) -> None:  # noqa: ANN401 — a listener of any component
    """The answer, when the model is free; the place in the line until then."""
    view = asking.parts.view()
    trigger(asking.wait, None, asking.parts.line, concurrency_limit=None, trigger_mode="multiple", **QUIET)
    answered = trigger(asking.answer, None, view, **COMPUTES)
    answered.failure(asking.refused, None, view, queue=False, **QUIET)
