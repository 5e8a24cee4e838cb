"""Answers that visitors shared, as they were: a folder with one JSON file each, bounded in size and number.

A file's name cannot be guessed, and only files of such names are read or removed. It knows files, and nothing of
what they hold.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.files import write_text
from ui.bounds import LARGEST_KEPT, MOST_SNAPSHOTS

_NAME = re.compile(r"[0-9a-f]{32}")


class SnapshotError(UserError):
    """A shared answer cannot be kept or is not there; the message says what to do."""


class Snapshots:
    """The shared answers of one folder."""

    def __init__(self, folder: Path, most: int = MOST_SNAPSHOTS) -> None:
        """Use a folder, which is made where it is missing.

        Args:
            folder: files in it that are no snapshots stay as they are.
            most: how many are kept; the oldest go first.

        Raises:
            SnapshotError: it cannot be used.
        """
        self._folder, self._most = folder, most
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SnapshotError(
                f"shared answers cannot go to {folder} ({error.strerror}): name another folder with --snapshots"
            ) from error

    def keep(self, run: str, answer: Mapping[str, Any]) -> str:
        """Keep an answer; the same run again is the same snapshot.

        Args:
            run: its id, a random one, which nobody learns from the name that is made of it.
            answer: its JSON object.

        Returns:
            The snapshot's name.

        Raises:
            SnapshotError: it is too large.
            OSError: it cannot be written.
        """
        text = json.dumps(dict(answer), ensure_ascii=False)
        if len(text) > LARGEST_KEPT:
            raise SnapshotError(
                f"This answer has {len(text):,} characters with its passages; at most {LARGEST_KEPT:,} can be shared."
            )
        name = hashlib.blake2b(run.encode(), digest_size=16, person=b"snapshot").hexdigest()
        write_text(self._folder / f"{name}.json", text)
        self._make_room()
        return name

    def read(self, name: str) -> str:
        """The JSON text of a snapshot.

        Raises:
            SnapshotError: there is none of that name (any more).
        """
        if _NAME.fullmatch(name):
            with suppress(OSError, UnicodeError):
                return (self._folder / f"{name}.json").read_text(encoding="utf-8")
        raise SnapshotError(
            "This shared answer is not kept any more. Its question is in the box: press Ask to ask anew."
        )

    def _make_room(self) -> None:
        """Remove the oldest beyond the bound."""
        kept = [path for path in self._folder.glob("*.json") if _NAME.fullmatch(path.stem)]
        for path in sorted(kept, key=_age)[: max(0, len(kept) - self._most)]:
            path.unlink(missing_ok=True)


def _age(path: Path) -> float:
    """When a file was written; one that just went counts as oldest."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
