"""What judges say: checked records, appended to the study's `judgements.jsonl`, each on the disk before it counts.

Kinds of lines: "judge" (a name is taken), "draft" (choices so far), "judgement", "skip", "undo" (the last one is taken
back). Later lines stand over earlier ones. It knows records and the file, nothing of pages.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from core.outputs import append_line, sole_writer
from core.records import NOT_SUPPORTED, PARTLY, SUPPORTED
from core.texts import as_given, mended
from evaluation.errors import EvaluationError
from evaluation.study.folder import JUDGEMENTS, Row, Shown, Study
from evaluation.study.making import folded

SUPPORT = (SUPPORTED, PARTLY, NOT_SUPPORTED)
PREFERENCES = ("left", "right", "tie", "both bad")
SCALE = (1, 2, 3, 4, 5)
PERSON, MODEL = "person", "language model"
LONGEST_NAME, LONGEST_REASON = 60, 2000
_KINDS = ("judge", "draft", "judgement", "skip", "undo")


class JudgementError(EvaluationError):
    """A judgement cannot be taken as it stands; the message says why and what to do."""


@dataclass
class Judged:
    """What one judge has said so far.

    Attributes:
        name: as first given.
        key: SHA-256 of what only this judge's browser knows; "" for judgements that were imported.
        reader: "person" or "language model".
        said: question's id → its judgement or skip, in the order in which they were said.
        drafts: question's id → the choices so far.
    """

    name: str
    key: str = ""
    reader: str = PERSON
    said: dict[str, Row] = field(default_factory=dict)
    drafts: dict[str, Row] = field(default_factory=dict)

    @property
    def judgements(self) -> list[Row]:
        """Without what was skipped."""
        return [record for record in self.said.values() if record["kind"] == "judgement"]

    def take(self, record: Row) -> None:
        """Let a later line stand over the earlier ones."""
        question = record["question"]
        if record["kind"] == "draft":
            self.drafts[question] = record["values"]
        elif record["kind"] == "undo":
            self.said.pop(question, None)
        else:
            self.said.pop(question, None)
            self.said[question] = record


def judgement(study: Study, shown: Shown, values: Mapping[str, Any]) -> Row:
    """A checked judgement of one question, without who gave it.

    Args:
        study: what it belongs to.
        shown: the question, and which system stood where for this judge.
        values: {"preference": one of `PREFERENCES`, "left" and "right": {"sentences": [one of `SUPPORT` each],
            "coverage": 1 to 5, or where the question has nuggets "covered": [numbers from 1], "coherence": 1 to 5},
            "reason": …}.

    Raises:
        JudgementError: something is missing or not allowed; all that is missing is named.
    """
    missing: list[str] = []
    answers = {}
    for side, system in shown.sides.items():
        given = values.get(side)
        if not isinstance(given, Mapping):
            raise JudgementError(f"“{side}” is {as_given(given)}; expected an object with sentences and coherence")
        answers[system] = {"run": study.runs[system][shown.asked.id]} | _answer(study, shown, side, given, missing)
    preference = _one_of("the better answer", values.get("preference"), PREFERENCES, missing)
    if missing:
        raise JudgementError(f"Not yet judged: {', '.join(missing)}.")
    reason = values.get("reason", "")
    if not isinstance(reason, str) or len(reason) > LONGEST_REASON:
        raise JudgementError(f"The reason is {as_given(reason)}; give a text of up to {LONGEST_REASON:,} characters.")
    return {
        "question": shown.asked.id,
        "left": shown.left,
        "right": shown.right,
        "winner": shown.sides.get(str(preference), preference),
        "answers": answers,
        "reason": mended(reason.strip()),
    }


def _answer(study: Study, shown: Shown, side: str, given: Mapping[str, Any], missing: list[str]) -> Row:
    """What is said of one answer."""
    where = f"answer {1 + (side == 'right')}"
    sentences, labels = study.answers[shown.sides[side]][shown.asked.id]["sentences"], given.get("sentences") or []
    if not isinstance(labels, list) or len(labels) > len(sentences):
        raise JudgementError(f"{where} has {len(sentences)} sentences; {as_given(labels)} given for them")
    labels = [*labels, *[None] * (len(sentences) - len(labels))]
    row: Row = {
        "sentences": [
            _one_of(f"sentence {number} of {where}", label, SUPPORT, missing) for number, label in enumerate(labels, 1)
        ]
    }
    if nuggets := shown.asked.nuggets:
        covered = given.get("covered", [])
        if not isinstance(covered, list) or not all(type(n) is int and 1 <= n <= len(nuggets) for n in covered):
            raise JudgementError(
                f"“covered” of {where} is {as_given(covered)}; allowed are numbers 1 to {len(nuggets)}"
            )
        row["covered"] = sorted(set(covered))
    else:
        row["coverage"] = _one_of(f"coverage of {where}", given.get("coverage"), SCALE, missing)
    return row | {"coherence": _one_of(f"coherence of {where}", given.get("coherence"), SCALE, missing)}


def _one_of(what: str, value: Any, allowed: tuple[Any, ...], missing: list[str]) -> Any:  # noqa: ANN401 - from outside
    """A value that is allowed; where there is none, `missing` gets its name."""
    if value in (None, ""):
        missing.append(what)
    elif isinstance(value, bool) or value not in allowed:
        raise JudgementError(f"{what} is {as_given(value)}; allowed are {', '.join(map(str, allowed))}")
    return value


class Judgements:
    """The file of judgements, opened by the one process that writes it; see `writing`."""

    def __init__(self, study: Study, path: Path, file: BinaryIO) -> None:
        """Read what was said before; a last line that a kill cut short was never acknowledged and goes."""
        self.study, self._path, self._file, self._lock = study, path, file, threading.Lock()
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.ftruncate(file.fileno(), whole)
        self.judges = _judges(path, study, content[:whole])

    def enter(self, name: str, key: str = "") -> tuple[Judged, str]:
        """A judge comes, or comes back.

        Args:
            name: as given.
            key: what the judge was given the first time; "" the first time.

        Returns:
            The judge, and the key to come back with.

        Raises:
            JudgementError: the name cannot be one, is not invited, or is somebody else's.
        """
        name = checked_name(name)
        with self._lock:
            known, given = self.judges.get(folded(name)), hashlib.sha256(key.encode()).hexdigest()
            if known and not (key and secrets.compare_digest(known.key, given)):
                raise JudgementError(
                    f"{known.name} is judging this study already. If that is you, open the address at which you began; "
                    "if not, give another name."
                )
            if known:
                return known, key
            invited = {folded(each) for each in self.study.manifest.judges}
            if invited and folded(name) not in invited:
                raise JudgementError(f"{name} is not among the judges of this study: give the name that you were told.")
            key = secrets.token_urlsafe(16)
            return self._begin(name, hashlib.sha256(key.encode()).hexdigest(), PERSON), key

    def begin(self, name: str, reader: str) -> Judged:
        """A judge whose judgements come from a file."""
        with self._lock:
            return self.judges.get(folded(name)) or self._begin(name, "", reader)

    def _begin(self, name: str, key: str, reader: str) -> Judged:
        self._append({"kind": "judge", "judge": name, "key": key, "reader": reader})
        judged = self.judges[folded(name)] = Judged(name, key, reader)
        return judged

    def add(self, judge: Judged, kind: str, question: str, **fields: Any) -> Row:  # noqa: ANN401 - of the record
        """Store what a judge says of a question; when this returns, it is on the disk."""
        with self._lock:
            record = self._append({"kind": kind, "judge": judge.name, "question": question} | fields)
            judge.take(record)
            return record

    def _append(self, record: Row) -> Row:
        """Add a line."""
        head = {"kind": record["kind"], "id": uuid.uuid4().hex, "time": datetime.now(UTC).isoformat(timespec="seconds")}
        line = head | {"study": self.study.id} | record
        append_line(self._file, line, self._path)
        return line


@contextmanager
def writing(study: Study) -> Iterator[Judgements]:
    """The judgements of a study, for this process alone to add to.

    Raises:
        EvaluationError: the file holds something else, or belongs to another study.
        core.outputs.OutputError: another process writes it.
    """
    path = study.folder / JUDGEMENTS
    with sole_writer(path) as file:
        yield Judgements(study, path, file)


def read_judges(study: Study) -> list[Judged]:
    """What was said so far, also while a page serves the study; in the order in which judges came.

    Raises:
        EvaluationError: the file holds something else, or belongs to another study.
    """
    path = study.folder / JUDGEMENTS
    content = path.read_bytes() if path.is_file() else b""
    return list(_judges(path, study, content[: content.rfind(b"\n") + 1]).values())


def _check_whole(study: Study, record: Row) -> None:
    """See that a stored judgement is as `judgement` makes them, about the very answers of the study.

    Raises:
        ValueError, KeyError, TypeError: it is not.
        EvaluationError: the answers are others.
    """
    question, sides = record["question"], {record["left"], record["right"]}
    if sides != set(study.pairs[question]) or record["winner"] not in {*sides, *PREFERENCES[2:]}:
        raise ValueError(f"{sides} and winner {record['winner']!r}")
    for name in sides:
        answer, row = record["answers"][name], study.answers[name][question]
        if answer["run"] != study.runs[name][question] or len(answer["sentences"]) != len(row["sentences"]):
            raise EvaluationError(
                f"{record['judge']} judged another answer of {name} to {question} than the study has: bring it back"
            )
        scale = set(range(1, len(study.questions[question].nuggets) + 1)) if "covered" in answer else set(SCALE)
        said = answer["covered"] if "covered" in answer else [answer["coverage"]]
        if not set(said) <= scale or answer["coherence"] not in SCALE or not set(answer["sentences"]) <= set(SUPPORT):
            raise ValueError(f"what is said of {name}")
    if not isinstance(record["reason"], str):
        raise TypeError("reason")


def checked_name(name: object) -> str:
    """A judge's name.

    Raises:
        JudgementError: it is empty or too long.
    """
    tidy = " ".join(mended(name).split()) if isinstance(name, str) else ""
    if not tidy or len(tidy) > LONGEST_NAME:
        raise JudgementError(f"The name is {as_given(name)}; give one of 1 to {LONGEST_NAME} characters.")
    return tidy


def _judges(path: Path, study: Study, content: bytes) -> dict[str, Judged]:
    """Judges by folded name, of whole lines.

    Raises:
        EvaluationError: a line is no record, or one about other answers.
    """
    judges: dict[str, Judged] = {}
    for number, line in enumerate(content.splitlines(), 1):
        try:
            record = json.loads(line)
            kind, name = record["kind"], folded(record["judge"])
            if kind not in _KINDS:
                raise ValueError(f"kind {kind!r}")
            if record["study"] != study.id:
                raise EvaluationError(
                    f"{path}, line {number}: a judgement of other answers (study {record['study']}, this one is "
                    f"{study.id}): bring back the file of this study"
                )
            if kind == "judge":
                judges[name] = Judged(record["judge"], record["key"], record["reader"])
            elif record["question"] not in study.questions:
                raise ValueError(f"question {record['question']!r}")
            else:
                if kind == "judgement":
                    _check_whole(study, record)
                judges[name].take(record)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise EvaluationError(
                f"{path}, line {number}: no judgement of this study ({type(error).__name__}: {error}); "
                "take the line out, or bring back the file"
            ) from error
    return judges
