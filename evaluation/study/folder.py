"""A study's folder: its manifest, the answers that it shows, and who sees which of them where.

`study.json` says which questions, systems and options; `answers/SYSTEM.jsonl` holds what each system answered, a line a
question; `judgements.jsonl` (judgements.py) what judges said. It knows files and order, nothing of models or pages.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from core.json_lines import json_lines
from core.shapes import read_object, shaped
from data.questions import Nugget
from evaluation.errors import EvaluationError

VERSION = 1
MANIFEST, ANSWERS, JUDGEMENTS = "study.json", "answers", "judgements.jsonl"
Row = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """A question of a study.

    Attributes:
        id: "file/id", unique within the study.
        question: as asked.
        kind: what the report counts together: the file's name and, where that is known, whether passages hold the
            answer.
        written: a person's answer; "" for none.
        answerable: whether the passages hold an answer, by the question file.
        nuggets: the points that a good answer makes; none where the file has none.
    """

    id: str
    question: str
    kind: str
    written: str = ""
    answerable: bool = True
    nuggets: tuple[Nugget, ...] = ()


@dataclass(frozen=True)
class System:
    """What answers: a generator of ours with its settings, or a file of answers from elsewhere.

    Attributes:
        settings: by name; empty for a file.
        index: what is searched, as `--index` names it; "" for the embedded passages.
        file: the file's name; "" for a system of ours.
        sha256: of that file.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    index: str = ""
    file: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class Made:
    """That all answers of a system are there.

    Attributes:
        sha256: of the file of answers.
        card: what was searched, as `Corpus.card` says; empty for a file from elsewhere.
        versions: of Python and the libraries; see `ui.run_card.versions`.
    """

    sha256: str
    card: dict[str, Any]
    versions: dict[str, str]


@dataclass(frozen=True)
class Manifest:
    """What `study.json` holds.

    Attributes:
        program: whose file it is.
        study: the version of this form.
        seed: of the questions drawn, their order, and who stands left.
        citations: "shown": each sentence with the number of its passage and the evidence; "hidden": without, as numbers
            sway votes.
        judges: the only names that may judge; none for anybody.
        questions: drawn.
        systems: by name.
        made: by name, once all answers are there.
    """

    program: Literal["long-form-qa"]
    study: int
    seed: int
    citations: Literal["shown", "hidden"]
    judges: tuple[str, ...]
    questions: tuple[Asked, ...]
    systems: dict[str, System]
    made: dict[str, Made] = field(default_factory=dict)

    @property
    def plan(self) -> Row:
        """Everything but what was made: what a run that goes on must have in common."""
        return {name: value for name, value in asdict(self).items() if name != "made"}


@dataclass(frozen=True)
class Shown:
    """A question as one judge sees it.

    Attributes:
        asked: the question.
        left: the system whose answer stands left.
        right: the other's.
    """

    asked: Asked
    left: str
    right: str

    @property
    def sides(self) -> dict[str, str]:
        """The system of "left" and of "right"."""
        return {"left": self.left, "right": self.right}


