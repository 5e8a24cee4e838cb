"""What visitors of a page may choose: on a page for others, only what its operator listed.

It knows names, and never looks whether there is something behind them.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import SettingsError
from core.settings import Settings
from generator.registry import GENERATORS

GENERATORS_NAME = "LFQA_GENERATORS"


@dataclass(frozen=True)
class Offer:
    """What may be chosen.

    Attributes:
        generators: by name, in the order of the page; the first is chosen at first.
        others: whether any other name or folder of a generator may be typed, too.
    """

    generators: tuple[str, ...] = (Settings().generator, *(name for name in GENERATORS if name != Settings().generator))
    others: bool = True

    @classmethod
    def of(cls, generators: Sequence[str] = (), public: bool = False) -> Offer:
        """What an operator offers.

        Args:
            generators: as listed on the command line; those of LFQA_GENERATORS are added.
            public: whether others than the operator reach the page. Then nothing but what is listed may be chosen, and
                the default; where nothing is listed, the generators that come along.
        """
        named = [name.strip() for name in os.environ.get(GENERATORS_NAME, "").split(",")]
        listed = tuple(dict.fromkeys(name for name in (*generators, *named) if name))
        closed = public or any(named)
        known = (Settings().generator,) if closed and listed else Offer.generators
        return cls(tuple(dict.fromkeys((*listed, *known))), others=not closed)

    @property
    def generator(self) -> str:
        """The one chosen at first."""
        return self.generators[0]

    def check(self, settings: Settings) -> Settings:
        """The settings, if they may be chosen.

        Raises:
            SettingsError: the generator is not offered; the message names those that are, and nothing of the disk.
        """
        if not self.others and settings.generator not in self.generators:
            raise SettingsError(
                f"the generator {settings.generator!r} is not offered here; allowed are {', '.join(self.generators)}"
            )
        return settings


def is_public(host: str) -> bool:
    """Whether others than this machine's user may reach a page that listens on a host.

    A Space, a link of Gradio's and a proxy's path count, too.

    >>> is_public("127.0.0.1"), is_public("localhost"), is_public("0.0.0.0"), is_public("::")
    (False, False, True, True)
    """
    shared = os.environ.get("GRADIO_SHARE", "").lower() == "true"
    if shared or "SPACE_ID" in os.environ or os.environ.get("GRADIO_ROOT_PATH"):
        return True
    try:
        return not ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host != "localhost"
