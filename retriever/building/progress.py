"""The bar of a long build: passages per second, time left, disk left."""

from __future__ import annotations

import shutil
from pathlib import Path

from tqdm import tqdm


class Progress:
    """A bar over passages; use it in a `with` statement."""

    def __init__(self, label: str, folder: Path, total: int | None = None) -> None:
        """Begin a bar.

        Args:
            label: what is done, such as "embedding".
            folder: whose disk is watched.
            total: passages in all; None while it is not known.
        """
        self._folder = folder
        self._bar = tqdm(desc=label, total=total, unit=" passages", mininterval=0.5, smoothing=0.05)
        self._show_disk()

    def __enter__(self) -> Progress:
        """Nothing but itself."""
        return self

    def __exit__(self, *failure: object) -> None:
        """End the bar."""
        self._bar.close()

    def start_at(self, done: int) -> None:
        """Passages that an earlier run has done; they do not count for the speed."""
        self._bar.initial = self._bar.n = done
        self._bar.refresh()

    def add(self, passages: int, share: float = 0.0) -> None:
        """So many more are done; `share` of the source, 0 to 1, tells how many there will be in all."""
        if share > 0:
            self._bar.total = max(self._bar.n + passages, round((self._bar.n + passages) / share))
        self._show_disk()
        self._bar.update(passages)

    def _show_disk(self) -> None:
        self._bar.set_postfix_str(f"{shutil.disk_usage(self._folder).free / 1e9:.1f} GB of disk left", refresh=False)