@dataclass(frozen=True)
class Study:
    """A study whose answers are all there.

    Attributes:
        folder: where it is.
        manifest: what it is.
        answers: system → question's id → the answer, as `core.records.Answer.to_json` writes it.
        runs: system → question's id → SHA-256 of that answer's line: which run a judgement is about.
    """

    folder: Path
    manifest: Manifest
    answers: Mapping[str, Mapping[str, Row]]
    runs: Mapping[str, Mapping[str, str]]

    @cached_property
    def id(self) -> str:
        """Names the study by its content: questions, systems and answers."""
        content = json.dumps([self.manifest.plan, self.runs], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @cached_property
    def questions(self) -> dict[str, Asked]:
        """By id."""
        return {asked.id: asked for asked in self.manifest.questions}

    @cached_property
    def pairs(self) -> dict[str, tuple[str, str]]:
        """Which two systems each question is shown with: all pairs take turns, so each gets as many questions."""
        pairs = list(itertools.combinations(self.manifest.systems, 2))
        return {asked.id: pairs[place % len(pairs)] for place, asked in enumerate(self.manifest.questions)}

    def order(self, judge: str) -> list[Shown]:
        """The questions as a judge sees them: shuffled, and of each pair either system left half of the time."""
        draw = random.Random(f"{self.manifest.seed} {judge}")
        turned: dict[str, bool] = {}
        for pair in sorted(set(self.pairs.values())):
            ids = [question for question, own in self.pairs.items() if own == pair]
            sides = [place % 2 == 0 for place in range(len(ids))]
            draw.shuffle(sides)
            turned |= dict(zip(ids, sides, strict=True))
        ids = list(self.pairs)
        draw.shuffle(ids)
        return [Shown(self.questions[each], *self.pairs[each][:: -1 if turned[each] else 1]) for each in ids]

    def shown(self, judge: str, question: str) -> Shown:
        """One question as a judge sees it.

        Raises:
            EvaluationError: it is none of the study.
        """
        for each in self.order(judge):
            if each.asked.id == question:
                return each
        raise EvaluationError(f"the study {self.folder} has no question {question!r}; name one of those that it shows")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a study.

    Raises:
        EvaluationError: there is none, it is damaged, or of another version.
    """
    path = folder / MANIFEST
    cure = "name a folder that “python -m evaluation.study new” made"
    if not path.is_file():
        raise EvaluationError(f"{folder} is no study (it has no {MANIFEST}); {cure}")
    facts = read_object(path, "manifest of a study", EvaluationError, cure)
    if facts.get("program") == "long-form-qa" and isinstance(facts.get("study"), int) and facts["study"] != VERSION:
        raise EvaluationError(
            f"{path} is a study of version {facts['study']}; this program reads version {VERSION}: use the program "
            "that made it, or make the study anew in another folder"
        )
    try:
        return shaped(facts, Manifest)
    except ValueError as error:
        raise EvaluationError(f"{path} is no manifest of a study ({error}); {cure}") from error


def open_study(folder: Path) -> Study:
    """A study whose answers are all there, and are those that were made.

    Raises:
        EvaluationError: it is no study, not finished, or its answers were changed.
    """
    manifest = read_manifest(folder)
    missing = [name for name in manifest.systems if name not in manifest.made]
    if missing:
        raise EvaluationError(
            f"the study {folder} lacks answers of {', '.join(missing)}: run the command that made it again, it goes on"
        )
    answers, runs = {}, {}
    for name in manifest.systems:
        path = answers_path(folder, name)
        rows = _rows(path, manifest.questions)
        if hashlib.sha256(path.read_bytes()).hexdigest() != manifest.made[name].sha256:
            raise EvaluationError(f"{path} is not what was made for this study: bring back the file, or make it anew")
        answers[name] = {row["id"]: row for row in rows}
        runs[name] = {row["id"]: run_of(row) for row in rows}
    return Study(folder, manifest, answers, runs)


def answers_path(folder: Path, system: str) -> Path:
    """Where the answers of a system are."""
    return folder / ANSWERS / f"{system}.jsonl"


def run_of(row: Row) -> str:
    """What names an answer: the SHA-256 of its line."""
    return hashlib.sha256(json.dumps(row, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _rows(path: Path, questions: Sequence[Asked]) -> list[Row]:
    """The answers of a file.

    Raises:
        EvaluationError: it is missing or damaged, or answers other questions than the study's.
    """
    cure = "; bring back the file, or make the study anew in another folder"
    if not path.is_file():
        raise EvaluationError(f"there is no file {path}{cure}")
    rows = []
    for place, row in json_lines(path, EvaluationError, cure):
        if not isinstance(row, dict) or not isinstance(row.get("sentences"), list) or "answer" not in row:
            raise EvaluationError(f"{place}: no answer of a study{cure}")
        rows.append(row)
    told, wanted = [(row.get("id"), row.get("question")) for row in rows], [(q.id, q.question) for q in questions]
    if told != wanted:
        first = next((row[1] for row, own in itertools.zip_longest(told, wanted) if row != own and row), "nothing")
        raise EvaluationError(f"{path} answers other questions than the study's, such as “{first}”{cure}")
    return rows
