"""The pictures of a report: who wins, over all questions and of each kind, and what is said of each system's answers.

It knows the figures of figures.py and matplotlib.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.outputs import write_picture
from evaluation.study.judgements import SUPPORT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = ("#0b5563", "#b98a00", "#9c1f1a")
_SOFT = "#565e68"
Row = dict[str, Any]


def draw_wins(figures: Row, path: Path) -> None:
    """The share of wins of each pair, over all and of each kind, with intervals."""
    from matplotlib.figure import Figure

    rows = [("all", row) for row in figures["pairs"]]
    rows += [(kind, row) for kind, own in figures["kinds"].items() for row in own["pairs"]]
    rows = [(kind, row) for kind, row in rows if row["share"]["value"] is not None]
    figure = Figure(figsize=(9, 1.4 + 0.55 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for place, (_, row) in enumerate(rows):
        axes.plot(row["share"]["interval"], [place, place], color=_COLOURS[0], linewidth=2)
        axes.plot(row["share"]["value"], place, "o", color=_COLOURS[0])
    axes.axvline(0.5, color=_SOFT, linewidth=1, linestyle="--")
    axes.set_yticks(range(len(rows)), [f"{kind}: {row['first']}\nover {row['second']}" for kind, row in rows])
    axes.set(xlim=(-0.02, 1.02), ylim=(len(rows) - 0.5, -0.5), xlabel="share of wins, a tie is half; 95% intervals")
    write_picture(figure, path, dpi=120)


def draw_systems(figures: Row, path: Path) -> None:
    """What is said of each system's answers: sentences by level, and the scales."""
    from matplotlib.figure import Figure

    systems = figures["systems"]
    figure = Figure(figsize=(9, 1.6 + 0.5 * len(systems)), layout="constrained")
    left, right = figure.subplots(1, 2)
    _levels(left, systems)
    for number, (name, row) in enumerate(systems.items()):
        for place, scale in enumerate(("coverage", "coherence")):
            if row[scale]["value"] is not None:
                at, colour = place + 0.12 * number, _COLOURS[number % len(_COLOURS)]
                right.plot([at, at], row[scale]["interval"], color=colour, linewidth=2)
                right.plot(at, row[scale]["value"], "o", color=colour, label=name if place else None)
    right.set_xticks((0, 1), ("coverage", "coherence"))
    right.set(ylim=(0.8, 5.2), xlim=(-0.4, 1.6), title="1 to 5, means with 95% intervals")
    right.grid(axis="y", alpha=0.3)
    right.legend(frameon=False)
    write_picture(figure, path, dpi=120)


def _levels(axes: Axes, systems: Row) -> None:
    """A bar a system: its sentences by level."""
    for place, row in enumerate(systems.values()):
        before = 0.0
        for label, colour in zip(SUPPORT, _COLOURS, strict=True):
            share = row[label]["value"] or 0.0
            axes.barh(place, share, left=before, color=colour, label=label if not place else None)
            before += share
    axes.set_yticks(range(len(systems)), list(systems))
    axes.set(xlim=(0, 1), ylim=(len(systems) - 0.5, -0.5), title="sentences by level")
    axes.legend(frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.1), fontsize=8)
