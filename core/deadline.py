"""When to end: a number of seconds, counted from its beginning."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from core.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment at which work ends, with what there is by then.

    Attributes:
        seconds: in all, from the moment when it was made.
    """

    seconds: float
    _began: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds, never below 0."""
        return max(0.0, self._began + self.seconds - time.monotonic())


class Ending(threading.Event):
    """Set when another event is, or when the time is up: what ends at its next step for the one ends for the other.

    Attributes:
        late: whether the time was up when somebody looked.
    """

    def __init__(self, stop: threading.Event, seconds: float | None) -> None:
        """Begin to count.

        Args:
            stop: set from any thread.
            seconds: from now on; None for no end.
        """
        super().__init__()
        self.late = False
        self._stop = stop
        self._deadline = None if seconds is None else Deadline(seconds)

    def is_set(self) -> bool:
        """Whether to end."""
        if self._stop.is_set():
            return True
        self.late = self.late or (self._deadline is not None and self._deadline.left <= 0)
        return self.late


def seconds_within(given: str | float | None, default: float, most: int, noun: str) -> float:
    """A number of seconds that somebody gave, or the default where it is None or "".

    Raises:
        SettingsError: it is no number from 1 to `most`; the noun says of what.
    """
    if given is None or given == "":
        return default
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= most:
        raise SettingsError(f'{noun} are "{given}"; allowed are 1 to {most}')
    return seconds
