"""One question of a study as HTML: two answers, sentence by sentence, and what a judge may say of them.

Nothing in it tells whose an answer is, nor what the program says of its support. It knows the study and HTML; it does
not know Gradio. What the form holds is flat, a name and a value each; `from_form` and `to_form` are its two ends.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from evaluation.answer_files import read_passages
from evaluation.study.folder import Row, Shown, Study
from evaluation.study.judgements import LONGEST_REASON, PREFERENCES, SCALE, SUPPORT
from ui.markup import escape

_PREFERENCES = dict(zip(PREFERENCES, ("answer 1", "answer 2", "tie", "both bad"), strict=True))
COVERAGE = "How much of a full answer to the question is there? 1 nothing, 5 all that matters"
COHERENCE = "Does it read as one text? 1 pieces, 5 one text"
HOW = (
    "A sentence is supported when the passages say all of it, partly when they say some of it, not supported when they "
    "say otherwise or nothing. One that only says that the passages lack the answer is supported when they do lack it."
)


def passages_read(study: Study, shown: Shown) -> tuple[list[tuple[str, str]], dict[str, dict[int, int]]]:
    """The passages that either answer was written from.

    Returns:
        (title, text) of each, once; and by side, a passage's rank in that answer → its number among them, from 1.
    """
    found: list[tuple[str, str]] = []
    numbers: dict[str, dict[int, int]] = {}
    for side, system in shown.sides.items():
        numbers[side] = {}
        for rank, (title, text) in read_passages(study.answers[system][shown.asked.id], shown.asked.id).items():
            same = next((n for n, (t, x) in enumerate(found) if t == title and (x.startswith(text[:80]))), None)
            if same is None:
                found.append((title, text))
            elif len(text) > len(found[same][1]):
                found[same] = title, text
            numbers[side][rank] = len(found) if same is None else same + 1
    return found, numbers


def question_sheet(study: Study, shown: Shown, values: Mapping[str, str], who: Mapping[str, str]) -> str:
    """A question's form.

    Args:
        study: what it belongs to.
        shown: the question, and which system stands where.
        values: what was chosen already, by field.
        who: "name" and "key" of the judge, for what the browser sends back.
    """
    passages, numbers = passages_read(study, shown)
    read = "".join(
        f'<p class="passage"><b>{number} · {escape(title)}</b> {escape(text)}</p>'
        for number, (title, text) in enumerate(passages, 1)
    )
    folds = _fold("How to judge", f"<p>{HOW}</p><p>{_KEYS}</p>")
    folds += _fold(f"The passages ({len(passages)})", read or "<p>None were read.</p>")
    if shown.asked.written:
        folds += _fold("What a person wrote", f"<p>{escape(shown.asked.written)}</p>")
    sides = "".join(
        _side(study, shown, side, number, numbers[side], values) for number, side in enumerate(("left", "right"), 1)
    )
    held = escape(str(values.get("reason", "")))
    return (
        f"{form_head(who, shown.asked.id)}<h2>{escape(shown.asked.question)}</h2>{folds}"
        f'<div class="sides">{sides}</div>'
        f"{_choices('preference', 'Which answer is better?', _PREFERENCES, values)}"
        f'<label class="reason">Why? (may stay empty) <textarea name="reason" maxlength="{LONGEST_REASON}" rows="2">'
        f"{held}</textarea></label></form>"
    )


def form_head(who: Mapping[str, str], question: str = "") -> str:
    """A form's first tag. No two are alike: by `data-shown` the browser knows a new one from the one before."""
    facts = {**who, "question": question, "shown": secrets.token_hex(4)}
    return '<form id="sheet"' + "".join(f' data-{name}="{escape(value)}"' for name, value in facts.items()) + ">"


_KEYS = (
    "Keys: 1 to 5 choose and go on to the next; the arrows up and down move; n stores and shows the next question, s "
    "skips, u takes the last one back. Each choice is stored at once; this page’s address goes on where you stopped."
)


