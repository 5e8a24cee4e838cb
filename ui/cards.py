"""The header and the answer as HTML: growing text, then sentences that carry their passage's number and a word.

Everything that comes from outside (questions, passages, titles, model output) goes through `escape`. It knows
answers and HTML; it does not know Gradio.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from core.overlap import RUN, share_copied
from core.records import LONGEST_QUESTION, NOT_SUPPORTED, PARTLY, SUPPORTED, Answer, Sentence
from ui.links import to_query
from ui.markup import escape, plural, waiting

_VERDICTS = {
    "full": ("Answered.", "The passages seem to hold the answer."),
    "part": ("Partly answered.", "The passages seem to hold a part of the answer."),
    "no": ("Not answered.", "The passages don’t seem to hold the answer."),
}
_LABEL_CLASSES = {SUPPORTED: "supported", PARTLY: "partly", NOT_SUPPORTED: "unsupported"}


def header(card: Mapping[str, Any], generator: str) -> str:
    """Title and the line of facts: model, index with size and date, licence, and a word of caution."""
    facts = " · ".join(
        (
            f"{escape(str(card.get('model', 'unknown model')))} + {escape(generator)} generator",
            described(card),
            *_licence(str(card.get("licence", ""))),
            "<strong>research demo, may be wrong</strong>",
        )
    )
    return f'<header class="top"><h1>Long answers, with their evidence</h1><p class="facts">{facts}</p></header>'


def described(card: Mapping[str, Any]) -> str:
    """What is searched: how many passages of what and since when; of what is not indexed, what and of when."""
    source, date = escape(str(card.get("source") or "source unknown")), escape(str(card.get("date") or "unknown date"))
    count = int(card.get("passages") or 0)
    return f"{count:,} passages ({source}), indexed {date}" if count else f"{source}, of {date}"


def _licence(name: str) -> tuple[str, ...]:
    """The licence of the texts, where it is known."""
    if name == "CC BY-SA 4.0":
        return ('texts <a href="https://creativecommons.org/licenses/by-sa/4.0/">CC BY-SA 4.0</a>',)
    return (f"texts {escape(name)}",) if name else ()


def answer_empty(question: str = "", text: str = "Looking for passages…") -> str:
    """The answer's place before there is one."""
    if question:
        return f'<article class="answer"><h2>{escape(question)}</h2>{waiting(text)}</article>'
    return f'<article class="answer empty">{waiting("The answer will be written here.")}</article>'


def answer(answer: Answer, run: str = "") -> str:
    """The answer: growing text while it is written; when done, sentences with the passage behind each.

    Args:
        answer: a snapshot.
        run: the run's id; with it, a finished answer can be copied, linked and kept.
    """
    if answer.stage == "done":
        body = _finished(answer) + (_tools() if run else "")
    elif answer.text:
        body = f'<p class="text">{escape(answer.text)}<span class="caret" aria-hidden="true"></span></p>'
    else:
        body = waiting("Reading the passages…" if answer.found else "Looking for passages…")
    busy = "false" if answer.stage == "done" else "true"
    kept = _kept(answer, run) if run and answer.stage == "done" else ""
    heading = f"<h2>{escape(answer.question)}</h2>{_follows(answer)}"
    return f'<article class="answer" aria-busy="{busy}"{kept}>{heading}{body}</article>'


def _follows(answer: Answer) -> str:
    """What the question follows, where it follows one."""
    previous = answer.retrieved.previous
    return f'<p class="follows">Asked after “{escape(previous.questions[-1])}”</p>' if previous else ""


def _kept(answer: Answer, run: str) -> str:
    """What the scripts of the page need of a finished answer: its JSON and its link, as attributes."""
    whole = json.dumps({"run": run} | answer.to_json(), ensure_ascii=False)
    link = to_query(answer.retrieved.whole[:LONGEST_QUESTION], answer.settings)  # it has to stand alone
    return f' data-run="{escape(run)}" data-link="{escape(link)}" data-json="{escape(whole)}"'


def _tools() -> str:
    """Copy, Link and JSON, and where their success is said."""
    buttons = "".join(
        f'<button type="button" class="tool" data-tool="{tool}" title="{title}">{label}</button>'
        for tool, label, title in (
            ("copy", "Copy", "copy the answer with its sources"),
            ("link", "Link", "copy an address that asks this again with these settings"),
            ("json", "JSON", "save everything about this answer as a JSON file"),
        )
    )
    return f'<div class="tools">{buttons}<span class="said" role="status"></span></div>'


def _finished(answer: Answer) -> str:
    """Verdict, notice, sentences and tally of a finished answer."""
    return verdict(answer) + _notice(answer) + sentences(answer) + tally(answer)


def verdict(answer: Answer) -> str:
    """Whether the question is answered, in words: another matter than whether a passage says what a sentence says."""
    if answer.confidence is None:
        return ""
    word, meaning = _VERDICTS[answer.holds]
    sure = f"{max(answer.confidence, 0.01):.0%}"
    hint = f"how likely the passages hold at least a part of the answer, by the selector: {sure}"
    return (
        f'<p class="verdict {answer.holds}" title="{hint}"><b>{word}</b> {meaning} '
        f'<span class="sure">Chance that they do: {sure}.</span></p>'
    )


