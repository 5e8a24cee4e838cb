"""The record of a training run, a JSON object a line, and its picture.

It knows numbers and files. Rows written after the step that a run resumes from are dropped, so that the record of an
interrupted run is that of an uninterrupted one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.files import write_text
from core.texts import json_values


class TrainingLog:
    """Rows of one run in a JSONL file, each with its "step"."""

    def __init__(self, path: Path, resume_step: int | None = None) -> None:
        """Open a record.

        Args:
            path: the file; its folder is made.
            resume_step: keep the rows up to this step; None starts anew.
        """
        self.path = path
        rows = [] if resume_step is None or not path.is_file() else read_log(path)
        self.rows = [row for row in rows if row["step"] <= (resume_step or 0)]
        write_text(path, "".join(json.dumps(row) + "\n" for row in self.rows))

    def add(self, step: int, **values: float) -> None:
        """Append a row."""
        row = {"step": step} | values
        self.rows.append(row)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def read_log(path: Path) -> list[dict[str, Any]]:
    """The rows of a record; from the first line on that is none, such as one that a kill cut, they are left out."""
    rows: list[dict[str, Any]] = []
    for _, row, _ in json_values(path):
        if not isinstance(row, dict) or type(row.get("step")) is not int:
            break
        rows.append(row)
    return rows


def plot_log(rows: Sequence[Mapping[str, Any]], path: Path, panels: Mapping[str, Sequence[str]], title: str) -> None:
    """Draw a run as PNG: one panel for each key of `panels`, with a curve over steps for each of its fields.

    Args:
        rows: of a `TrainingLog`; a field need not be in every row.
        path: the picture to write.
        panels: label of the vertical axis → names of fields.
        title: above the picture.

    Example:
        `plot_log(log.rows, folder / "loss.png", {"loss": ["loss"], "held out": ["recall@5", "mrr@10"]}, "LoRA")`
    """
    from matplotlib.figure import Figure  # without pyplot there is no display to need

    figure = Figure(figsize=(4.8 * len(panels), 3.4), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (label, names) in zip(axes, panels.items(), strict=True):
        for name in names:
            points = [(row["step"], row[name]) for row in rows if row.get(name) is not None]
            if points:
                axis.plot(*zip(*points, strict=True), label=name, marker="." if len(points) < 40 else "", linewidth=1.2)
        axis.set(xlabel="step", ylabel=label)
        axis.grid(alpha=0.3)
        if len(names) > 1 and axis.lines:
            axis.legend(frameon=False)
    figure.suptitle(title)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
