"""The header and the answer as HTML: growing text, then sentences that carry their passage's number and a word.

Everything that comes from outside (questions, passages, titles, model output) goes through `escape`. It knows
answers and HTML; it does not know Gradio.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from core.languages import language_of
from core.overlap import RUN, share_copied
from core.records import LONGEST_QUESTION, NOT_SUPPORTED, PARTLY, SUPPORTED, Answer, Sentence, as_text
from generator.finishing import split_answer
from ui.links import to_query
from ui.markup import escape, plural, waiting

_VERDICTS = {
    "full": ("Answered.", "The passages seem to hold the answer."),
    "part": ("Partly answered.", "The passages seem to hold a part of the answer."),
    "no": ("Not answered.", "The passages don’t seem to hold the answer."),
}
TITLE = "Long answers, with their evidence"
_WAITING = {"reading": "Reading the passages…", "writing": "Writing the first sentence…"}
_LABEL_CLASSES = {SUPPORTED: "supported", PARTLY: "partly", NOT_SUPPORTED: "unsupported"}


def header(card: Mapping[str, Any]) -> str:
    """Title and the line of facts: what is searched, with size, date and licence, and a word of caution."""
    facts = " · ".join(
        (described(card), *_licence(str(card.get("licence", ""))), "<strong>research demo, may be wrong</strong>")
    )
    skip = '<a class="skip" href="#answer">Skip to the answer</a>'
    return f'<header class="top">{skip}<h1>{TITLE}</h1><p class="facts">{facts}</p></header>'


def described(card: Mapping[str, Any]) -> str:
    """What is searched: how many passages of what and since when; of what is not indexed, what and of when."""
    source, date = escape(str(card.get("source") or "source unknown")), escape(str(card.get("date") or "unknown date"))
    count = int(card.get("passages") or 0)
    return f"Searches {count:,} passages ({source}), of {date}" if count else f"Searches {source}, of {date}"


def _licence(name: str) -> tuple[str, ...]:
    """The licence of the texts, where it is known."""
    if name == "CC BY-SA 4.0":
        return ('texts <a href="https://creativecommons.org/licenses/by-sa/4.0/">CC BY-SA 4.0</a>',)
    return (f"texts {escape(name)}",) if name else ()


def answer_empty() -> str:
    """The answer's place before anything was asked."""
    return f'<article class="answer empty">{waiting("The answer will be written here.")}</article>'


def answer(
    answer: Answer, run: str = "", withdrawn: str = "", time: str = "", link: str = "", share: bool = False
) -> str:
    """The answer: sentence after sentence while it is written; when done, with the passage behind each.

    Args:
        answer: a snapshot.
        run: the run's id; with it, a finished answer can be copied, linked and kept.
        withdrawn: what stood there before and is no part of the finished answer; it stays readable.
        time: when it was finished, in ISO 8601; "" for now.
        link: the query string that opens it again; "" for the one that asks the same.
        share: whether it can be shared as it is.
    """
    busy, text = answer.stage != "done", written(answer)
    body = _known_early(answer)
    if not busy:
        body += (
            sentences(answer)
            + _withdrawn(withdrawn)
            + _notice(answer)
            + _other_language(answer)
            + ("" if _only_lacks(answer) else tally(answer))
            + (_tools(share) if run else "")
        )
    elif text:
        body += f'<p class="text">{escape(text)}<span class="caret" aria-hidden="true"></span></p>'
    else:
        body += waiting(_WAITING.get(answer.stage, "Looking for passages…"))
    kept = _kept(answer, run, time) if run and not busy else ""
    # What follows another question would not stand alone.
    link = link or to_query(answer.retrieved.whole[:LONGEST_QUESTION], answer.settings)
    return (
        f'<article class="answer" aria-busy="{str(busy).lower()}" data-link="{escape(link)}"{kept}>'
        f"<h2>{escape(answer.question)}</h2>{_follows(answer)}{body}</article>"
    )


def _follows(answer: Answer) -> str:
    """What the question follows, where it follows one."""
    previous = answer.retrieved.previous
    return f'<p class="follows">Asked after “{escape(previous.questions[-1])}”</p>' if previous else ""


