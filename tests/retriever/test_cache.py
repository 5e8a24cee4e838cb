import random
import sqlite3
import stat
import time

import pytest

from retriever.cache import Cache


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "articles.sqlite"


def test_what_was_put_is_there_for_others_too(path):
    Cache(path).put_many({"a": b"1", "b": b"\x00" * 10_000})
    assert Cache(path).get_many(["a", "b", "c"]) == {"a": b"1", "b": b"\x00" * 10_000}


def test_more_keys_than_a_statement_may_hold(path):
    cache = Cache(path)
    values = {str(number): str(number).encode() for number in range(1_700)}
    cache.put_many(values)
    assert cache.get_many(list(values)) == values


def test_what_is_too_old_is_not_given(path, monkeypatch):
    cache = Cache(path)
    cache.put("a", b"1")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 100)
    assert cache.get("a", youngest=50) is None and cache.get("a", youngest=200) == b"1"
    assert Cache(path, oldest=50).get("a") is None


def test_what_was_not_used_for_longest_goes_first(path, monkeypatch):
    now = time.time()
    cache = Cache(path, largest=5_000)
    for number in range(8):
        monkeypatch.setattr(time, "time", lambda number=number: now + number)
        cache.put(str(number), random.Random(number).randbytes(1_000))
        assert cache.get("0") is not None
    kept = set(cache.get_many([str(number) for number in range(8)]))
    assert "0" in kept and "7" in kept and "1" not in kept
    size = sqlite3.connect(path).execute("SELECT SUM(bytes) FROM entries").fetchone()[0]
    assert size <= 5_000


def test_a_damaged_file_is_made_anew(path):
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 1_000)
    cache = Cache(path)
    cache.put("a", b"1")
    assert Cache(path).get("a") == b"1"


def test_a_file_that_is_damaged_while_it_is_open_is_made_anew(path, caplog):
    cache = Cache(path)
    cache.put_many({str(number): random.Random(number).randbytes(4_000) for number in range(100)})
    cache.close()
    content = bytearray(path.read_bytes())
    content[8192:] = bytes(len(content) - 8192)
    path.write_bytes(content)
    cache = Cache(path)
    assert cache.get_many([str(number) for number in range(100)]) == {}
    cache.put("a", b"1")
    assert cache.get("a") == Cache(path).get("a") == b"1"
    assert f"{path} is damaged" in caplog.text


@pytest.mark.parametrize("damage", ["truncate", "flip"])
def test_a_value_that_is_damaged_is_not_given(path, damage):
    cache = Cache(path)
    cache.put_many({"a": b"1" * 100, "b": b"2"})
    (value,) = cache._base.execute("SELECT value FROM entries WHERE bytes > 10").fetchall()[0]
    spoilt = value[:-3] if damage == "truncate" else value[:-5] + bytes([value[-5] ^ 1]) + value[-4:]
    cache._base.execute("UPDATE entries SET value = ? WHERE value = ?", (spoilt, value))
    assert set(cache.get_many(["a", "b"])) == {"b"}


def test_where_nothing_can_be_written_the_memory_does(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    cache = Cache(tmp_path / "file" / "articles.sqlite")
    cache.put("a", b"1")
    assert cache.get("a") == b"1" and "only kept until the end" in caplog.text


def test_the_file_is_its_owners_and_holds_no_key_in_plain_words(path):
    cache = Cache(path)
    cache.put("why is my rash so red", b"1")
    cache.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"rash" not in path.read_bytes()
