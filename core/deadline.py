"""When to end: a number of seconds, counted from its beginning."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


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
