"""What the judgements of a study say: wins, strengths, agreement, position and length, a table a kind of question.

Numbers only. Intervals hold 95% of bootstrap samples of the questions (Efron 1979), so that judges and sentences of one
question are not taken for independent. Ties count half a win, "both bad" counts for neither.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any, Literal

import numpy as np

from evaluation.bootstrap import interval, ratio
from evaluation.selection_metrics import with_interval
from evaluation.study.folder import Asked, Row
from evaluation.study.judgements import SUPPORT

Level = Literal["nominal", "ordinal"]
LEVELS = {label: 2.0 - place for place, label in enumerate(SUPPORT)}  # supported 2, partly 1, not supported 0


@dataclass(frozen=True)
class Told:
    """One judgement, with what is known of the question and the answers.

    Attributes:
        judge: who.
        reader: "person" or "language model".
        asked: the question.
        left: the system whose answer stood left.
        right: the other.
        winner: a system, "tie" or "both bad".
        answers: by system "sentences" (labels), "coherence", "coverage" or "covered".
        automatic: by system, the program's label of each sentence; "" for none, and for one that only says what the
            passages lack.
        words: by system, the length of the answer.
        reason: in the judge's words.
        same: whether both answers are one text.
    """

    judge: str
    reader: str
    asked: Asked
    left: str
    right: str
    winner: str
    answers: dict[str, Row]
    automatic: dict[str, list[str]]
    words: dict[str, int]
    reason: str = ""
    same: bool = False

    @property
    def pair(self) -> tuple[str, str]:
        """Both systems, in the order of their names."""
        first, second = sorted((self.left, self.right))
        return first, second

    def share(self, system: str) -> float | None:
        """1 for a win of a system, 0.5 for a tie, 0 for a loss; None for "both bad"."""
        return None if self.winner == "both bad" else 0.5 if self.winner == "tie" else float(self.winner == system)


def figures(told: Sequence[Told], seed: int = 0) -> Row:
    """All figures of a study.

    Args:
        told: the judgements, one or more.
        seed: of the bootstrap.
    """
    judges = {one.judge: one.reader for one in told}
    systems = sorted({name for one in told for name in one.pair})
    kinds: dict[str, list[Told]] = defaultdict(list)
    for one in told:
        kinds[one.asked.kind].append(one)
    return {
        "judgements": len(told),
        "questions": len({one.asked.id for one in told}),
        "judges": [
            {"judge": name, "is": reader, "judgements": sum(one.judge == name for one in told)}
            for name, reader in judges.items()
        ],
        "pairs": _pairs(told, seed),
        "strengths": strengths(told, systems, seed) if len(systems) > 2 else None,
        "systems": {name: _system(told, name, seed) for name in systems},
        "agreement": agreement(told, seed),
        "automatic": with_automatic(told, seed),
        "position": _decided(told, lambda one: float(one.winner == one.left), seed),
        "length": _decided(told, _longer, seed),
        "kinds": {
            kind: {"pairs": _pairs(own, seed), "systems": {name: _system(own, name, seed) for name in systems}}
            for kind, own in sorted(kinds.items())
        },
    }


def _pairs(told: Sequence[Told], seed: int) -> list[Row]:
    """Each pair of systems: counts, the first one's share of wins, and whether chance would do as much."""
    rows = []
    for first, second in sorted({one.pair for one in told}):
        own = [one for one in told if one.pair == (first, second)]
        counts = Counter(one.winner for one in own)
        ahead = [
            sum(share - 0.5 for one in each if (share := one.share(first)) is not None)
            for each in _by_question(own).values()
        ]
        wins, losses = sum(value > 0 for value in ahead), sum(value < 0 for value in ahead)
        rows.append(
            {
                "first": first,
                "second": second,
                "wins": counts[first],
                "losses": counts[second],
                "tie": counts["tie"],
                "both bad": counts["both bad"],
                "share": mean(own, lambda one: one.share(one.pair[0]), seed),
                "same_text": len({one.asked.id for one in own if one.same}),
                "questions_won": wins,
                "questions_lost": losses,
                "p": round(sign_test(wins, losses), 4),
            }
        )
    return rows


