import json
import os
import threading
import time
from pathlib import Path

import pytest

from core import kept_files
from core.kept_files import fault, kept, note

CONTENT = bytes(range(256)) * 4096 * 5  # 20 blocks


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def flipped_by_the_disk(path: Path) -> None:
    """Without a new time."""
    status = path.stat()
    flipped(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def without_its_note(path: Path) -> None:
    path.with_name(f".{path.name}.checked").unlink()


def with_a_spoilt_note(path: Path) -> None:
    path.with_name(f".{path.name}.checked").write_text('{"label": "", "checked": "x", "files": [1]}')


@pytest.fixture
def made() -> list[Path]:
    return []


@pytest.fixture
def make(made):
    def write(part: Path) -> None:
        made.append(part)
        part.write_bytes(CONTENT)

    return write


@pytest.fixture
def make_folder(made):
    def write(part: Path) -> None:
        made.append(part)
        part.mkdir()
        for name in ("model", "config"):
            (part / name).write_bytes(name.encode() * 1000)

    return write


def test_it_is_made_once(tmp_path, make, made):
    for _ in range(3):
        assert kept(tmp_path / "new" / "a", make).read_bytes() == CONTENT
    assert len(made) == 1


@pytest.mark.parametrize("spoil", [emptied, truncated, flipped, without_its_note, with_a_spoilt_note])
def test_what_is_spoilt_is_made_again_and_that_is_said_once(tmp_path, make, made, caplog, spoil):
    path = kept(tmp_path / "a", make)
    spoil(path)
    for _ in range(2):
        assert kept(path, make).read_bytes() == CONTENT
    assert len(made) == 2
    (record,) = caplog.records
    assert str(path) in record.getMessage() and "is made again" in record.getMessage()


@pytest.mark.parametrize("name", ["model", "config"])
@pytest.mark.parametrize("spoil", [emptied, truncated, flipped, Path.unlink])
def test_every_file_of_a_folder_counts_and_is_named(tmp_path, make_folder, made, caplog, spoil, name):
    path = kept(tmp_path / "a", make_folder)
    spoil(path / name)
    assert (kept(path, make_folder) / name).read_bytes() == name.encode() * 1000
    assert len(made) == 2
    assert spoil is Path.unlink or f"{path} holds {name}, which " in caplog.text


def test_a_file_that_was_not_written_counts_too(tmp_path, make_folder, made):
    path = kept(tmp_path / "a", make_folder)
    (path / "more").write_text("x")
    kept(path, make_folder)
    assert len(made) == 2 and not (path / "more").exists()


def test_a_flip_without_a_new_time_is_found_once_a_day(tmp_path, make):
    path = kept(tmp_path / "a", make)
    flipped_by_the_disk(path)
    its_note = path.with_name(".a.checked")
    its_note.write_text(json.dumps(json.loads(its_note.read_text()) | {"checked": time.time() - 90_000}))
    assert fault(path) == "is not what was written"


def test_samples_find_it_earlier(tmp_path, make):
    path = kept(tmp_path / "a", make)
    flipped_by_the_disk(path)
    # Eight of twenty blocks are drawn each time.
    assert any(fault(path) for _ in range(200))


def test_an_opening_reads_a_few_blocks(tmp_path, make, monkeypatch):
    path = kept(tmp_path / "a", make)
    read = []
    hashed = kept_files._hashed
    monkeypatch.setattr(kept_files, "_hashed", lambda block: read.append(len(block)) or hashed(block))
    assert fault(path) == "" and len(read) <= 10


def test_a_new_time_alone_is_looked_at_once(tmp_path, make, made):
    path = kept(tmp_path / "a", make)
    os.utime(path, (1, 1))
    kept(path, make)
    known = json.loads(path.with_name(".a.checked").read_text())
    assert len(made) == 1 and known["files"][""]["changed"] == 10**9


def test_another_label_is_a_fault(tmp_path, make):
    path = kept(tmp_path / "a", make)
    note(path, label="one")
    assert fault(path, "one") == "" and fault(path, "two")


def test_one_makes_it_while_others_wait(tmp_path, make, made):
    def slowly(part: Path) -> None:
        make(part)
        time.sleep(0.2)

    threads = [threading.Thread(target=kept, args=(tmp_path / "a", slowly)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_parts_of_a_run_that_was_killed_are_removed(tmp_path, make):
    (tmp_path / ".a.7.1a2b3c4d.part").write_bytes(b"half")
    kept(tmp_path / "a", make)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a.checked", ".a.lock", "a"]


def test_where_nothing_can_be_written_that_is_raised(tmp_path, make):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError):
        kept(tmp_path / "file" / "a", make)
