"""Answers as HTML: the header, the status line, the answer and its passage cards, each a pure function.

Everything that comes from outside (questions, passages, titles, model output) goes through `escape`. It knows
answers and HTML; it does not know Gradio.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from answers import Answer, Evidence
from generator.attribution import TracedSentence

# Gradio puts an HTML value through a JavaScript template: what could mean something there becomes an entity.
_TEMPLATE_MARKS = {ord(mark): f"&#{ord(mark)};" for mark in "$`\\{}@"}
_URL_CHARACTERS = "%/:?#[]@!&'()*+,;=~-._"
_STEPS = (("queued", "Queued"), ("retrieving", "Retrieving"), ("reading", "Reading"), ("writing", "Writing"))
_LABEL_CLASSES = {"supported": "supported", "partly": "partly", "not supported": "unsupported"}


def escape(text: str) -> str:
    r"""Text that a browser, and a JavaScript template before it, shows exactly as typed.

    >>> escape('<b>"${alert(1)}"</b>')
    '&lt;b&gt;&quot;&#36;&#123;alert(1)&#125;&quot;&lt;/b&gt;'
    """
    return html.escape(text, quote=True).translate(_TEMPLATE_MARKS)


def safe_url(url: str) -> str:
    """The address percent-encoded and escaped if it is http or https with a host, else "".

    >>> safe_url("https://en.wikipedia.org/wiki/Tide"), safe_url("javascript:alert(1)")
    ('https://en.wikipedia.org/wiki/Tide', '')
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return ""
    return escape(quote(url.strip(), safe=_URL_CHARACTERS))


def header(card: Mapping[str, Any], generator: str) -> str:
    """Title and the line of facts: model, index with size and date, licence, and a word of caution."""
    facts = " · ".join(
        (
            f"{escape(str(card.get('model', 'unknown model')))} + {escape(generator)} generator",
            f"{int(card.get('passages', 0)):,} passages ({escape(str(card.get('source', 'source unknown')))}), "
            f"indexed {escape(str(card.get('date', 'at an unknown date')))}",
            'texts <a href="https://creativecommons.org/licenses/by-sa/4.0/">CC BY-SA 4.0</a>',
            "<strong>research demo, may be wrong</strong>",
        )
    )
    return f'<header class="top"><h1>Long answers, with their evidence</h1><p class="facts">{facts}</p></header>'


def status(stage: str, seconds: Mapping[str, float] | None = None, stopped: bool = False) -> str:
    """The status line: every step with its seconds, the one under way marked by a word as well as by colour.

    Args:
        stage: "queued", or a stage of `Answer`.
        seconds: "queued" and those of `Answer.seconds`.
        stopped: whether the answer was stopped before its end.
    """
    times = _step_seconds(seconds or {}, stage)
    names = [name for name, _ in _STEPS]
    now = len(names) if stage == "done" else names.index("writing" if stage == "tracing" else stage)
    items = []
    for number, (name, label) in enumerate(_STEPS):
        state = "past" if number < now else "now" if number == now else "later"
        current = ' aria-current="step"' if state == "now" else ""
        items.append(_step(label + ("…" if state == "now" else ""), state, times.get(name), current))
    last = "Stopped" if stopped else "Done"
    items.append(_step(last, "past" if stage == "done" else "later", times.get("done")))
    return f'<ol class="steps" role="status" aria-label="Progress">{"".join(items)}</ol>'


def status_idle() -> str:
    """The status line before anything was asked."""
    return '<p class="hint" role="status">Ask a question: passages come first, then an answer written from them.</p>'


def status_error(message: str) -> str:
    """The status line when something is wrong: what, and what to do."""
    return f'<p class="problem" role="alert"><b>Not answered.</b> {escape(message)}</p>'


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


def answer_empty(question: str = "") -> str:
    """The answer's place before there is one."""
    if question:
        return (
            f'<article class="answer"><h2>{escape(question)}</h2><p class="waiting">Looking for passages…</p></article>'
        )
    return '<article class="answer empty"><p class="waiting">The answer will be written here.</p></article>'