def sign_test(wins: int, losses: int) -> float:
    """The two-sided p of so uneven a split when both were equally likely.

    >>> sign_test(9, 1)
    0.021484375
    """
    count, least = wins + losses, min(wins, losses)
    return min(1.0, 2 * sum(comb(count, k) for k in range(least + 1)) / 2**count)


def strengths(told: Sequence[Told], systems: Sequence[str], seed: int = 0) -> dict[str, Row]:
    """Bradley–Terry strengths of three systems or more, mean 0: in nats, by which the odds of a win differ.

    By choix (Maystre and Grossglauser 2015), a tie being half a win for both; 0.01 of a win is added to each pair, so
    that a system that never won has a strength, too.
    """
    questions = list(_by_question(told).values())
    tables = np.zeros((len(questions), len(systems), len(systems)))
    places = {name: place for place, name in enumerate(systems)}
    for number, own in enumerate(questions):
        for one, (winner, loser) in itertools.product(own, itertools.permutations(range(2))):
            names = one.pair[winner], one.pair[loser]
            tables[number, places[names[0]], places[names[1]]] += one.share(names[0]) or 0.0
    found = bradley_terry(tables.sum(0))
    draw = np.random.default_rng(seed)
    drawn = [bradley_terry(tables[draw.integers(len(tables), size=len(tables))].sum(0)) for _ in range(1000)]
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return {
        name: {"value": round(float(found[place]), 4), "interval": [round(low[place], 4), round(high[place], 4)]}
        for name, place in places.items()
    }


def bradley_terry(wins: np.ndarray) -> np.ndarray:
    """Strengths (systems,), mean 0, of counts of wins (systems, systems), row over column."""
    import choix

    return choix.ilsr_pairwise_dense(wins, alpha=0.01)


def mean(told: Iterable[Told], value: Callable[[Told], float | None], seed: int = 0) -> Row:
    """The mean of what judgements have, and its interval; None for both where none has it."""
    rows: dict[str, list[float]] = {}
    for one in told:
        if (own := value(one)) is not None:
            row = rows.setdefault(one.asked.id, [0.0, 0.0])
            row[0] += own
            row[1] += 1
    return _share_of(rows, seed)


def _share_of(rows: dict[str, list[float]], seed: int) -> Row:
    """Part of whole over questions' (part, whole)."""
    values = np.array([row for row in rows.values() if row[1]], float)
    if not values.size:
        return {"value": None, "interval": None, "of": 0}
    low, high = interval(values, ratio, seed)
    parts, wholes = values.sum(0)
    return {"value": round(parts / wholes, 4), "interval": [round(low, 4), round(high, 4)], "of": int(wholes)}


def _system(told: Sequence[Told], name: str, seed: int) -> Row:
    """What is said of a system's answers: sentences by level, coverage, nuggets, coherence."""
    own = [one for one in told if name in one.pair]
    row: Row = {"answers": len(own)}
    for label in SUPPORT:
        counts: dict[str, list[float]] = {}
        for one in own:
            labels = one.answers[name]["sentences"]
            cell = counts.setdefault(one.asked.id, [0.0, 0.0])
            cell[0] += labels.count(label)
            cell[1] += len(labels)
        row[label] = _share_of(counts, seed)
    row["coverage"] = mean(own, lambda one: one.answers[name].get("coverage"), seed)
    row["vital"] = mean(own, lambda one: _covered(one, name, vital=True), seed)
    row["nuggets"] = mean(own, lambda one: _covered(one, name, vital=False), seed)
    row["coherence"] = mean(own, lambda one: one.answers[name]["coherence"], seed)
    row["words"] = mean(own, lambda one: one.words[name], seed)
    return row


def _covered(one: Told, name: str, vital: bool) -> float | None:
    """The share of a question's vital points, or of all, that an answer makes; None where it has none."""
    wanted = [number for number, nugget in enumerate(one.asked.nuggets, 1) if nugget.vital or not vital]
    return len(set(wanted) & set(one.answers[name].get("covered", ()))) / len(wanted) if wanted else None


def _decided(told: Sequence[Told], value: Callable[[Told], float | None], seed: int) -> Row:
    """A share of the judgements that prefer one of the two."""
    return mean((one for one in told if one.winner in one.pair), value, seed)