def _fold(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>{body}</details>"


def _side(
    study: Study, shown: Shown, side: str, number: int, numbers: Mapping[int, int], values: Mapping[str, str]
) -> str:
    """One answer with what may be said of it."""
    row = study.answers[shown.sides[side]][shown.asked.id]
    cited = study.manifest.citations == "shown"
    parts = "".join(
        _choices(
            f"{side}.s{place}",
            f"Answer {number}, sentence {place}",
            dict.fromkeys(SUPPORT),
            values,
            f'<p class="text">{escape(sentence["text"])}</p>{_evidence(sentence, row, numbers) if cited else ""}',
        )
        for place, sentence in enumerate(row["sentences"], 1)
    )
    scale = dict.fromkeys(map(str, SCALE))
    covering = (
        _points(side, number, shown, values)
        if shown.asked.nuggets
        else _choices(f"{side}.coverage", f"Answer {number}: coverage", scale, values, f"<p>{COVERAGE}</p>")
    )
    coherence = _choices(f"{side}.coherence", f"Answer {number}: coherence", scale, values, f"<p>{COHERENCE}</p>")
    parts = parts or "<p>(no answer)</p>"
    return f'<section class="side"><h3>Answer {number}</h3>{parts}{covering}{coherence}</section>'


def _evidence(sentence: Row, row: Row, numbers: Mapping[int, int]) -> str:
    """The passage's number and the sentence of it that is named as the evidence."""
    number = numbers.get(sentence.get("passage") or 0)
    if number is None:
        return '<p class="evidence">no passage is named</p>'
    quoted = str(sentence.get("evidence") or "")
    told = "the same words" if quoted == sentence["text"] else f"“{escape(quoted)}”" if quoted else "no one sentence"
    return f'<p class="evidence"><b>{number}</b> {told}</p>'


def _points(side: str, number: int, shown: Shown, values: Mapping[str, str]) -> str:
    """The points that the answer may cover, each to be ticked."""
    fields = [f"{side}.covered.{place}" for place in range(1, len(shown.asked.nuggets) + 1)]
    ticks = "".join(
        f'<label><input type="checkbox" name="{field}"{_on(field in values)}>'
        f"<span><kbd>{place}</kbd>{escape(nugget.text)}{'' if nugget.vital else ' <i>(not vital)</i>'}</span></label>"
        for place, (field, nugget) in enumerate(zip(fields, shown.asked.nuggets, strict=True), 1)
    )
    return (
        f'<fieldset class="group points"><legend>Answer {number}: points</legend><p>Tick what it says.</p>'
        f'<div class="choices">{ticks}</div></fieldset>'
    )


def _choices(
    name: str, legend: str, choices: Mapping[str, str | None], values: Mapping[str, str], before: str = ""
) -> str:
    """A group of which one is chosen."""
    labels = "".join(
        f'<label><input type="radio" name="{name}" value="{value}"{_on(str(values.get(name)) == value)}>'
        f"<span>{'' if value == str(place) else f'<kbd>{place}</kbd>'}{told or value}</span></label>"
        for place, (value, told) in enumerate(choices.items(), 1)
    )
    return (
        f'<fieldset class="group" data-group="{name}"><legend>{legend}</legend>{before}'
        f'<div class="choices">{labels}</div></fieldset>'
    )


def _on(chosen: bool) -> str:
    return " checked" if chosen else ""


def from_form(study: Study, shown: Shown, values: Mapping[str, str]) -> Row:
    """What a form says, in the form that `judgements.judgement` takes."""
    told: Row = {"preference": values.get("preference", ""), "reason": values.get("reason", "")}
    for side, system in shown.sides.items():
        count = len(study.answers[system][shown.asked.id]["sentences"])
        told[side] = {
            "sentences": [values.get(f"{side}.s{number}", "") for number in range(1, count + 1)],
            "coherence": _number(values.get(f"{side}.coherence", "")),
        } | (
            {"covered": [n for n in range(1, len(shown.asked.nuggets) + 1) if values.get(f"{side}.covered.{n}")]}
            if shown.asked.nuggets
            else {"coverage": _number(values.get(f"{side}.coverage", ""))}
        )
    return told


def to_form(judgement: Row) -> dict[str, str]:
    """A judgement as the form's fields, to be looked at again."""
    winner = {judgement["left"]: "left", judgement["right"]: "right"}.get(judgement["winner"], judgement["winner"])
    fields = {"preference": winner, "reason": judgement["reason"]}
    for side in ("left", "right"):
        answer = judgement["answers"][judgement[side]]
        fields |= {f"{side}.s{number}": label for number, label in enumerate(answer["sentences"], 1)}
        fields |= {f"{side}.covered.{number}": "on" for number in answer.get("covered", ())}
        fields |= {f"{side}.{name}": str(answer[name]) for name in ("coverage", "coherence") if name in answer}
    return fields


def _number(value: Any) -> Any:  # noqa: ANN401 - from a browser; `judgement` says what is wrong with it
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) == 1 else value
