"""What was fetched and embedded, kept on disk: bounded in size and in age, and only ever bytes.

SQLite does the keeping. (Of the libraries for it, diskcache unpickles what it reads and is no longer kept up, and
hishel and requests-cache keep answers by request, while a page is kept by its revision.) Keys are hashed, so the file
holds no question in plain words; it is readable by its owner only. It knows keys and bytes.
"""

from __future__ import annotations

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
        self._largest = largest
        self._lock = threading.Lock()
        self._base = self._open(path, oldest)
        with self._lock:
            self._size = int(self._base.execute("SELECT TOTAL(bytes) FROM entries").fetchone()[0])

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
            for start in range(0, len(hashes), _MOST_KEYS):
                some = hashes[start : start + _MOST_KEYS]
                marks = ",".join("?" * len(some))
                rows = self._base.execute(
                    f"SELECT key, value FROM entries WHERE key IN ({marks}) AND stored >= ?", (*some, now - youngest)
                ).fetchall()
                self._base.execute(f"UPDATE entries SET used = ? WHERE key IN ({marks})", (now, *some))
                found |= {by_hash[key]: value for key, value in rows}
            self._base.commit()
        return {key: zlib.decompress(value) for key, value in found.items()}

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
            except sqlite3.OperationalError as error:
                self._base.rollback()
                logger.warning("nothing more is kept of what is fetched: %s", error)

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

    def _open(self, path: Path, oldest: float) -> sqlite3.Connection:
        """The file, ready; a new one in memory where there can be none."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            try:
                return _prepared(path, oldest)
            except sqlite3.DatabaseError as error:
                logger.warning("%s is damaged (%s) and is made anew", path, error)
                path.unlink()
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
                return _prepared(path, oldest)
        except (OSError, sqlite3.Error) as error:
            logger.warning("what is fetched is only kept until the end: %s cannot be used (%s)", path, error)
            return _prepared(":memory:", oldest)


def _prepared(path: Path | str, oldest: float) -> sqlite3.Connection:
    """A connection whose table is there, without what is too old."""
    base = sqlite3.connect(path, timeout=5, check_same_thread=False)
    base.execute("PRAGMA journal_mode = WAL")
    base.execute("PRAGMA synchronous = NORMAL")
    base.execute(_TABLE)
    base.execute("DELETE FROM entries WHERE stored < ?", (time.time() - oldest,))
    base.commit()
    return base


def _hashed(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