def sentences(answer: Answer, prefix: str = "") -> str:
    """The sentences of a finished answer with their badges; plain text where there are none.

    Args:
        answer: a finished answer.
        prefix: for answers that stand beside others: their badges lead nowhere, their ids begin with it.
    """
    if not answer.sentences:
        return f'<p class="text">{escape(answer.text)}</p>' if answer.text else ""
    parts = (_sentence(number, part, answer, prefix) for number, part in enumerate(answer.sentences, 1))
    return f'<p class="text">{"".join(parts)}</p>'


def _notice(answer: Answer) -> str:
    """What a reader should know first, in words."""
    if answer.retrieved.low_scores and answer.confidence is None:
        text = answer.note or "Every score is low: the passages probably do not hold the answer."
        return f'<p class="notice warn"><b>Low scores.</b> {escape(text)}</p>'
    if answer.note:
        return f'<p class="notice">{escape(answer.note)}</p>'
    if answer.lacks and answer.confidence is not None:
        return ""
    if answer.lacks:
        return '<p class="notice warn"><b>No answer.</b> The passages do not seem to hold it.</p>'
    if not answer.answerable and answer.text:
        return '<p class="notice warn"><b>Unbacked.</b> No sentence here is supported by the passages.</p>'
    return ""


def _sentence(number: int, sentence: Sentence, answer: Answer, prefix: str) -> str:
    """One sentence, its badge, and its evidence folded away (a phone opens it there)."""
    kind = "about" if _tells_lack(sentence) else _LABEL_CLASSES.get(sentence.label, "unsupported")
    before, last = _last_word(sentence.text)
    badge = _badge(number, sentence, kind, links=not prefix)
    evidence = "" if prefix else _evidence(number, sentence, answer)
    return (
        f'<span class="sentence {kind}" id="{prefix}sentence-{number}" data-sentence="{number}">'
        f'<span class="words">{escape(before)}</span><span class="tail"><span class="words">{escape(last)}</span> '
        f"{badge}</span>{evidence}</span> "
    )


def _badge(number: int, sentence: Sentence, kind: str, links: bool) -> str:
    """The passage's number and the word for how well it supports the sentence; a link to it where it can lead."""
    word = escape(sentence.label)
    if kind == "about":
        why = "No passage can support what is said of the passages"
        return f'<span class="cite {kind}" title="{why}">says what is missing</span>'
    if sentence.passage is None:
        return f'<span class="cite {kind}">{word}</span>'
    inside = f'<b class="number">{sentence.passage}</b> {word}'
    if not links:
        return f'<span class="cite {kind}">{inside}</span>'
    said = "partly supported" if sentence.label == "partly" else word
    reading = f"{sentence.passage} {word}: sentence {number} is {said} by passage {sentence.passage}"
    return (
        f'<a class="cite {kind}" href="#passage-{sentence.passage}" data-passage="{sentence.passage}" '
        f'data-sentence="{number}" aria-label="{reading}" title="support {sentence.support:.2f}">{inside}</a>'
    )


def _tells_lack(sentence: Sentence) -> bool:
    """Whether a sentence says what the passages lack, which none of them can support."""
    return sentence.kind == "lacking" and sentence.passage is None


def _evidence(number: int, sentence: Sentence, answer: Answer) -> str:
    """The passage sentence behind a sentence, hidden until a phone's reader asks for it."""
    if sentence.passage is None or not 1 <= sentence.passage <= len(answer.found):
        return ""
    title = escape(answer.found[sentence.passage - 1].passage.title)
    quoted = f"“{escape(sentence.evidence)}”" if sentence.evidence else "No single sentence stands out."
    return (
        f'<span class="evidence" id="evidence-{number}" hidden><b>{sentence.passage} · {title}</b> {quoted} '
        f'<a href="#passage-{sentence.passage}" class="whole" data-passage="{sentence.passage}" '
        f'data-sentence="{number}">Show in passage {sentence.passage}</a></span>'
    )


def _last_word(sentence: str) -> tuple[str, str]:
    """A sentence in two parts, so that the badge stays on the line of the last word, unless that is very long.

    >>> _last_word("The sky is blue.")
    ('The sky is ', 'blue.')
    """
    before, space, last = sentence.rpartition(" ")
    return (before + space, last) if len(last) <= 24 else (sentence, "")


def tally(answer: Answer) -> str:
    """One line of counts under an answer: words, share copied, sentences by support."""
    count = len(answer.text.split())
    if not count:
        return ""
    parts = [plural(count, "word")]
    read = [part.text for part in answer.retrieved.read]
    if read:
        share = share_copied(answer.text, read)
        hint = f"words in runs of {RUN} or more that a passage holds too"
        parts.append(f'<span title="{hint}">{share:.0%} copied</span>')
    if answer.sentences:
        judged = [sentence for sentence in answer.sentences if not _tells_lack(sentence)]
        unsupported = sum(sentence.label == "not supported" for sentence in judged)
        partly = sum(sentence.label == "partly" for sentence in answer.sentences)
        parts.append(f"{unsupported} of {plural(len(answer.sentences), 'sentence')} not supported")
        if partly:
            parts.append(f"{partly} partly")
    parts.append(f"generator: {escape(answer.settings.generator)}")
    return f'<p class="tally">{" · ".join(parts)}</p>'
