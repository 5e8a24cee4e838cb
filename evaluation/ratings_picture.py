"""The picture of ratings: mean scores of each setting, and how often one setting wins over another.

It knows the summary of ratings.py and matplotlib.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.outputs import write_picture
from ui.feedback import SCORES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = ("#0b5563", "#b98a00", "#17603a", "#9c1f1a", "#565e68", "#7a4c00")


def draw(report: dict[str, Any], path: Path) -> None:
    """Draw a summary into a PNG file.

    Args:
        report: what `summarize` returned.
        path: the file.

    Raises:
        ImportError: matplotlib is not installed.
        OSError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    settings, pairs = report["settings"], [row for row in report["pairs"] if row["interval"]]
    height = 2.2 + 0.5 * max(len(settings), 1) + (1.2 + 0.6 * len(pairs) if pairs else 0)
    figure = Figure(figsize=(9, height), layout="constrained")
    ratios = [2.0 + 0.5 * len(settings), 1.0 + 0.6 * len(pairs)] if pairs else [1.0]
    axes = figure.subplots(len(ratios), 1, height_ratios=ratios, squeeze=False)[:, 0]
    _means(axes[0], report)
    if pairs:
        _wins(axes[1], pairs)
    write_picture(figure, path, dpi=150)


def _means(axes: Axes, report: dict[str, Any]) -> None:
    """Mean scores with their intervals, one colour a setting."""
    settings = report["settings"]
    width = 0.8 / max(len(settings), 1)
    for number, (name, scores) in enumerate(settings.items()):
        for place, score in enumerate(SCORES):
            if score not in scores:
                continue
            row = scores[score]
            at = place + (number - (len(settings) - 1) / 2) * width
            label = name if score == next(iter(scores)) else None
            axes.plot([at, at], row["interval"], color=_COLOURS[number % len(_COLOURS)], linewidth=2)
            axes.plot(at, row["mean"], "o", color=_COLOURS[number % len(_COLOURS)], label=label)
    axes.set(ylim=(0.8, 5.2), ylabel="mean, 95% interval", title=f"{report['ratings']} ratings")
    axes.set_xticks(range(len(SCORES)), [name.capitalize() for name in SCORES])
    axes.grid(axis="y", alpha=0.3)
    if settings:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)


def _wins(axes: Axes, pairs: list[dict[str, Any]]) -> None:
    """The share of votes that the first of each pair won, with its interval."""
    for number, row in enumerate(pairs):
        axes.plot(row["interval"], [number, number], color=_COLOURS[0], linewidth=2)
        axes.plot(row["first_wins"], number, "o", color=_COLOURS[0])
    axes.axvline(0.5, color=_COLOURS[4], linewidth=1, linestyle="--")
    axes.set_yticks(range(len(pairs)), [f"{row['first']}\nover {row['second']}" for row in pairs])
    axes.set(xlim=(-0.02, 1.02), ylim=(len(pairs) - 0.5, -0.5), xlabel="share of votes won, a tie is half a win")
