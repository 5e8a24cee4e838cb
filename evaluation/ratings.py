"""What ratings and votes say: counts, means, agreement with the automatic support labels, and which setting wins.

    python -m evaluation.ratings ratings.jsonl
    python -m evaluation.ratings ratings.jsonl --json --picture ratings.png

It reads the records that the page keeps (`ui.feedback`), from one or more files. It knows nothing of models. The
picture is drawn in ratings_picture.py.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.command import Parser, exit_status
from core.errors import needing
from core.outputs import PICTURE, check_replaceable
from core.terminal import say, shown_json
from evaluation.bootstrap import interval
from evaluation.errors import EvaluationError
from ui.feedback import SCORES, VOTES, WENT_WRONG, read_records

_FEWEST = 3  # ratings, for a correlation to mean anything
Row = dict[str, Any]


def summarize(records: Iterable[Mapping[str, Any]], seed: int = 0) -> Row:
    """Summarise records.

    Args:
        records: ratings and votes, as `ui.feedback` makes them.
        seed: of the bootstrap.

    Returns:
        {"helpful": how often "yes" and "no" was said, "ratings" with scores, "scores": {name: mean, interval, ratings},
        "settings": {setting: the same}, "went_wrong", "support", "votes", "pairs": [one row a pair of settings]}.
        Every interval holds 95% of 10,000 bootstrap samples (Efron 1979) of the ratings or votes.
    """
    records = list(records)
    given = [record for record in records if record["kind"] == "rating"]
    ratings = [record for record in given if record["scores"]]
    taps = ["yes" if record["helpful"] else "no" for record in given if "helpful" in record]
    votes = [record for record in records if record["kind"] == "vote"]
    names = Names(
        [record["answer"]["settings"] for record in ratings],
        [(record["answers"]["a"]["settings"], record["answers"]["b"]["settings"]) for record in votes],
    )
    by_setting: dict[str, list[Mapping[str, Any]]] = {}
    for record in ratings:
        by_setting.setdefault(names(record["answer"]["settings"]), []).append(record)
    return {
        "helpful": _counts(taps, ("yes", "no")),
        "ratings": len(ratings),
        "scores": _scores(ratings, seed),
        "settings": {name: _scores(rows, seed) for name, rows in sorted(by_setting.items())},
        "went_wrong": _counts((record["went_wrong"] for record in ratings), WENT_WRONG),
        "support": _support(ratings),
        "votes": len(votes),
        "pairs": _pairs(votes, names, seed),
    }


def setting_name(settings: Mapping[str, Any]) -> str:
    """A setting's name: generator, retrieval and number of passages, and how it was written if not greedily.

    >>> setting_name({"generator": "fused", "retrieval": "mixed", "passages": 4, "decoding": "greedy"})
    'fused, mixed, 4'
    """
    parts = [str(settings["generator"]), str(settings["retrieval"]), str(settings["passages"])]
    decoding = settings.get("decoding", "greedy")
    return ", ".join(parts if decoding == "greedy" else [*parts, str(decoding)])


class Names:
    """Names of settings that tell apart what was rated: `setting_name`, and whatever else two of that name differ in.

    The seed only counts where two answers that were voted on differ in nothing else.
    """

    def __init__(
        self, rated: Sequence[Mapping[str, Any]], voted: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]
    ) -> None:
        """See what differs, in the settings of ratings and in those of pairs that were voted on."""
        alike: dict[str, list[Mapping[str, Any]]] = {}
        for settings in [*rated, *(side for pair in voted for side in pair)]:
            alike.setdefault(setting_name(settings), []).append(settings)
        self._differing = {name: _differing(group) - {"seed"} for name, group in alike.items()}
        for pair in voted:
            if _differing(pair) == {"seed"}:
                self._differing[setting_name(pair[0])].add("seed")

    def __call__(self, settings: Mapping[str, Any]) -> str:
        """The name of one of the settings."""
        name = setting_name(settings)
        more = [f"{key} {settings.get(key)}" for key in sorted(self._differing[name])]
        return ", ".join([name, *more])


def _differing(group: Sequence[Mapping[str, Any]]) -> set[str]:
    """The settings that are not the same in all."""
    first = group[0]
    return {key for settings in group[1:] for key in {*first, *settings} if settings.get(key) != first.get(key)}


def _scores(ratings: Sequence[Mapping[str, Any]], seed: int) -> Row:
    """The mean of each score with its interval, over the ratings that have it."""
    rows = {}
    for name in SCORES:
        values = np.array([record["scores"][name] for record in ratings if name in record["scores"]], float)
        if values.size:
            rows[name] = {
                "mean": round(float(values.mean()), 3),
                "interval": _interval(values, seed),
                "ratings": values.size,
            }
    return rows


def _interval(values: np.ndarray, seed: int) -> list[float]:
    """The interval of a mean."""
    return [round(bound, 3) for bound in interval(values, np.mean, seed)]


def _counts(values: Iterable[str], names: Sequence[str]) -> dict[str, int]:
    """How often each name was given, in the order of the names."""
    counted = Counter(values)
    return {name: counted[name] for name in names if counted[name]}


def supported_share(answer: Mapping[str, Any]) -> float | None:
    """The share of an answer's sentences labelled as supported, a half for "partly"; None for one without sentences."""
    labels = [sentence.get("label", "") for sentence in answer.get("sentences", ())]
    if not labels:
        return None
    return sum({"supported": 1.0, "partly": 0.5}.get(label, 0.0) for label in labels) / len(labels)