def written(answer: Answer) -> str:
    """What of an answer can be shown because it stays: its whole sentences.

    Of a text that still grows, the last sentence may become another one; a drafted first sentence may give way.
    """
    if answer.stage == "done":
        return answer.text
    whole = as_text(answer.sentences)
    growing = split_answer(answer.text.removeprefix(whole).strip(), answer.settings)[:-1]
    return f"{whole} {as_text(growing)}".strip()


def _withdrawn(text: str) -> str:
    """What was shown before and is no part of the answer."""
    if not text:
        return ""
    return f'<p class="withdrawn"><b>Written at first, and left out:</b> {escape(text)}</p>'


def _kept(answer: Answer, run: str, time: str) -> str:
    """What the scripts of the page need of a finished answer: its run and its JSON, as attributes."""
    whole = json.dumps({"run": run} | kept_json(answer, time), ensure_ascii=False)
    return f' data-run="{escape(run)}" data-json="{escape(whole)}"'


def kept_json(answer: Answer, time: str = "") -> dict[str, Any]:
    """A finished answer as it is kept: its JSON object, and when it was finished, now where that is not given."""
    return {"time": time or datetime.now(UTC).isoformat(timespec="seconds")} | answer.to_json()


def _tools(share: bool) -> str:
    """Copy, Link, JSON and Ask again, and where their success is said."""
    buttons = "".join(
        f'<button type="button" class="tool" data-tool="{tool}" title="{title}">{label}</button>'
        for tool, label, title in (
            ("copy", "Copy", "copy the answer with its sources"),
            ("link", "Link", "copy an address that asks this again with these settings"),
            ("share", "Share", "copy an address that shows this very answer"),
            ("json", "JSON", "save everything about this answer as a JSON file"),
            ("again", "Ask again", "ask this question anew, with the settings as they are now"),
        )
        if share or tool != "share"
    )
    return f'<div class="tools">{buttons}<span class="said" role="status"></span></div>'


def _known_early(answer: Answer) -> str:
    """What is known before the first sentence, so that nothing moves down for it later."""
    if answer.retrieved.low_scores and answer.confidence is None:
        text = "Every score is low: the passages probably do not hold the answer."
        return f'<p class="notice warn"><b>Low scores.</b> {text}</p>'
    return verdict(answer)


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
    """What a reader should know of a finished answer, in words."""
    if answer.stopped:
        said = "The answer is not whole." if answer.text else ""
        return f'<p class="notice warn"><b>Unfinished.</b> {escape(answer.note or said)}</p>'
    if answer.retrieved.low_scores and answer.confidence is None:
        return ""
    if answer.note:
        return f'<p class="notice">{escape(answer.note)}</p>'
    if answer.lacks and answer.confidence is not None:
        return ""
    if answer.lacks:
        return '<p class="notice warn"><b>No answer.</b> The passages do not seem to hold it.</p>'
    if not answer.answerable and answer.text:
        return '<p class="notice warn"><b>Unbacked.</b> No sentence here is supported by the passages.</p>'
    return ""


def _other_language(answer: Answer) -> str:
    """That a question is in another language than what was read for it, where both are known."""
    asked = language_of(answer.question)
    read = language_of(" ".join(part.text for part in answer.retrieved.read))
    if not asked or not read or asked == read or "seems to be in" in answer.note:
        return ""
    told = f"The question seems to be in {asked}, the passages are in {read}: asked in {read}, it would find more."
    return f'<p class="notice">{escape(told)}</p>'


def _sentence(number: int, sentence: Sentence, answer: Answer, prefix: str) -> str:
    """One sentence, its badge, and its evidence folded away (a phone opens it there)."""
    kind = "about" if _tells_lack(sentence) else _LABEL_CLASSES.get(sentence.label, "unsupported")
    before, last = _last_word(sentence.text)
    badge = "" if _only_lacks(answer) else _badge(number, sentence, kind, links=not prefix)
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


def _only_lacks(answer: Answer) -> bool:
    """Whether it only says that the passages don't answer the question: there is nothing to count or to trace."""
    return bool(answer.sentences) and all(_tells_lack(sentence) for sentence in answer.sentences)


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
        if unsupported:
            parts.append(f"{unsupported} of {plural(len(answer.sentences), 'sentence')} not found in a source")
        if partly:
            parts.append(f"{partly} in part")
        if judged and not unsupported and not partly:
            parts.append("every sentence found in its source")
    return f'<p class="tally">{" · ".join(parts)}</p>'
