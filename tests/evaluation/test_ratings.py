"""The summary of ratings, against figures worked out by hand or by another library."""

from __future__ import annotations

import json

import numpy as np
import pytest

from evaluation.bootstrap import interval
from evaluation.ratings import as_text, main, summarize
from ui.feedback import FeedbackStore, rating, vote


def answer(generator="fused", labels=("supported",)):
    settings = {"generator": generator, "retrieval": "mixed", "passages": 4, "decoding": "greedy"}
    return {"run": "r", "question": "Why?", "settings": settings, "sentences": [{"label": label} for label in labels]}


def votes(*winners):
    answers = {"a": answer("fused"), "b": answer("extractive")}
    return [vote(answers, "ab", winner) for winner in winners]


def test_means_and_counts():
    records = [
        rating(answer(), {"factual": 4, "clear": 5}, "retrieval"),
        rating(answer(), {"factual": 2}, "retrieval"),
        rating(answer("extractive"), {"factual": 3}, "both"),
    ]
    report = summarize(records)
    assert report["scores"]["factual"]["mean"] == 3 and report["scores"]["factual"]["ratings"] == 3
    assert report["settings"]["fused, mixed, 4"]["clear"] == {"mean": 5, "interval": [5, 5], "ratings": 1}
    assert report["went_wrong"] == {"retrieval": 2, "both": 1}
    assert "fused, mixed, 4: factual 3.00" in as_text(report)


def test_taps_are_counted_apart_from_scores():
    taps = [rating(answer(), {}, helpful=helpful) for helpful in (True, True, False)]
    report = summarize([*taps, rating(answer(), {"factual": 4})])
    assert report["helpful"] == {"yes": 2, "no": 1} and report["ratings"] == 1
    assert as_text(report).startswith("helpful: yes 2, no 1\n1 ratings")


def test_the_interval_is_that_of_the_normal_distribution_where_there_are_many():
    values = np.random.default_rng(1).normal(3, 1, 2000)
    half = 1.96 * values.std() / np.sqrt(values.size)
    assert interval(values, np.mean, 0) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.005)


def test_agreement_with_the_labels_leaves_threes_out_and_ranks_as_scipy_does():
    stats = pytest.importorskip("scipy.stats")
    grounded = [5, 4, 1, 3, 2, 5]
    labels = [["supported"], ["supported", "partly"], ["not supported"], ["partly"], ["supported"], ["supported"]]
    shares = [1, 0.75, 0, 0.5, 1, 1]
    records = [rating(answer(labels=ls), {"grounded": g}) for g, ls in zip(grounded, labels, strict=True)]
    support = summarize(records)["support"]
    assert (support["ratings"], support["decided"], support["agreement"]) == (6, 5, 0.8)
    assert support["spearman"] == pytest.approx(stats.spearmanr(grounded, shares).statistic, abs=0.001)


def test_a_setting_wins_only_when_the_interval_says_so():
    (row,) = summarize(votes(*["a"] * 18, "b", "tie", "both bad"))["pairs"]
    assert (row["first"], row["second"]) == ("extractive, mixed, 4", "fused, mixed, 4")
    assert row["votes"] == {"first": 1, "second": 18, "tie": 1, "both bad": 1}
    assert row["first_wins"] == pytest.approx(1.5 / 20) and row["winner"] == "fused, mixed, 4"
    (row,) = summarize(votes("a", "b", "a"))["pairs"]
    assert row["winner"] == "not decided"
    (row,) = summarize(votes("both bad"))["pairs"]
    assert row["interval"] is None and row["winner"] == "not decided"


def test_settings_are_named_by_what_they_differ_in():
    def kept(wording, seed):
        return answer() | {"settings": answer()["settings"] | {"wording": wording, "seed": seed}}

    records = [vote({"a": kept("close", n), "b": kept("own", n)}, "ab", winner) for n, winner in enumerate("bbab" * 5)]
    records += [rating(kept("close", 9), {"factual": 4}), rating(answer("extractive"), {"factual": 2})]
    report = summarize(records)
    (row,) = report["pairs"]
    assert (row["first"], row["second"]) == ("fused, mixed, 4, wording close", "fused, mixed, 4, wording own")
    assert row["votes"] == {"first": 5, "second": 15} and row["winner"] == row["second"]
    assert set(report["settings"]) == {"fused, mixed, 4, wording close", "extractive, mixed, 4"}


def test_where_only_the_seed_differs_it_is_named():
    sides = {
        side: answer() | {"settings": answer()["settings"] | {"seed": seed}} for side, seed in (("a", 1), ("b", 2))
    }
    (row,) = summarize([vote(sides, "ab", "b")] * 3)["pairs"]
    assert (row["first"], row["second"], row["votes"]) == (
        "fused, mixed, 4, seed 1",
        "fused, mixed, 4, seed 2",
        {"second": 3},
    )


def test_the_command_prints_json_and_draws(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    store = FeedbackStore(tmp_path / "ratings.jsonl")
    for record in [*votes("a", "tie"), rating(answer(), {"factual": 4})]:
        store.append(record)
    picture = tmp_path / "ratings.png"
    assert main([str(store.path), "--json", "--picture", str(picture)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["ratings"], report["votes"]) == (1, 2)
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no ratings or votes yet"),
        ("{}\n", "line 1"),
        ('{"kind": "rating"}\n', 'line 1: the rating has no right "scores"'),
    ],
)
def test_files_that_hold_no_ratings_are_told(tmp_path, capsys, content, message):
    path = tmp_path / "ratings.jsonl"
    path.write_text(content)
    assert main([str(path)]) == 1
    assert message in capsys.readouterr().err


def test_a_missing_file_is_told(tmp_path, capsys):
    assert main([str(tmp_path / "none.jsonl")]) == 1
    assert "none.jsonl" in capsys.readouterr().err
