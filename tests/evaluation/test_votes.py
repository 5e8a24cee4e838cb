"""Votes told apart by the key, counted by hand here."""

import json
from math import comb

import pytest

from evaluation.comparison import tally_text
from evaluation.errors import EvaluationError
from evaluation.votes import sign_test, tally

KEY = {"sheet": "abc", "seed": 0, "systems": {"A": "a.jsonl", "B": "b.jsonl"}, "left": {"x": "A", "y": "B", "z": "A"}}


def side(verdict, *sentences):
    return {"verdict": verdict, "sentences": list(sentences)}


VOTES = {
    "x": {
        "left": side("right", "supported", "supported"),
        "right": side("wrong", "contradicted"),
        "preference": "left",
    },
    "y": {
        "left": side("partly", "supported", "not in the passages"),
        "right": side("right", "supported"),
        "preference": "right",
    },
    "z": {"left": side(None, "contradicted", None), "right": side(None, None), "preference": None},
}


def write(path, content):
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def key(tmp_path):
    return write(tmp_path / "key.json", KEY)


def votes(tmp_path, cast=VOTES, name="votes.json", **more):
    return write(tmp_path / name, {"sheet": "abc", "judge": "", "votes": cast} | more)


def test_votes_are_counted_for_the_system_that_stood_there(tmp_path, key):
    row = tally([votes(tmp_path)], key)
    first, second = row["systems"]["a.jsonl"], row["systems"]["b.jsonl"]
    assert {kind: first["claims"][kind]["count"] for kind in ("supported", "contradicted")} == {
        "supported": 3,
        "contradicted": 1,
    }
    assert first["claims"]["judged"] == 4 and first["claims"]["supported"]["share"] == 0.75
    assert [second["claims"][kind]["count"] for kind in ("supported", "contradicted", "not in the passages")] == [
        1,
        1,
        1,
    ]
    assert (first["verdicts"]["right"]["count"], first["verdicts"]["judged"]) == (2, 2)
    assert (second["verdicts"]["partly"]["count"], second["verdicts"]["wrong"]["count"]) == (1, 1)
    assert (row["preference"]["a.jsonl"], row["preference"]["b.jsonl"], row["preference"]["judged"]) == (2, 0, 2)
    assert row["preference"]["p"] == 0.5 and (row["judges"], row["questions"], row["of"]) == (1, 3, 3)


def test_several_judges_add_up(tmp_path, key):
    row = tally([votes(tmp_path), votes(tmp_path, name="more.json")], key)
    assert row["judges"] == 2 and row["questions"] == 3
    assert row["systems"]["a.jsonl"]["claims"]["supported"]["count"] == 6


def test_the_interval_holds_the_share_and_narrows_with_more_questions(tmp_path):
    widths = []
    for count in (10, 200):
        left = {str(number): "A" for number in range(count)}
        cast = {
            name: {
                "left": side("right" if int(name) % 2 else "wrong", "supported"),
                "right": side("wrong"),
                "preference": "tie",
            }
            for name in left
        }
        row = tally([votes(tmp_path, cast)], write(tmp_path / "key.json", KEY | {"left": left}))
        part = row["systems"]["a.jsonl"]["verdicts"]["right"]
        assert part["share"] == 0.5 and part["interval"][0] < 0.5 < part["interval"][1]
        assert row["systems"]["a.jsonl"]["claims"]["supported"]["interval"] == [1.0, 1.0]
        widths.append(part["interval"][1] - part["interval"][0])
    # The normal approximation: 2 × 1.96 × 0.5 / √n.
    assert widths == pytest.approx([0.62, 0.139], abs=0.04)


def test_the_sign_test_is_twice_the_smaller_tail():
    tail = sum(comb(12, wins) for wins in range(3)) / 2**12
    assert sign_test(2, 10) == sign_test(10, 2) == pytest.approx(2 * tail)
    assert sign_test(0, 0) == sign_test(3, 3) == 1.0


def test_the_table_shows_both_systems(tmp_path, key):
    text = tally_text(tally([votes(tmp_path)], key))
    # Drawn three times, the question with the contradiction alone gives 0%; never drawn, 100%.
    assert "| a.jsonl | 4 | 75% (0 to 100) / 25% (0 to 100) / 0% (0 to 0) | 2 | 2 / 0 / 0 |" in text
    assert "a.jsonl 2, b.jsonl 0, tie 0, both bad 0" in text and "3 of 3 questions" in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"sheet": "xyz", "votes": {}}, "sheet xyz, and the key is that of abc"),
        ({"sheet": "abc"}, "damaged.*votes"),
        ({"sheet": "abc", "votes": {"w": VOTES["x"]}}, "damaged.*w"),
        ({"sheet": "abc", "votes": {"x": VOTES["x"] | {"preference": "up"}}}, "'up' is none of left, right"),
        ({"sheet": "abc", "votes": {"x": VOTES["x"] | {"left": side("great")}}}, "'great' is none of right"),
        ({"sheet": "abc", "votes": {}}, "nothing is judged"),
        ([], "no object but list"),
    ],
)
def test_what_is_wrong_with_votes_is_said(tmp_path, key, content, said):
    with pytest.raises(EvaluationError, match=said):
        tally([write(tmp_path / "votes.json", content)], key)


def test_a_missing_file_or_a_file_that_is_no_key_is_said(tmp_path, key):
    with pytest.raises(EvaluationError, match="there is no file"):
        tally([tmp_path / "none.json"], key)
    with pytest.raises(EvaluationError, match="is no key"):
        tally([votes(tmp_path)], votes(tmp_path))
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(EvaluationError, match="not JSON"):
        tally([tmp_path / "broken.json"], key)
