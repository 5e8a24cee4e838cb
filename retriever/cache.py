"""What was fetched and embedded, kept on disk: bounded in size and in age, and only ever bytes.

SQLite does the keeping. (Of the libraries for it, diskcache unpickles what it reads and is no longer kept up, and
hishel and requests-cache keep answers by request, while a page is kept by its revision.) Keys are hashed, so the file
holds no question in plain words; it is readable by its owner only. It knows keys and bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

logger = logging.getLogger(__name__)

DAY = 86_400.0
LARGEST = 512 << 20  # bytes of values
OLDEST = 60 * DAY
_TABLE = """CREATE TABLE IF NOT EXISTS entries
    (key BLOB PRIMARY KEY, value BLOB NOT NULL, bytes INTEGER NOT NULL, stored REAL NOT NULL, used REAL NOT NULL)
    WITHOUT ROWID"""
_MOST_KEYS = 500  # in one statement


class Cache:
    """Keys → bytes in one file; a file that is damaged or cannot be written is done without, and that is logged."""

    def __init__(self, path: Path, largest: int = LARGEST, oldest: float = OLDEST) -> None:
        """Open or make the file.

        Args:
            path: of the file.
            largest: how many bytes of values are kept; what was not used for longest goes first.
            oldest: for how many seconds.
        """
        self._path, self._largest, self._oldest = path, largest, oldest
        self._lock = threading.Lock()
        self._base = self._open()

    def get(self, key: str, youngest: float = OLDEST) -> bytes | None:
        """The value of a key that was put at most so many seconds ago; None where there is none."""
        return self.get_many([key], youngest).get(key)

    def get_many(self, keys: Sequence[str], youngest: float = OLDEST) -> dict[str, bytes]:
        """Those of some keys that are there."""
        by_hash = {_hashed(key): key for key in keys}
        found: dict[str, bytes] = {}
        now = time.time()
        hashes = list(by_hash)
        with self._lock:
            try:
                for start in range(0, len(hashes), _MOST_KEYS):
                    some = hashes[start : start + _MOST_KEYS]
                    marks = ",".join("?" * len(some))
                    rows = self._base.execute(
                        f"SELECT key, value FROM entries WHERE key IN ({marks}) AND stored >= ?",
                        (*some, now - youngest),
                    ).fetchall()
                    self._base.execute(f"UPDATE entries SET used = ? WHERE key IN ({marks})", (now, *some))
                    found |= {by_hash[key]: value for key, value in rows}
                self._base.commit()
            except sqlite3.DatabaseError as error:
                self._give_up(error)
        return {key: whole for key, value in found.items() if (whole := _unpacked(value)) is not None}

    def put(self, key: str, value: bytes) -> None:
        """Keep a value."""
        self.put_many({key: value})

    def put_many(self, values: Mapping[str, bytes]) -> None:
        """Keep some values; then let go of what is too much."""
        now = time.time()
        packed = {_hashed(key): zlib.compress(value, 6) for key, value in values.items()}
        rows = [(key, value, len(value), now, now) for key, value in packed.items()]
        with self._lock:
            try:
                self._base.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)", rows)
                self._size += sum(size for _, _, size, _, _ in rows)
                if self._size > self._largest:
                    self._shrink()
                self._base.commit()
            except sqlite3.DatabaseError as error:
                self._give_up(error)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._base.close()

    def _shrink(self) -> None:
        """Delete what was not used for longest, down to nine tenths."""
        size = int(self._base.execute("SELECT TOTAL(bytes) FROM entries").fetchone()[0])
        for key, count in self._base.execute("SELECT key, bytes FROM entries ORDER BY used").fetchall():
            if size <= 0.9 * self._largest:
                break
            self._base.execute("DELETE FROM entries WHERE key = ?", (key,))
            size -= count
        self._size = size

    def _give_up(self, error: sqlite3.DatabaseError) -> None:
        """Go on where the file cannot be used as it stands: a damaged one is made anew; the caller holds the lock."""
        if isinstance(error, sqlite3.OperationalError):  # a full disk, a lock that is held too long
            with contextlib.suppress(sqlite3.Error):
                self._base.rollback()
            logger.warning("nothing more is kept of what is fetched: %s", error)
            return
        self._base.close()
        self._base = self._renewed(error)

    def _open(self) -> sqlite3.Connection:
        """The file, ready; a new one in memory where there can be none."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            try:
                return self._prepared(self._path)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                return self._renewed(error)
        except (OSError, sqlite3.Error) as error:
            return self._in_memory(error)

    def _renewed(self, error: sqlite3.DatabaseError) -> sqlite3.Connection:
        """A new file in place of a damaged one."""
        logger.warning("%s is damaged (%s) and is made anew", self._path, error)
        try:
            for ending in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            return self._prepared(self._path)
        except (OSError, sqlite3.Error) as again:
            return self._in_memory(again)

    def _in_memory(self, error: Exception) -> sqlite3.Connection:
        logger.warning("what is fetched is only kept until the end: %s cannot be used (%s)", self._path, error)
        return self._prepared(":memory:")

    def _prepared(self, path: Path | str) -> sqlite3.Connection:
        """A connection whose table is there, without what is too old; its size is noted."""
        base = sqlite3.connect(path, timeout=5, check_same_thread=False)
        try:
            base.execute("PRAGMA journal_mode = WAL")
            base.execute("PRAGMA synchronous = NORMAL")
            base.execute(_TABLE)
            base.execute("DELETE FROM entries WHERE stored < ?", (time.time() - self._oldest,))
            base.commit()
            self._size = int(base.execute("SELECT TOTAL(bytes) FROM entries").fetchone()[0])
        except sqlite3.Error:
            base.close()
            raise
        return base


def _unpacked(value: bytes) -> bytes | None:
    """What was kept, which zlib has a checksum of; None where it is damaged, as if it were not there."""
    try:
        return zlib.decompress(value)
    except (zlib.error, TypeError):
        return None


def _hashed(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
