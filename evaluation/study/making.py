"""Making a study: questions are drawn, every system answers them, and a run that ended early goes on.

It knows question files, `LongFormQA` and files of answers. It knows nothing of judges.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from batch import asked, keeping_lines
from core.errors import UserError, first_line
from core.files import file_sha256, write_json
from core.outputs import own_folder
from core.records import QuestionError, check_question, read_texts
from core.sentences import split_sentences
from core.settings import Settings
from data.questions import Question, load_questions
from evaluation.answer_files import read_passages, read_rows
from evaluation.errors import EvaluationError
from evaluation.study.folder import MANIFEST, VERSION, Asked, Made, Manifest, System, answers_path, read_manifest
from ui.run_card import versions

if TYPE_CHECKING:
    from generator.judging import Judge
    from qa import LongFormQA

Row = dict[str, Any]
Load = Callable[[str], "LongFormQA"]
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,39}")
_SPEC = "NAME, NAME=setting=value,… such as extractive=generator=extractive, or NAME=FILE of answers"


def make(folder: Path, manifest: Manifest, files: Mapping[str, Path], load: Load) -> Manifest:
    """Make a study, or what an earlier run of the same plan left to make.

    Args:
        folder: where; new, empty, or that of the earlier run.
        manifest: the plan.
        files: of the systems that are files, by name.
        load: an index → the system that searches it; called for what is yet to be answered only.

    Returns:
        The manifest as it was written.

    Raises:
        EvaluationError: the folder holds a study of another plan, a system fails, or a file lacks an answer.
        core.outputs.OutputError: the folder holds other things, or another process makes it.
    """
    with own_folder(folder):
        if (folder / MANIFEST).exists():
            begun = read_manifest(folder)
            if differing := [name for name, value in begun.plan.items() if value != manifest.plan[name]]:
                raise EvaluationError(
                    f"{folder} holds a study with other {', '.join(differing)}: name another folder, or give what that "
                    "one was made with to go on"
                )
            manifest = begun
        elif others := sorted(path.name for path in folder.iterdir() if path.name != "run.json"):
            raise EvaluationError(f"{folder} holds other things ({others[0]}, …); name an empty folder or a new one")
        write_json(folder / MANIFEST, asdict(manifest))
        load = cache(load)
        for name, system in manifest.systems.items():
            if name in manifest.made:
                continue
            card = (
                _copied(folder, name, system, manifest.questions, files[name], load)
                if system.file
                else _answered(folder, name, system, manifest.questions, load)
            )
            made = Made(file_sha256(answers_path(folder, name)), card, versions())
            manifest = replace(manifest, made=manifest.made | {name: made})
            write_json(folder / MANIFEST, asdict(manifest))
    return manifest


def plan(
    questions: Sequence[str],
    systems: Mapping[str, System],
    number: int = 40,
    seed: int = 0,
    citations: str = "shown",
    judges: Sequence[str] = (),
) -> Manifest:
    """Everything that is fixed before the first answer.

    Args:
        questions: splits or files of questions; see `data.questions.load_questions`.
        systems: two or more, by name.
        number: how many questions of each kind are drawn, at most all.
        seed: of the draw, the order and the sides.
        citations: "shown" or "hidden".
        judges: the only names that may judge; none for anybody.

    Raises:
        EvaluationError: there are too few systems or questions, or two judges have one name.
        data.questions.QuestionSetError: a file of questions is empty or broken.
    """
    if len(systems) < 2:
        raise EvaluationError(f"a study compares two systems or more, {len(systems)} given: {_SPEC}")
    if number < 1:
        raise EvaluationError(f"the number of questions is {number}; allowed is 1 and more")
    if twice := [name for name, count in Counter(map(folded, judges)).items() if count > 1]:
        raise EvaluationError(f"two judges are called {twice[0]!r}: give each a name of their own")
    drawn = tuple(_drawn(questions, number, seed))
    return Manifest("long-form-qa", VERSION, seed, citations, tuple(judges), drawn, dict(systems))  # type: ignore[arg-type]


def folded(name: str) -> str:
    """A judge's name, as two of them are compared."""
    return " ".join(name.casefold().split())


def read_systems(specs: Sequence[str]) -> tuple[dict[str, System], dict[str, Path]]:
    """Systems as the command line names them.

    Returns:
        The systems by name, and the files of those that are files.

    Raises:
        EvaluationError: a name is taken or cannot be one, or there is no such file.
        core.errors.SettingsError: a setting is unknown or out of range.

    >>> read_systems(["short=max_words=60"])[0]["short"].settings["max_words"]
    60
    """
    systems: dict[str, System] = {}
    files: dict[str, Path] = {}
    for spec in specs:
        name, _, rest = spec.partition("=")
        if not _NAME.fullmatch(name):
            raise EvaluationError(
                f"{name!r} cannot name a system: letters, digits, “.”, “-” and “_” are allowed, 40 at most; "
                f"give {_SPEC}"
            )
        if name.casefold() in map(str.casefold, systems):
            raise EvaluationError(f"two systems are called {name}: give each a name of its own")
        if rest and "=" not in rest:
            files[name] = Path(rest)
            read_rows(files[name])
            systems[name] = System(file=files[name].name, sha256=file_sha256(files[name]))
        else:
            systems[name] = _ours(spec, rest)
    return systems, files


