"""What every generator has in common: the interface that qa.py talks to.

It knows no model. The kinds behind it are in extractive.py, seq2seq.py and fused.py.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from core.errors import UserError
from core.records import Draft, Retrieved
from core.settings import Settings


class GeneratorError(UserError):
    """A generator cannot be loaded or used; the message says why and what to do."""


@runtime_checkable
class Forgetful(Protocol):
    """A generator, a judge or a selector that keeps what it read for the next question."""

    def forget(self) -> None:
        """Keep nothing of what was read."""
        ...


class Generator(Protocol):
    """A writer of answers.

    `read` decides what the model sees and `stream` writes from exactly that, so the passages shown as evidence
    are the passages read, in the same order.
    """

    name: str

    def read(self, retrieved: Retrieved) -> Retrieved:
        """What was found, with what the model will read of each passage. Cheap: no model runs."""
        ...

    def stream(self, retrieved: Retrieved, settings: Settings, stop: threading.Event | None = None) -> Iterator[Draft]:
        """Write the answer step by step; when `stop` is set, end at the next token.

        Args:
            retrieved: what `read` returned.
            settings: how to write.
            stop: set from any thread to end early; what is written up to the last whole sentence stays.

        Yields:
            Drafts; the last is `done`, made of whole sentences, and always given unless the iterator is closed.
        """
        ...