def answer(answer: Answer) -> str:
    """The answer: growing text while it is written; when done, sentences with the passage behind each."""
    if answer.stage == "done":
        body = _finished(answer)
    elif answer.text:
        body = f'<p class="text">{escape(answer.text)}<span class="caret" aria-hidden="true"></span></p>'
    else:
        waiting = "Reading the passages…" if answer.evidence else "Looking for passages…"
        body = f'<p class="waiting">{waiting}</p>'
    busy = "false" if answer.stage == "done" else "true"
    return f'<article class="answer" aria-busy="{busy}"><h2>{escape(answer.question)}</h2>{body}</article>'


def _finished(answer: Answer) -> str:
    """Notice, sentences and tally of a finished answer."""
    if answer.sentences:
        sentences = "".join(_sentence(number, part) for number, part in enumerate(answer.sentences, 1))
        body = f'<p class="text">{sentences}</p>'
    else:
        body = f'<p class="text">{escape(answer.text)}</p>' if answer.text else ""
    return _notice(answer) + body + _tally(answer)


def _notice(answer: Answer) -> str:
    """What a reader should know first, in words."""
    if answer.low_scores:
        text = answer.note or "Every score is low: the passages probably do not hold the answer."
        return f'<p class="notice warn"><b>Low scores.</b> {escape(text)}</p>'
    if answer.note:
        return f'<p class="notice">{escape(answer.note)}</p>'
    if not answer.answerable and answer.text:
        return '<p class="notice warn"><b>Unbacked.</b> No sentence here is supported by the passages.</p>'
    return ""


def _sentence(number: int, sentence: TracedSentence) -> str:
    """One sentence, followed by its passage's number and the word for how well it is supported."""
    kind = _LABEL_CLASSES.get(sentence.label, "unsupported")
    word = escape(sentence.label)
    if sentence.passage is None:
        badge = f'<span class="cite {kind}">{word}</span>'
    else:
        reading = f"Sentence {number} is {word} by passage {sentence.passage}, cosine {sentence.support:.2f}".replace(
            "is partly", "is partly supported"
        )
        badge = (
            f'<a class="cite {kind}" href="#passage-{sentence.passage}" data-passage="{sentence.passage}" '
            f'data-sentence="{number}" aria-label="{reading}" title="{reading}">'
            f'<b class="number">{sentence.passage}</b> {word}</a>'
        )
    before, last = _last_word(sentence.text)
    return (
        f'<span class="sentence {kind}" id="sentence-{number}" data-sentence="{number}">'
        f'<span class="words">{escape(before)}</span><span class="tail"><span class="words">{escape(last)}</span> '
        f"{badge}</span></span> "
    )


def _last_word(sentence: str) -> tuple[str, str]:
    """A sentence in two parts, so that the badge stays on the line of the last word, unless that is very long.

    >>> _last_word("The sky is blue.")
    ('The sky is ', 'blue.')
    """
    before, space, last = sentence.rpartition(" ")
    return (before + space, last) if len(last) <= 24 else (sentence, "")


def _tally(answer: Answer) -> str:
    """One line of counts under the answer."""
    words = len(answer.text.split())
    if not words:
        return ""
    parts = [f"{words} word{'s' if words != 1 else ''}"]
    for label in _LABEL_CLASSES:
        count = sum(sentence.label == label for sentence in answer.sentences)
        if count:
            parts.append(f"{count} of {len(answer.sentences)} sentences {label}")
    parts.append(f"generator: {escape(answer.settings.generator)}")
    return f'<p class="tally">{" · ".join(parts)}</p>'


def passages_empty(text: str = "The passages and their scores will be listed here.") -> str:
    """The passages' place before there are any."""
    return f'<section class="passages empty"><p class="waiting">{escape(text)}</p></section>'


def passages(answer: Answer) -> str:
    """The passage cards in the order of the search, each with its raw score, and marks once the answer is traced."""
    if not answer.evidence:
        if answer.stage == "retrieving":
            return passages_empty("Looking for passages…")
        return passages_empty("No passages were retrieved: the answer comes from the model alone.")
    scale = max(1.0, *(part.hit.score for part in answer.evidence))
    cards = "".join(
        _card(number, part, answer.score_name, scale, _supports(number, answer.sentences))
        for number, part in enumerate(answer.evidence, 1)
    )
    measure = f", by {escape(answer.score_name)}" if answer.score_name else ""
    return (
        f'<section class="passages" aria-label="Passages"><h2>{len(answer.evidence)} passages'
        f'<span class="measure">{measure}</span></h2>{cards}</section>'
    )