def _support(ratings: Sequence[Mapping[str, Any]]) -> Row:
    """How the automatic labels go along with what people said of "grounded"."""
    pairs = [
        (record["scores"]["grounded"], share)
        for record in ratings
        if "grounded" in record["scores"] and (share := supported_share(record["answer"])) is not None
    ]
    people, labels = (np.array([pair[side] for pair in pairs], float) for side in (0, 1))
    decided = people != 3  # a 3 takes no side
    agree = ((people > 3) == (labels > 0.5))[decided]
    row: Row = {
        "ratings": len(pairs),
        "spearman": None,
        "agreement": round(float(agree.mean()), 3) if agree.size else None,
        "decided": int(decided.sum()),
    }
    if len(pairs) >= _FEWEST and people.std() > 0 and labels.std() > 0:
        row["spearman"] = round(float(np.corrcoef(_ranks(people), _ranks(labels))[0, 1]), 3)
    return row


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, equal values sharing their mean rank.

    >>> _ranks(np.array([10.0, 30.0, 10.0])).tolist()
    [1.5, 3.0, 1.5]
    """
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[group]


def _pairs(votes: Sequence[Mapping[str, Any]], name: Names, seed: int) -> list[Row]:
    """One row a pair of settings: votes for each, and who wins. A tie is half a win; "both bad" is left out of it."""
    found: dict[tuple[str, str], list[str]] = {}
    for record in votes:
        names = {side: name(record["answers"][side]["settings"]) for side in "ab"}
        first, second = sorted(names.values())
        winner = record["winner"]
        if winner in names:
            winner = "first" if names[winner] == first else "second"
        found.setdefault((first, second), []).append(winner)
    return [_pair(first, second, given, seed) for (first, second), given in sorted(found.items())]


def _pair(first: str, second: str, given: Sequence[str], seed: int) -> Row:
    """The votes on one pair, from the first one's side."""
    worth = {"first": 1.0, "tie": 0.5, "second": 0.0}
    values = np.array([worth[vote] for vote in given if vote in worth])
    row: Row = {
        "first": first,
        "second": second,
        "votes": _counts(given, ("first", "second", *VOTES[2:])),
        "first_wins": None,
        "interval": None,
        "winner": "not decided",
    }
    if values.size:
        low, high = _interval(values, seed)
        row |= {"first_wins": round(float(values.mean()), 3), "interval": [low, high]}
        row["winner"] = first if low > 0.5 else second if high < 0.5 else "not decided"
    return row


def as_text(report: Row) -> str:
    """The summary for reading."""
    lines = [f"{report['ratings']} ratings"]
    if helpful := report["helpful"]:
        lines.insert(0, "helpful: " + ", ".join(f"{name} {count}" for name, count in helpful.items()))
    for title, rows in [("all", report["scores"]), *report["settings"].items()]:
        cells = [f"{name} {row['mean']:.2f} [{row['interval'][0]:.2f}, {row['interval'][1]:.2f}] of {row['ratings']}"
                 for name, row in rows.items()]  # fmt: skip
        if cells:
            lines.append(f"  {title}: " + ", ".join(cells))
    if report["went_wrong"]:
        lines.append("  went wrong: " + ", ".join(f"{name} {count}" for name, count in report["went_wrong"].items()))
    support = report["support"]
    if support["ratings"]:
        figures = [f"{name} {support[name]:.2f}" for name in ("spearman", "agreement") if support[name] is not None]
        lines.append(
            f"  support labels and “grounded”, {support['ratings']} ratings: {', '.join(figures) or 'too few'}"
        )
    lines.append(f"{report['votes']} votes")
    for row in report["pairs"]:
        counts = ", ".join(f"{name} {count}" for name, count in row["votes"].items())
        lines.append(f"  first: {row['first']}; second: {row['second']}: {counts}; winner: {row['winner']}")
        if row["interval"]:
            lines.append(f"    first wins {row['first_wins']:.2f} [{row['interval'][0]:.2f}, {row['interval'][1]:.2f}]")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 for a failure, 2 for unusable arguments, 130 after Ctrl-C."""
    parser = Parser(prog="evaluation.ratings", description="Summarise ratings and votes of the page.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="JSONL files that the page wrote")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.add_argument("--picture", type=Path, metavar="PNG", help="draw means and wins into this file")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap (default 0)")
    options = parser.parse_args(arguments)
    return exit_status(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    """Read, summarise, draw and print."""
    if options.picture:
        check_replaceable(options.picture, PICTURE, *options.files)
    records = [record for path in options.files for record in read_records(path, whole=True)]
    if not records:
        raise EvaluationError(f"{', '.join(map(str, options.files))}: there are no ratings or votes yet")
    report = summarize(records, options.seed)
    if options.picture:
        with needing("requirements-dev.txt", "the picture", EvaluationError):
            from evaluation.ratings_picture import draw

            draw(report, options.picture)
    say((shown_json(report) if options.json else as_text(report)) + "\n")


if __name__ == "__main__":
    sys.exit(main())
