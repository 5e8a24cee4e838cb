"""A finished answer that was kept as JSON, in a browser or as a snapshot, read back as the record that it was made of.

It comes from outside: every field is checked, and nothing of it is taken for HTML. It knows answers and JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from core.errors import UserError
from core.records import Answer, Found, Holds, Kind, Passage, Place, ReadStatus, Retrieved, Selection, Sentence
from core.settings import DEFAULTS, Settings
from ui.bounds import LARGEST_KEPT


class StoredError(UserError):
    """What was kept is no answer of this page; the message says what to do."""


@dataclass(frozen=True)
class Stored:
    """An answer as it was.

    Attributes:
        answer: finished.
        run: names it for ratings; "" where nobody may rate it.
        time: when it was finished, in ISO 8601.
    """

    answer: Answer
    run: str
    time: str


@dataclass
class _Passage:
    title: str
    section: str
    url: str
    text: str
    score: float
    status: ReadStatus
    read_text: str = ""


@dataclass
class _Sentence:
    text: str
    kind: Kind
    support: float
    label: str
    passage: int | None
    evidence: str
    origin: Annotated[list[Place], Field(alias="from")] = field(default_factory=list)


@dataclass
class _Answer:
    question: str
    answer: str
    answerable: bool
    holds: Holds
    confidence: float | None
    passages: list[_Passage]
    sentences: list[_Sentence]
    settings: dict[str, Any]
    seconds: dict[str, float]
    score_name: str
    note: str
    stopped: bool
    time: datetime
    run: str = ""


def read_stored(text: str) -> Stored:
    """The answer that a JSON object holds, as `Answer.to_json` makes it, with its "time" and perhaps its "run".

    Raises:
        StoredError: it is too long, no JSON, or not of that shape.
    """
    if len(text) > LARGEST_KEPT:
        raise StoredError(
            f"The kept answer has {len(text):,} characters, more than {LARGEST_KEPT:,}: ask the question again."
        )
    try:
        kept = TypeAdapter(_Answer).validate_json(text)
        settings = Settings.parse({name: kept.settings[name] for name in DEFAULTS if name in kept.settings})
    except (ValidationError, UserError) as error:
        raise StoredError("What was kept is no answer of this version of the page: ask the question again.") from error
    found = tuple(_found(rank, part) for rank, part in enumerate(kept.passages, 1))
    selection = (
        None
        if kept.confidence is None
        else Selection(kept.holds, kept.confidence, kept.confidence, kept.confidence, ())
    )
    answer = Answer(
        Retrieved(kept.question, found, None, kept.score_name, selection=selection),
        settings,
        "done",
        kept.answer,
        tuple(_sentence(each, len(found)) for each in kept.sentences),
        kept.answerable,
        kept.seconds,
        kept.note,
        kept.stopped,
    )
    return Stored(answer, kept.run, kept.time.isoformat())


def _found(rank: int, part: _Passage) -> Found:
    passage = Passage(str(rank), part.title, part.section, part.text, part.url)
    read = {"read": part.text, "cut": part.read_text, "not read": ""}[part.status]
    return Found(rank, passage, part.score, part.status, read)


def _sentence(part: _Sentence, passages: int) -> Sentence:
    """A sentence; what names a passage that is not there rests on none."""
    known = part.passage is not None and 1 <= part.passage <= passages
    passage, evidence = (part.passage, part.evidence) if known else (None, "")
    return Sentence(part.text, part.kind, tuple(part.origin), part.support, part.label, passage, evidence)
