"""A study for readers without a browser: what a judge sees as a text, and judgements from a file of JSON lines.

The text tells no more than the page does. It knows judgements and files.
"""

from __future__ import annotations

import json
from pathlib import Path

from core.json_lines import json_lines
from core.outputs import beginning, check_apart, write_own_text
from evaluation.errors import EvaluationError
from evaluation.study.folder import JUDGEMENTS, MANIFEST, Row, Shown, Study, answers_path
from evaluation.study.judgements import (
    PREFERENCES,
    SUPPORT,
    JudgementError,
    checked_name,
    judgement,
    writing,
)
from evaluation.study.sheet import COHERENCE, COVERAGE, HOW, passages_read

_TITLE = "Which answer is better?"
_OURS = beginning(_TITLE.encode())


def export(study: Study, judge: str) -> str:
    """All questions in a judge's order, with what to write of each.

    Args:
        study: what is judged.
        judge: who; the order and the sides are this judge's.

    Raises:
        JudgementError: the name cannot be one.
    """
    judge = checked_name(judge)
    order = study.order(judge)
    parts = [_item(study, shown, f"{number} of {len(order)}") for number, shown in enumerate(order, 1)]
    return "\n\n".join([_instructions(order[0], judge), *parts]) + "\n"


def write_export(study: Study, judge: str, output: Path) -> None:
    """Write the text into a file, which replaces only one of the same kind."""
    answers = [answers_path(study.folder, system) for system in study.manifest.systems]
    write_own_text(output, export(study, judge), _OURS, study.folder / MANIFEST, study.folder / JUDGEMENTS, *answers)


def _instructions(first: Shown, judge: str) -> str:
    """What a reader is to do."""
    side = {"sentences": ["supported", "partly"], "coverage": 4, "coherence": 3}
    if first.asked.nuggets:
        side = {"sentences": ["supported", "partly"], "covered": [1, 3], "coherence": 3}
    line = {"question": first.asked.id, "preference": "left", "left": side, "right": side, "reason": "…"}
    return (
        f"{_TITLE} For {judge}. Two answers to each question; whose they are is not said.\n\n"
        f"Write one JSON object a line, for each question:\n{json.dumps(line, ensure_ascii=False)}\n\n"
        f"preference: {', '.join(PREFERENCES)}. sentences: one of {', '.join(SUPPORT)} for each, in order. {HOW}\n"
        f"coverage: {COVERAGE}. coherence: {COHERENCE}. Where points are listed, “covered” has the numbers of those "
        "that the answer makes, and there is no coverage. reason: may be empty."
    )


def _item(study: Study, shown: Shown, place: str) -> str:
    """A question, its passages, and both answers."""
    passages, numbers = passages_read(study, shown)
    lines = [f"===== {place}: {shown.asked.id}", f"QUESTION: {shown.asked.question}"]
    lines += [f"WRITTEN BY A PERSON: {shown.asked.written}"] * bool(shown.asked.written)
    lines += [f"PASSAGE {number}, {title}: {text}" for number, (title, text) in enumerate(passages, 1)]
    lines += [
        f"POINT {number}{'' if nugget.vital else ' (not vital)'}: {nugget.text}"
        for number, nugget in enumerate(shown.asked.nuggets, 1)
    ]
    for side, system in shown.sides.items():
        sentences = study.answers[system][shown.asked.id]["sentences"]
        lines.append(f"{side.upper()}:" + ("" if sentences else " (no answer)"))
        lines += [
            f"  {number}. {sentence['text']}{_cited(study, sentence, numbers[side])}"
            for number, sentence in enumerate(sentences, 1)
        ]
    return "\n".join(lines)


def _cited(study: Study, sentence: Row, numbers: dict[int, int]) -> str:
    """The passage that is named for a sentence, where citations are shown."""
    number = numbers.get(sentence.get("passage") or 0)
    return f" [{number or '-'}]" if study.manifest.citations == "shown" else ""


def take(study: Study, judge: str, reader: str, file: Path) -> int:
    """Store the judgements of a file, all or none.

    Args:
        study: what they are about.
        judge: who gave them.
        reader: "person" or "language model".
        file: JSON lines, as the export describes.

    Returns:
        How many were stored.

    Raises:
        EvaluationError: a line is no judgement of this study, a question is judged twice, or the name is somebody's.
    """
    judge = checked_name(judge)
    check_apart(study.folder / JUDGEMENTS, file)
    if not file.is_file():
        raise EvaluationError(f"there is no file {file}; write one as “export” describes")
    shown = {each.asked.id: each for each in study.order(judge)}
    taken: dict[str, Row] = {}
    for place, row in json_lines(file, EvaluationError):
        if not isinstance(row, dict) or row.get("question") not in shown:
            given = row.get("question") if isinstance(row, dict) else row
            raise EvaluationError(
                f"{place}: {given!r} is no question of this study; expected lines like "
                f'{{"question": "{next(iter(shown))}", "preference": …, "left": …, "right": …}}'
            )
        if row["question"] in taken:
            raise EvaluationError(f"{place}: {row['question']} is judged a second time; keep one of the lines")
        try:
            taken[row["question"]] = judgement(study, shown[row["question"]], row)
        except JudgementError as error:
            raise EvaluationError(f"{place}, {row['question']}: {error}") from error
    if not taken:
        raise EvaluationError(f"{file} holds no judgements; write one a line as “export” describes")
    with writing(study) as judgements:
        judged = judgements.begin(judge, reader)
        if judged.key or judged.reader != reader or set(judged.said) & set(taken):
            raise EvaluationError(
                f"{judged.name} has judged this study already ({len(judged.judgements)} questions, as a "
                f"{judged.reader}): give the judge of this file another name"
            )
        for question, told in taken.items():
            judgements.add(judged, "judgement", question, **{k: v for k, v in told.items() if k != "question"})
    return len(taken)
