"""A blind sheet for people: two systems' answers side by side, in an order that only the key knows.

The sheet is one HTML file that fetches nothing. It knows neither which answer is whose nor the systems' names: those
are in the key, a JSON file of its own. Reading the votes back is votes.py's.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.sentences import split_sentences
from evaluation.answer_metrics import Item
from evaluation.errors import EvaluationError

_TEMPLATE = Path(__file__).with_name("sheet.html")
Row = dict[str, Any]


def make_sheet(systems: dict[str, Sequence[Item]], seed: int = 0, number: int = 40) -> tuple[str, Row]:
    """Lay out a sheet.

    Args:
        systems: two names, each with its answers.
        seed: of which questions are drawn, their order, and which answer stands left.
        number: how many questions, at most all that both systems answer.

    Returns:
        The page's HTML, and the key: {"sheet": id, "seed": …, "systems": {"A": name, "B": name}, "left": {question's
        id: "A" or "B"}}. Each system stands left half of the time.

    Raises:
        EvaluationError: there are not two systems, or no question that both answer.
    """
    if len(systems) != 2:
        raise EvaluationError(f"a sheet compares two files of answers, not {len(systems)}; name two different ones")
    if number < 1:
        raise EvaluationError(f"the number of questions is {number}; allowed is 1 and more")
    first, second = ({item.id: item for item in items} for items in systems.values())
    common = sorted(first.keys() & second.keys())
    if not common:
        raise EvaluationError(f"{' and '.join(systems)} answer no question in common")
    draw = random.Random(seed)
    chosen = draw.sample(common, min(number, len(common)))
    sides = [("A", "B")[place % 2] for place in range(len(chosen))]
    draw.shuffle(sides)
    pairs = [
        (first[name], second[name]) if side == "A" else (second[name], first[name])
        for name, side in zip(chosen, sides, strict=True)
    ]
    questions = [_question(left, right) for left, right in pairs]
    content = json.dumps([seed, questions], ensure_ascii=False, sort_keys=True)
    identity = hashlib.sha256(content.encode()).hexdigest()[:12]
    key = {
        "sheet": identity,
        "seed": seed,
        "systems": dict(zip("AB", systems, strict=True)),
        "left": dict(zip(chosen, sides, strict=True)),
    }
    return _page({"sheet": identity, "questions": questions}), key


def _question(left: Item, right: Item) -> Row:
    """A question as the sheet shows it."""
    return {
        "id": left.id,
        "question": left.question,
        "written": left.reference,
        "passages": _passages(left, right),
        "left": split_sentences(left.answer),
        "right": split_sentences(right.answer),
    }


def _passages(left: Item, right: Item) -> list[Row]:
    """All passages that were read, once each; those that only one answer read say so."""
    rows: list[Row] = []
    for number, item in ((1, left), (2, right)):
        for title, text in item.passages:
            same = next((row for row in rows if row["title"] == title and _overlap(row["text"], text)), None)
            if same is None:
                rows.append({"title": title, "text": text, "readBy": number})
            elif same["readBy"] != number:
                # Of a passage that one generator read only in part, the longer reading is shown.
                same |= {"text": max(same["text"], text, key=len), "readBy": 0}
    return rows


def _overlap(one: str, other: str) -> bool:
    """Whether one text is the other or its beginning."""
    return one.startswith(other) or other.startswith(one)


def _page(content: Row) -> str:
    """The HTML; no text can end the script element that holds it, nor be taken for markup."""
    data = json.dumps(content, ensure_ascii=True)
    for character in "<>&":
        data = data.replace(character, f"\\u{ord(character):04x}")
    return _TEMPLATE.read_text(encoding="utf-8").replace("__DATA__", data)
