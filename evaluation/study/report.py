"""The report of a study: a folder with the figures, two pictures, and the rows as a dataset with its card.

It knows studies, judgements and files; what is counted is in figures.py, what is drawn in picture.py.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.errors import needing
from core.files import replacing, write_json, write_text
from core.outputs import MARK, OutputError, own_folder
from evaluation.errors import EvaluationError
from evaluation.study.figures import SUPPORT, Told, figures
from evaluation.study.folder import Row, Study
from evaluation.study.judgements import Judged, read_judges

CARD, FIGURES, ROWS, WINS, SYSTEMS = "README.md", "report.json", "rows.parquet", "wins.png", "systems.png"


def write_report(study: Study, folder: Path, seed: int = 0) -> tuple[Row, str]:
    """Count what was judged, and write the report.

    Args:
        study: what was judged.
        folder: new, empty, or that of an earlier report.
        seed: of the bootstrap.

    Returns:
        The figures, and the report's text.

    Raises:
        EvaluationError: nothing is judged yet, or a package is missing.
        core.outputs.OutputError: the folder holds other things.
    """
    told = read_told(study)
    if not told:
        raise EvaluationError(
            f"nothing is judged yet in {study.folder}: judge with python app.py --study {study.folder}"
        )
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if strangers := sorted(set(names) - {MARK, CARD, FIGURES, ROWS, WINS, SYSTEMS}):
        raise OutputError(
            f"{folder} holds other files ({', '.join(strangers[:3])}) and is no report; they stay as they are: name an "
            "empty folder or a new one"
        )
    with needing("requirements-dev.txt", "the report", EvaluationError):
        import choix  # noqa: F401
        import krippendorff  # noqa: F401
        from matplotlib.figure import Figure  # noqa: F401

        from evaluation.study.picture import draw_systems, draw_wins
    manifest = study.manifest
    found = {
        "study": study.id,
        "citations": manifest.citations,
        "seed": manifest.seed,
        "made": {name: asdict(system) for name, system in manifest.systems.items()},
    } | figures(told, seed)
    text = as_text(found)
    with own_folder(folder):
        write_json(folder / FIGURES, found)
        draw_wins(found, folder / WINS)
        draw_systems(found, folder / SYSTEMS)
        _write_rows(study, told, folder / ROWS)
        write_text(folder / CARD, _card(found, text))
    return found, text


def read_told(study: Study) -> list[Told]:
    """All judgements of a study with what they are about."""
    return [_told(study, judge, record) for judge in read_judges(study) for record in judge.judgements]


def _told(study: Study, judge: Judged, record: Row) -> Told:
    """One judgement."""
    question, sides = record["question"], (record["left"], record["right"])
    rows = {name: study.answers[name][question] for name in sides}
    return Told(
        judge.name,
        judge.reader,
        study.questions[question],
        *sides,
        record["winner"],
        record["answers"],
        {name: [_automatic(part) for part in row["sentences"]] for name, row in rows.items()},
        {name: len(row["answer"].split()) for name, row in rows.items()},
        record["reason"],
        len({row["answer"] for row in rows.values()}) == 1,
    )


def _automatic(sentence: Row) -> str:
    """The program's label of a sentence; "" for one that only says what the passages lack."""
    return "" if sentence.get("kind") == "lacking" else str(sentence.get("label", ""))


def as_text(found: Row) -> str:
    """The report in Markdown."""
    judges = [f"{one['judge']} ({one['is']}, {one['judgements']})" for one in found["judges"]]
    lines = [
        f"{found['judgements']} judgements of {found['questions']} questions by {', '.join(judges)}; citations were "
        f"{found['citations']}. In brackets, 95% intervals over questions; p by a two-sided sign test over questions. "
        "“One text” counts the questions to which both gave the same words.",
        "",
        "## Which is better",
        "",
        *_wins({"all": found} | found["kinds"]),
    ]
    if found["strengths"]:
        lines += ["", "Bradley–Terry strengths (nats, mean 0):", ""]
        lines += _table(["system", "strength"], [[name, _value(row, 2)] for name, row in found["strengths"].items()])
    lines += ["", "## What is said of the answers", "", *_systems({"all": found} | found["kinds"])]
    lines += ["", "## How far judges agree", ""]
    rows = [[what, _value(row, 2), str(row["units"])] for what, row in found["agreement"].items()]
    lines += _table(["Krippendorff's alpha", "judges", "units that two or more judged"], rows)
    automatic = found["automatic"]
    lines += [
        "",
        f"With the program's own labels: the same for {_share(automatic['same'])} of {automatic['same']['of']} "
        f"sentences, alpha {_value(automatic['alpha'], 2)}.",
        "",
        *_table(
            ["judges say", *(f"labelled {label}" for label in SUPPORT)],
            [[label, *map(str, row.values())] for label, row in automatic["table"].items()],
        ),
        "",
        "## What else sways judges",
        "",
        f"Of the votes for one of the two, {_share(found['position'])} went to the answer on the left (of "
        f"{found['position']['of']}), {_share(found['length'])} to the longer one (of {found['length']['of']}).",
    ]
    return "\n".join(lines) + "\n"


