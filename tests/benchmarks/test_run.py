"""The benchmark's command, its turns and its ratios, over contestants whose figures are known."""

import json
import os

import numpy as np
import pytest

from benchmarks import run, searching
from benchmarks.contest import PeerMissingError, Result, compete


def prepare_counting(start):
    count = [start]

    def one_round():
        count[0] += 1
        return {"things/s": float(count[0]), "seconds a thing": 1 / count[0], "process": float(os.getpid())}

    return one_round


def prepare_missing():
    raise PeerMissingError("pip install it")


def prepare_failing():
    def one_round():
        raise ValueError("no such luck")

    return one_round


def prepare_dying():
    return lambda: os._exit(7)


def test_contestants_take_turns_in_processes_of_their_own_and_the_first_round_is_not_counted():
    said = []
    contestants = {"a": (prepare_counting, (10,)), "b": (prepare_counting, (20,))}
    first, second = compete(contestants, 2, 1, said.append)
    assert [one["things/s"] for one in first.rounds] == [12, 13]
    assert [one["things/s"] for one in second.rounds] == [22, 23]
    assert len({os.getpid(), first.rounds[0]["process"], second.rounds[0]["process"]}) == 3
    assert first.peak_mb > 1 and said[-2:] == ["round 2 of 2: a", "round 2 of 2: b"]


def test_a_peer_that_is_missing_fails_or_dies_is_told_and_the_others_go_on():
    contestants = {
        "missing": (prepare_missing, ()),
        "failing": (prepare_failing, ()),
        "dying": (prepare_dying, ()),
        "well": (prepare_counting, (0,)),
    }
    results = compete(contestants, 1, 1, lambda text: None)
    assert [result.absent for result in results] == [
        "pip install it",
        "ValueError: no such luck",
        "its process ended with status 7",
        "",
    ]
    assert len(results[3].rounds) == 1


def test_ratios_say_how_many_times_as_good_ours_is():
    ours = Result("ours", [{"things/s": 4.0, "seconds": 1.0}, {"things/s": 6.0, "seconds": 3.0}])
    peer = Result("peer", [{"things/s": 2.0, "seconds": 8.0}])
    absent = Result("absent", absent="pip install it")
    made = run.rows(run.Contest("work", {}), [ours, peer, absent])
    assert [(row["who"], row["median"], row["ratio"]) for row in made] == [
        ("ours", 5.0, None),
        ("ours", 2.0, None),
        ("peer", 2.0, 2.5),
        ("peer", 8.0, 4.0),
        ("absent", None, None),
    ]
    shown = run.table(made)
    assert "2.50 ×" in shown and "absent: pip install it" in shown


def test_the_command_prints_json_and_draws(tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(searching, "_QUERIES", 5)
    arguments = ["--quick", "--only", "search", "--json", "--threads", "1"]
    assert run.main([*arguments, "--output", str(tmp_path / "a.json"), "--picture", str(tmp_path / "a.png")]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "a.json").read_text())
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    recalls = {row["who"]: row["median"] for row in printed["rows"] if row["measure"] == "recall@10"}
    assert recalls["numpy"] == recalls["faiss flat (ours)"] == 1.0 and set(recalls) == set(searching.KINDS)
    assert printed["machine"]["threads"] == 1


def test_a_folder_that_is_missing_is_made_and_a_file_in_its_place_is_said_in_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(run, "contests", lambda quick: [])
    output = tmp_path / "new" / "a.json"
    assert run.main(["--output", str(output), "--json"]) == 0
    assert json.loads(output.read_text()) == json.loads(capsys.readouterr().out)
    assert run.main(["--output", str(output / "a.json"), "--json"]) == 1
    said = capsys.readouterr()
    # What was measured is printed all the same.
    assert said.err.startswith("error: ") and said.err.count("\n") == 1 and json.loads(said.out)["rows"] == []
    with pytest.raises(SystemExit):
        run.main(["--rounds", "0"])
    assert "'0' is no whole number above 0" in capsys.readouterr().err


@pytest.mark.parametrize("kind", searching.KINDS)
def test_indexes_find_near_vectors(kind):
    stored, queries = searching.vectors(3000)
    np.testing.assert_allclose(np.linalg.norm(stored, axis=1), 1, atol=1e-5)
    search = searching._searcher(kind, stored)
    found = [search(query[None])[0] for query in queries]
    best = (queries @ stored.T).argmax(axis=1)
    assert np.mean(np.array(found) == best) > (0.4 if "PQ" in kind else 0.95)