def _ours(spec: str, rest: str) -> System:
    """A generator of ours with its settings."""
    values = dict(part.partition("=")[::2] for part in rest.split(",") if part)
    unknown = sorted(set(values) - set(Settings().to_json()))
    if unknown:
        raise EvaluationError(
            f"{spec!r}: there is no setting {unknown[0]!r}; settings are {', '.join(Settings().to_json())}"
        )
    index = values.pop("index", "")
    return System(Settings.parse(values).to_json(), index)


def _drawn(files: Sequence[str], number: int, seed: int) -> Iterator[Asked]:
    """Questions drawn from files, so many of each kind, in the order of the files."""
    kinds: dict[str, list[Asked]] = {}
    seen: set[str] = set()
    for file in dict.fromkeys(files):
        name = Path(file).stem
        for question in load_questions(file, required=("question",)):
            each = _asked(name, question)
            if each.id in seen:
                raise EvaluationError(f"{file} has the id {question.id} twice: give each question its own")
            seen.add(each.id)
            kinds.setdefault(each.kind, []).append(each)
    draw = random.Random(seed)
    for own in kinds.values():
        yield from draw.sample(own, min(number, len(own)))


def _asked(file: str, question: Question) -> Asked:
    """A question of a file as the study has it."""
    holds = {"": "", "no": ", not held"}.get(question.holds, ", held")
    return Asked(
        f"{file}/{question.id}",
        check_question(question.question),
        file + holds,
        question.answer,
        question.answerable,
        question.nuggets,
    )


def _answered(folder: Path, name: str, system: System, questions: Sequence[Asked], load: Load) -> Row:
    """Let a system of ours answer what is left; the card of what it searched."""
    settings = Settings(**system.settings)

    def answer(question: Asked) -> Row:
        try:
            return load(system.index).ask(question.question, settings).to_json()
        except QuestionError as error:
            return {"answer": "", "answerable": False, "sentences": [], "passages": [], "error": str(error)}

    _kept(folder, name, questions, settings.to_json(), answer)
    return load(system.index).card()


def _copied(folder: Path, name: str, system: System, questions: Sequence[Asked], file: Path, load: Load) -> Row:
    """Take the answers of a file; sentences that nobody traced to the passages yet are traced here."""
    rows = {asked(row["question"]).casefold(): (place, row) for place, row in read_rows(file)}
    missing = [each.question for each in questions if each.question.casefold() not in rows]
    if missing:
        raise EvaluationError(
            f"{file} lacks answers to {len(missing)} of the {len(questions)} questions drawn, such as “{missing[0]}”: "
            "name the file that was asked with these questions"
        )

    def answer(question: Asked) -> Row:
        place, row = rows[question.question.casefold()]
        passages = [
            {"rank": rank, "title": title, "text": text, "read": True}
            for rank, (title, text) in read_passages(row, place).items()
        ]
        sentences = row.get("sentences")
        if not isinstance(sentences, list) or not all(isinstance(each, dict) and "text" in each for each in sentences):
            sentences = _traced(str(row["answer"]), passages, lambda: load("").judge)
        kept = {"answer": str(row["answer"]), "answerable": bool(row.get("answerable", True))}
        return kept | {"passages": row.get("passages") or [], "sentences": sentences}

    _kept(folder, name, questions, {"file": system.file, "sha256": system.sha256}, answer)
    return {}


def _traced(text: str, passages: Sequence[Row], judge: Callable[[], Judge]) -> list[Row]:
    """The sentences of an answer with their evidence; without passages, only the sentences."""
    if not passages:
        return [{"text": sentence, "kind": "written", "label": ""} for sentence in split_sentences(text)]
    from generator.judging import trace

    found = read_texts([part["text"] for part in passages], [part["title"] for part in passages])
    return [sentence.to_json() for sentence in trace(text, found, judge())]


def _kept(folder: Path, name: str, questions: Sequence[Asked], settings: Row, answer: Callable[[Asked], Row]) -> None:
    """Write a file of answers, a line a question, from where an earlier run stopped."""
    starts: list[Row] = [{"id": each.id, "question": each.question} for each in questions]
    with keeping_lines(answers_path(folder, name), starts, settings) as kept:
        done = len(kept.rows)
        with tqdm(total=len(questions), initial=done, desc=name, unit="answer") as bar:
            for each, start in zip(questions[done:], starts[done:], strict=True):
                try:
                    row = answer(each)
                except (KeyboardInterrupt, SystemExit):
                    raise
                except Exception as error:  # a system may fail in any way; what it answered before is kept
                    said = str(error) if isinstance(error, UserError) else first_line(error)
                    raise EvaluationError(
                        f"the system {name} failed at question {len(kept.rows) + 1} of {len(questions)}, "
                        f"“{each.question}”: {said}. The answers before it are kept; run the same command again "
                        "to go on"
                    ) from error
                own = {key: value for key, value in row.items() if key != "question"}
                kept.add(start | own | {"settings": settings})
                bar.update()