def _wins(parts: dict[str, Row]) -> list[str]:
    """Who wins, over all and of each kind."""
    rows = [
        [
            kind,
            f"{row['first']} over {row['second']}",
            *(str(row[name]) for name in ("wins", "losses", "tie", "both bad", "same_text")),
            _share(row["share"]),
            f"{row['questions_won']} to {row['questions_lost']}, p = {row['p']:.2g}",
        ]
        for kind, own in parts.items()
        for row in own["pairs"]
    ]
    head = ["questions", "", "wins", "losses", "ties", "both bad", "one text", "share, a tie half", "by question"]
    return _table(head, rows)


def _systems(parts: dict[str, Row]) -> list[str]:
    """What is said of each system, over all and of each kind."""
    scales = [name for name in ("coverage", "vital", "nuggets") if _any(parts, name)]
    rows = [
        [
            kind,
            name,
            *(_share(row[label]) for label in SUPPORT),
            *(_value(row[scale], 1) if scale == "coverage" else _share(row[scale]) for scale in scales),
            _value(row["coherence"], 1),
            f"{row['words']['value']:.0f}" if row["answers"] else "–",
        ]
        for kind, own in parts.items()
        for name, row in own["systems"].items()
    ]
    return _table(["questions", "system", *SUPPORT, *scales, "coherence", "words"], rows)


def _any(parts: dict[str, Row], scale: str) -> bool:
    """Whether something was said on a scale."""
    return any(row[scale]["value"] is not None for own in parts.values() for row in own["systems"].values())


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A Markdown table."""
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]


def _share(row: Row) -> str:
    """A share in percent with its interval."""
    if row["value"] is None:
        return "–"
    low, high = row["interval"]
    return f"{100 * row['value']:.0f}% ({100 * low:.0f} to {100 * high:.0f})"


def _value(row: Row, digits: int) -> str:
    """A figure with its interval."""
    if row["value"] is None:
        return "–"
    low, high = row["interval"]
    return f"{row['value']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _write_rows(study: Study, told: list[Told], path: Path) -> None:
    """A row a judgement, as Parquet; of the passages it holds nothing."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    text, number = pa.string(), pa.int64()
    sentence = pa.struct([("text", text), ("judged", text), ("labelled", text)])
    side = pa.struct(
        [
            ("system", text),
            ("run", text),
            ("sentences", pa.list_(sentence)),
            ("coverage", number),
            ("covered", pa.list_(number)),
            ("coherence", number),
            ("words", number),
        ]
    )
    texts = ("study", "judge", "reader", "question_id", "question", "kind", "winner", "reason")
    schema = pa.schema([*((name, text) for name in texts), ("left", side), ("right", side)])
    with replacing(path.resolve()) as part:
        pq.write_table(pa.Table.from_pylist([_row(study, one) for one in told], schema=schema), part)


def _row(study: Study, one: Told) -> Row:
    """A judgement for others to count."""
    answers = []
    for system in (one.left, one.right):
        said = one.answers[system]
        sentences = study.answers[system][one.asked.id]["sentences"]
        answers.append(
            {
                "system": system,
                "run": said["run"],
                "sentences": [
                    {"text": part["text"], "judged": label, "labelled": automatic}
                    for part, label, automatic in zip(sentences, said["sentences"], one.automatic[system], strict=True)
                ],
                "coverage": said.get("coverage"),
                "covered": said.get("covered"),
                "coherence": said["coherence"],
                "words": one.words[system],
            }
        )
    return {
        "study": study.id,
        "judge": one.judge,
        "reader": one.reader,
        "question_id": one.asked.id,
        "question": one.asked.question,
        "kind": one.asked.kind,
        "winner": one.winner,
        "left": answers[0],
        "right": answers[1],
        "reason": one.reason,
    }


def _card(found: Row, text: str) -> str:
    """The dataset's card, on the hub's form, with the report in it."""
    models = [one["judge"] for one in found["judges"] if one["is"] != "person"]
    who = f"Language models, not people: {', '.join(models)}." if models else "All judges are people."
    systems = "".join(f"- **{name}**: {_described(made)}\n" for name, made in found["made"].items())
    return f"""---
license: cc-by-sa-4.0
language: en
pretty_name: A study of long answers
tags:
  - long-form-qa
  - human-feedback
  - evaluation
configs:
  - config_name: default
    data_files:
      - split: test
        path: {ROWS}
---

# A study of answers

{text}
![Who wins]({WINS})

![What is said of the answers]({SYSTEMS})

## The systems

{systems}
## The judges

{who}

## The rows

`{ROWS}`: a row a judgement. `judge`, and what that is in `reader`; `question_id`, `question`, `kind`; `winner`, a
system, “tie” or “both bad”; `left` and `right` as they stood: `system`, `run` (the SHA-256 of the answer's line),
`sentences` (`text`, `judged` by the judge, `labelled` by the program, “” for none), `coverage` (1 to 5) or `covered`
(numbers of the points), `coherence` (1 to 5), `words`; `reason`. `{FIGURES}` has every figure above. The answers quote
English Wikipedia, CC BY-SA 4.0.
"""


def _described(made: dict[str, Any]) -> str:
    """A system in words."""
    if made["file"]:
        return f"the answers of a file, `{made['file']}`, SHA-256 {made['sha256'][:16]}…"
    from core.settings import Settings

    changed = ", ".join(f"{name} {value}" for name, value in Settings(**made["settings"]).changed().items())
    return f"{changed}; index {made['index'] or 'embedded'}"
