"""Votes of blind sheets, told apart by the key and counted for each system.

It knows the JSON of sheet.py and sheet.html. It knows nothing of answers or models.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import comb
from pathlib import Path
from typing import Any

import numpy as np

from core.shapes import read_object
from evaluation.bootstrap import interval, ratio
from evaluation.errors import EvaluationError

CLAIMS = ("supported", "contradicted", "not in the passages")
VERDICTS = ("right", "partly", "wrong")
PREFERENCES = ("left", "right", "tie", "both bad")
Row = dict[str, Any]


def tally(votes: Sequence[Path], key: Path) -> Row:
    """Count the votes of one sheet, by one or more judges.

    Args:
        votes: files that the sheet saved.
        key: the file that was written with the sheet.

    Returns:
        {"systems": {name: {"claims": …, "verdicts": …}}, "preference": …, "judges": …, "questions": …}. Intervals hold
        95% of 10,000 bootstrap samples of the questions (Efron 1979); the sign test is two-sided and leaves ties out.

    Raises:
        EvaluationError: a file is broken or belongs to another sheet.
    """
    secret = _read_key(key)
    names = secret["systems"]
    cast = [vote for path in votes for vote in _read_votes(path, secret)]
    if not cast:
        raise EvaluationError(f"{', '.join(map(str, votes))}: nothing is judged yet")
    systems = {
        name: {
            "claims": _claims([(question, sides[letter]["sentences"]) for question, sides, _ in cast]),
            "verdicts": _verdicts([(question, sides[letter]["verdict"]) for question, sides, _ in cast]),
        }
        for letter, name in names.items()
    }
    return {
        "systems": systems,
        "preference": _preference([(question, chosen) for question, _, chosen in cast if chosen], names),
        "judges": len(votes),
        "questions": len({question for question, _, _ in cast}),
        "of": len(secret["left"]),
    }


def sign_test(wins: int, losses: int) -> float:
    """The two-sided p of so uneven a split when both were equally likely.

    >>> sign_test(9, 1)
    0.021484375
    """
    count, least = wins + losses, min(wins, losses)
    return min(1.0, 2 * sum(comb(count, k) for k in range(least + 1)) / 2**count)


def _claims(judged: Iterable[tuple[str, Sequence[str | None]]]) -> Row:
    """Counts and shares of judged sentences."""
    kept = [(question, [one for one in sentences if one]) for question, sentences in judged]
    counts = Counter(one for _, sentences in kept for one in sentences)
    total = counts.total()
    row: Row = {"judged": total}
    for name in CLAIMS:
        pairs = [(question, sentences.count(name), len(sentences)) for question, sentences in kept]
        row[name] = {"count": counts[name], **_share(pairs)}
    return row


def _verdicts(judged: Iterable[tuple[str, str | None]]) -> Row:
    """Counts and shares of right, partly and wrong."""
    kept = [(question, verdict) for question, verdict in judged if verdict]
    row: Row = {"judged": len(kept)}
    for name in VERDICTS:
        pairs = [(question, int(verdict == name), 1) for question, verdict in kept]
        row[name] = {"count": sum(part for _, part, _ in pairs), **_share(pairs)}
    return row


def _preference(chosen: Sequence[tuple[str, str]], names: dict[str, str]) -> Row:
    """How often each system is preferred, and whether chance would do as much."""
    counts = Counter(choice for _, choice in chosen)
    row: Row = {name: counts[letter] for letter, name in names.items()}
    row |= {"tie": counts["tie"], "both bad": counts["both bad"]}
    pairs = [(question, int(choice == "A"), 1) for question, choice in chosen if choice in names]
    return row | {
        "judged": len(chosen),
        "share": {"of": names["A"], **_share(pairs)},
        "p": round(sign_test(counts["A"], counts["B"]), 4),
    }


def _share(pairs: Sequence[tuple[str, int, int]]) -> Row:
    """Part of whole over (question, part, whole), and its interval; what belongs to a question is drawn together."""
    whole = sum(count for _, _, count in pairs)
    if not whole:
        return {"share": None, "interval": None}
    parts: Counter[str] = Counter()
    wholes: Counter[str] = Counter()
    for question, part, count in pairs:
        parts[question] += part
        wholes[question] += count
    values = np.array([[parts[question], wholes[question]] for question in sorted(wholes)], np.float64)
    low, high = interval(values, ratio)
    return {"share": round(sum(parts.values()) / whole, 4), "interval": [round(low, 4), round(high, 4)]}


def _read_key(path: Path) -> Row:
    """The key of a sheet."""
    key = _read_object(path, "the key that --compare wrote beside the sheet")
    left = key.get("left")
    systems = key.get("systems")
    if not isinstance(left, dict) or not isinstance(systems, dict) or set(systems) != {"A", "B"} or "sheet" not in key:
        raise EvaluationError(f"{path} is no key; name the file that --compare wrote beside the sheet")
    return key


def _read_votes(path: Path, key: Row) -> list[tuple[str, Row, str | None]]:
    """The votes of one judge: question, side of each system by letter, and the preferred letter, a tie or None."""
    saved = _read_object(path, "what the sheet's “Download votes” saves")
    if saved.get("sheet") != key["sheet"]:
        raise EvaluationError(
            f"{path} holds votes on sheet {saved.get('sheet')}, and the key is that of {key['sheet']}"
        )
    try:
        return [_unblinded(question, vote, key["left"][question]) for question, vote in saved["votes"].items()]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise EvaluationError(
            f"{path} is damaged ({type(error).__name__}: {error}); download the votes again"
        ) from error


def _unblinded(question: str, vote: Row, left: str) -> tuple[str, Row, str | None]:
    """One question's vote, by system instead of by side."""
    letters = {"left": left, "right": "B" if left == "A" else "A"}
    for side in letters:
        _allowed(vote[side]["verdict"], VERDICTS)
        for sentence in vote[side]["sentences"]:
            _allowed(sentence, CLAIMS)
    chosen = _allowed(vote["preference"], PREFERENCES)
    return question, {letter: vote[side] for side, letter in letters.items()}, letters.get(chosen or "", chosen)


def _allowed(value: str | None, choices: Sequence[str]) -> str | None:
    """A choice as it is, if it is one."""
    if value is not None and value not in choices:
        raise ValueError(f"{value!r} is none of {', '.join(choices)}")
    return value


def _read_object(path: Path, what: str) -> Row:
    """A JSON object."""
    if not path.is_file():
        raise EvaluationError(f"there is no file {path}; expected {what}")
    return read_object(path, "JSON object", EvaluationError, f"expected {what}")
