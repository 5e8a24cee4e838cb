"""The status line: queued, searching, reading, writing, done, with the seconds of each step.

It knows the stages of an answer and HTML.
"""

from __future__ import annotations

from collections.abc import Mapping

from ui.markup import escape, problem

_STEPS = (("queued", "Queued"), ("retrieving", "Searching"), ("reading", "Reading"), ("writing", "Writing"))


def status(
    stage: str,
    seconds: Mapping[str, float] | None = None,
    stopped: bool = False,
    loading: bool = False,
    heard: str = "",
) -> str:
    """The status line: every step with its seconds, the one under way marked by a word as well as by colour.

    Args:
        stage: "queued", or a stage of `Answer`.
        seconds: "queued" and those of `Answer.seconds`.
        stopped: whether the answer was stopped before its end.
        loading: whether models are loaded first, before passages are searched.
        heard: what those who hear the page are told, once, instead of the step under way; the answer, at its end.
    """
    times = _step_seconds(seconds or {}, stage)
    names = [name for name, _ in _STEPS]
    now = len(names) if stage == "done" else names.index("writing" if stage == "judging" else stage)
    items, told = [], heard
    for number, (name, label) in enumerate(_STEPS):
        state = "past" if number < now else "now" if number == now else "later"
        current = ' aria-current="step"' if state == "now" else ""
        if state == "now":
            label = f"{'Loading the models' if loading and name == 'retrieving' else label}…"
            told = told or label
        items.append(_step(label, f"{state} {name}", times.get(name), current))
    last = "Stopped" if stopped else "Done"
    items.append(_step(last, "past" if stage == "done" else "later", times.get("done")))
    return (
        f'<ol class="steps" aria-label="Progress">{"".join(items)}</ol>'
        f'<p class="heard" role="status">{escape(told or last)}</p>'
    )


def place_in_line(place: tuple[int, int]) -> str:
    """Where a question stands that waits: its place from 1, and the line's length."""
    return f'<p class="place" role="status">Place {place[0]} of {place[1]} in the line.</p>'


def status_idle() -> str:
    """The status line before anything was asked."""
    return '<p class="hint" role="status">Ask a question: passages come first, then an answer written from them.</p>'


def status_ready(host: str) -> str:
    """The status line of a question that a link brought, and that would leave this machine."""
    return f'<p class="hint" role="status">Press Ask to ask this; its words then go to <b>{escape(host)}</b>.</p>'


def status_kept(time: str, where: str) -> str:
    """The status line of an answer that was given before.

    Args:
        time: when, in ISO 8601; the browser shows it in its own way.
        where: it was kept.
    """
    stamp = f'<time datetime="{escape(time)}">{escape(time[:16].replace("T", " "))}</time>'
    return f'<p class="hint kept" role="status">Answered {stamp}, {escape(where)}.</p>'


def status_error(message: str) -> str:
    """The status line when something is wrong: what, and what to do."""
    return problem(message)


def progress(text: str, busy: bool = True) -> str:
    """One line for work of several answers, such as "Answering 1 of 2…"."""
    return f'<p class="progress{" busy" if busy else ""}" role="status">{escape(text)}</p>'


def _step_seconds(seconds: Mapping[str, float], stage: str) -> dict[str, float]:
    """The seconds of each step of the status line, as far as they have passed."""
    times = {"queued": seconds.get("queued"), "retrieving": seconds.get("retrieve"), "reading": seconds.get("encode")}
    if stage == "done" and "total" in seconds:
        spent = seconds.get("retrieve", 0.0) + seconds.get("encode", 0.0)
        times |= {"writing": max(0.0, seconds["total"] - spent), "done": seconds["total"]}
    return {name: value for name, value in times.items() if value is not None}


def _step(label: str, state: str, seconds: float | None, attributes: str = "") -> str:
    """One step of the status line."""
    time = "" if seconds is None else f' <span class="seconds">{seconds:.2f} s</span>'
    return f'<li class="{state}"{attributes}><span class="name">{label}</span>{time}</li>'