def _longer(one: Told) -> float | None:
    """Whether the longer answer won; None where both are of a length."""
    first, second = one.pair
    if one.words[first] == one.words[second]:
        return None
    return float(one.winner == max(one.pair, key=lambda name: one.words[name]))


def agreement(told: Sequence[Told], seed: int = 0) -> dict[str, Row]:
    """Krippendorff's alpha between judges: of preferences (nominal), sentences, coverage and coherence (ordinal)."""
    judges = sorted({one.judge for one in told})
    rows: dict[str, dict[str, dict[Any, list[float]]]] = defaultdict(dict)
    empty = [np.nan] * len(judges)
    for one in told:
        place, question = judges.index(one.judge), one.asked.id
        worth = {one.pair[0]: 0.0, one.pair[1]: 1.0, "tie": 2.0, "both bad": 3.0}
        units: dict[tuple[str, Any], float] = {("preference", 0): worth[one.winner]}
        for name, answer in one.answers.items():
            units |= {("sentences", (name, n)): LEVELS[label] for n, label in enumerate(answer["sentences"])}
            units |= {(scale, name): float(answer[scale]) for scale in ("coverage", "coherence") if scale in answer}
            if "covered" in answer:
                numbers = range(1, len(one.asked.nuggets) + 1)
                units |= {("points", (name, n)): float(n in answer["covered"]) for n in numbers}
        for (what, unit), level in units.items():
            rows[what].setdefault(question, {}).setdefault(unit, list(empty))[place] = level
    kinds: dict[str, Level] = {"preference": "nominal", "points": "nominal"}
    return {what: _alpha_over(list(own.values()), kinds.get(what, "ordinal"), seed) for what, own in rows.items()}


def _alpha_over(questions: Sequence[dict[Any, list[float]]], level: Level, seed: int) -> Row:
    """Alpha over the units of questions, with its interval, and how many units two judges or more have."""
    tables = [np.array(list(units.values()), float) for units in questions]
    paired = [table[(~np.isnan(table)).sum(1) > 1] for table in tables]
    kept = [table for table in paired if len(table)]

    def of(places: np.ndarray) -> float:
        return alpha(np.concatenate([kept[place] for place in places]), level)

    return with_interval(of, len(kept), seed) | {"units": sum(map(len, kept))}


def alpha(units: np.ndarray, level: Level) -> float:
    """Krippendorff's alpha (2019, chapter 12) by the package krippendorff.

    Args:
        units: (units, judges), NaN for what a judge did not say.
        level: "nominal" or "ordinal".

    Returns:
        1 for full agreement, 0 for chance; NaN where all judges always say the same one thing.
    """
    import krippendorff

    if len(np.unique(units[~np.isnan(units)])) < 2:
        return float("nan")
    return float(krippendorff.alpha(units.T, level_of_measurement=level))


def with_automatic(told: Sequence[Told], seed: int = 0) -> Row:
    """How judges' labels of sentences go with the program's own.

    Returns:
        "table": judges' label → the program's → how often; "same": how often both are equal; "alpha": ordinal. A
        sentence that only says what the passages lack is left out: the program does not label it.
    """
    table = {own: dict.fromkeys(SUPPORT, 0) for own in SUPPORT}
    same: dict[str, list[float]] = {}
    units: dict[str, list[list[float]]] = {}
    for one in told:
        for name, answer in one.answers.items():
            for label, automatic in zip(answer["sentences"], one.automatic[name], strict=True):
                if automatic not in SUPPORT:
                    continue
                table[label][automatic] += 1
                cell = same.setdefault(one.asked.id, [0.0, 0.0])
                cell[0] += label == automatic
                cell[1] += 1
                units.setdefault(one.asked.id, []).append([LEVELS[label], LEVELS[automatic]])
    tables = [dict(enumerate(own)) for own in units.values()]
    return {"table": table, "same": _share_of(same, seed), "alpha": _alpha_over(tables, "ordinal", seed)}


def _by_question(told: Iterable[Told]) -> dict[str, list[Told]]:
    """Judgements by question."""
    found: dict[str, list[Told]] = defaultdict(list)
    for one in told:
        found[one.asked.id].append(one)
    return found