def _supports(passage: int, sentences: Sequence[TracedSentence]) -> dict[str, list[int]]:
    """The sentences of one passage that stand behind the answer → numbers of the answer's sentences."""
    found: dict[str, list[int]] = {}
    for number, sentence in enumerate(sentences, 1):
        if sentence.passage == passage and sentence.evidence:
            found.setdefault(sentence.evidence, []).append(number)
    return found


def _card(number: int, evidence: Evidence, score_name: str, scale: float, supports: Mapping[str, list[int]]) -> str:
    """One passage: number, article and section, score with its bar, how much was read, and the text."""
    passage = evidence.hit.passage
    name = escape(passage.title) + (
        f' <span class="section">› {escape(passage.section)}</span>' if passage.section else ""
    )
    url = safe_url(passage.url)
    link = (
        f'<p class="source"><a href="{url}" target="_blank" rel="noopener noreferrer">{name} on Wikipedia ↗</a></p>'
        if "wikipedia.org/" in url
        else f'<p class="source"><a href="{url}" target="_blank" rel="noopener noreferrer">{name} ↗</a></p>'
        if url
        else ""
    )
    backs = sorted({sentence for numbers in supports.values() for sentence in numbers})
    backing = f'<span class="backs">backs {_listed(backs)}</span>' if backs else ""
    status_class = evidence.status.replace(" ", "-")
    return (
        f'<details class="card {status_class}" id="passage-{number}" data-passage="{number}">'
        f'<summary><span class="number">{number}</span><span class="title">{name}</span>'
        f'<span class="measures">{_score(evidence.hit.score, score_name, scale)}'
        f'<span class="status {status_class}">{escape(evidence.status)}</span>{backing}</span></summary>'
        f'<div class="body"><p>{_marked(evidence, supports)}</p>{link}</div></details>'
    )


def _listed(numbers: Sequence[int]) -> str:
    """Sentence numbers in words."""
    return ("sentence " if len(numbers) == 1 else "sentences ") + ", ".join(map(str, numbers))


def _score(score: float, name: str, scale: float) -> str:
    """The raw score with its name, and a bar of its share of `scale` (1, or the best score where that is more)."""
    if not name:
        return '<span class="score">no score</span>'
    share = min(1.0, max(0.0, score / scale))
    of = "1" if scale == 1 else f"the best score here, {scale:.3f}"
    return (
        f'<span class="score">{escape(name)}{" =" if " " in name else ""} <b>{score:.3f}</b></span>'
        f'<span class="bar" title="bar: share of {of}" aria-hidden="true"><i style="width:{share:.1%}"></i></span>'
    )


def _marked(evidence: Evidence, supports: Mapping[str, list[int]]) -> str:
    """The whole passage, supporting sentences marked; what the generator did not read of a cut one is set apart."""
    text = evidence.hit.passage.text
    read = len(evidence.read_text) if evidence.status == "cut" and text.startswith(evidence.read_text) else len(text)
    if evidence.status == "not read":
        read = len(text)
    spans = []
    for part, numbers in supports.items():
        at = text.find(part, 0, read)
        if at >= 0:
            spans.append((at, at + len(part), numbers))
    pieces, end = [], 0
    for start, stop, numbers in sorted(spans, key=lambda span: span[:2]):
        if start < end:
            continue
        joined = " ".join(map(str, numbers))
        pieces.append(escape(text[end:start]))
        pieces.append(
            f'<mark data-sentences="{joined}" title="behind {_listed(numbers)} of the answer">'
            f"{escape(text[start:stop])}</mark>"
        )
        end = stop
    pieces.append(escape(text[end:read]))
    if read < len(text):
        pieces.append(f' <span class="unread"><b>[not read:]</b> {escape(text[read:].strip())}</span>')
    return "".join(pieces)
