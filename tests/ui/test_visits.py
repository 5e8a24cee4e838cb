"""What visitors drop: theirs alone, bounded, and gone with the visit."""

from __future__ import annotations

import threading
import time

import pytest

from core.errors import SettingsError
from core.settings import Settings
from qa import LongFormQA
from ui import visits as module
from ui.offer import OWN, Offer
from ui.visits import LeftError, Visits, arrivals, bytes_waiting, folder

SEA = "Corals are animals of the sea. They live with algae."
SILENT = lambda text: None  # noqa: E731 - nobody listens


@pytest.fixture
def system(tiny_retriever):
    return LongFormQA(tiny_retriever)


@pytest.fixture
def visits(system):
    return Visits(system)


def arrive(name, text=SEA):
    """A file where Gradio would have put it."""
    place = arrivals() / f"{time.monotonic_ns():x}"
    place.mkdir()
    (place / name).write_text(text)
    return str(place / name)


def drop(visits, session, *names, text=SEA):
    visits.take(session, [arrive(name, text) for name in names])
    return visits.read(session, SILENT)


def files_there():
    """The files where uploads arrive; other tests of the process may have left some."""
    return {path for path in folder().rglob("*") if path.is_file()}


def test_what_is_dropped_can_be_asked_by_its_visit_only(visits, system):
    assert drop(visits, "me", "corals.md") == []
    mine = visits.name("me")
    assert mine.startswith(OWN) and len(mine) > 20 and mine not in system.indexes
    offer = Offer.of(indexes=system.indexes)
    assert visits.offer(offer, "me").check(Settings(index=mine)).index == mine
    for session in ("you", ""):
        with pytest.raises(SettingsError, match="a visitor's own documents"):
            visits.offer(offer, session).check(Settings(index=mine))
    assert visits.name("you") == "" and visits.files("you") == {}
    found = system.retrieve("Why do corals live with algae?", Settings(index=mine)).found
    assert [part.passage.title for part in found] == ["corals"] and found[0].passage.url == ""


def test_nothing_of_a_file_stays_where_it_arrived(visits):
    before = bytes_waiting(), files_there()
    drop(visits, "me", "a.txt", "b.txt")
    assert (bytes_waiting(), files_there()) == before


def test_files_are_added_and_one_bad_file_keeps_none_of_the_others_out(visits):
    assert drop(visits, "me", "a.md") == []
    problems = drop(visits, "me", "b.md", "c.zip", "a.md", "d.txt")
    assert visits.files("me") == {"a.md": 1, "b.md": 1, "d.txt": 1}
    assert [problem.split(":")[0] for problem in problems] == ["c.zip", "a.md"]
    assert "not read; allowed are .pdf" in problems[0] and "of this name already" in problems[1]


def test_leaving_deletes_all(visits, system):
    drop(visits, "me", "a.md")
    mine = visits.name("me")
    visits.leave("me")
    assert visits.name("me") == "" and not system.holds(mine)
    with pytest.raises(SettingsError):
        system.retrieve("Corals?", Settings(index=mine))
    visits.leave("me")  # a second time, as a button and a closed page do


def test_a_visit_that_ends_while_its_files_are_read_leaves_nothing(visits, system):
    before = files_there()
    visits.take("me", [arrive("a.md")])
    with pytest.raises(LeftError, match="deleted"):
        visits.read("me", lambda text: visits.leave("me"))
    assert visits.name("me") == "" and len(system._corpora) == 1
    with pytest.raises(LeftError, match="ended"):
        visits.read("me", SILENT)
    assert files_there() == before


def test_visits_files_and_passages_are_bounded(visits, system, monkeypatch):
    monkeypatch.setattr(module, "MOST_VISITS", 2)
    monkeypatch.setattr(module, "MOST_DOCUMENTS", 2)
    monkeypatch.setattr(module, "MOST_OWN_PASSAGES", 3)
    problems = drop(visits, "first", "a.md", "b.md", "c.md")
    assert visits.files("first") == {"a.md": 1, "b.md": 1} and len(problems) == 1
    problems = drop(visits, "second", "long.txt", text=f"{SEA} " * 100)
    assert visits.files("second") == {"long.txt": 3}
    assert "only its first 3 passages are kept" in problems[0]
    first = visits.name("first")
    drop(visits, "third", "a.md")
    assert visits.name("first") == "" and not system.holds(first)
    assert visits.name("second") and visits.name("third")


def test_what_is_too_old_goes(visits, monkeypatch):
    drop(visits, "me", "a.md")
    left = arrive("never-read.md")
    visits.expire()
    assert visits.name("me") and bytes_waiting()
    monkeypatch.setattr(module, "VISIT_SECONDS", -1.0)
    monkeypatch.setattr(module, "UPLOAD_AGE", -1.0)
    visits.expire()
    assert visits.name("me") == "" and bytes_waiting() == 0 and left


def test_two_visits_read_at_the_same_time(visits):
    names = [f"s{number}" for number in range(4)]
    threads = [threading.Thread(target=drop, args=(visits, name, f"{name}.md")) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [visits.files(name) for name in names] == [{f"{name}.md": 1} for name in names]
    assert len({visits.name(name) for name in names}) == 4
