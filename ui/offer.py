"""What visitors of a page may choose: on a page for others, only what its operator listed.

It knows names, and never looks whether there is something behind them.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.errors import SettingsError
from core.settings import Settings
from core.texts import as_given
from generator.registry import AT_HAND
from retriever.article_plan import is_live
from retriever.live.wiki import CONTACT, ContactError, check_contact, contact
from retriever.registry import EMBEDDED

GENERATORS_NAME = "LFQA_GENERATORS"
UPLOADS = "LFQA_UPLOADS"
OWN = "own:"  # begins the names of what visitors drop, each known to its visit only


@dataclass(frozen=True)
class Offer:
    """What may be chosen.

    Attributes:
        generators: by name, in the order of the page; the first is chosen at first.
        others: whether any other name or folder of a generator may be typed, too.
        indexes: what may be read, by name; the first is read where none is named.
        public: whether others than the operator reach the page.
        uploads: whether visitors may drop documents of their own.
    """

    generators: tuple[str, ...] = (Settings().generator, *(name for name in AT_HAND if name != Settings().generator))
    others: bool = True
    indexes: tuple[str, ...] = (EMBEDDED,)
    public: bool = False
    uploads: bool = True

    @classmethod
    def of(
        cls,
        generators: Sequence[str] = (),
        public: bool = False,
        indexes: Sequence[str] = (EMBEDDED,),
        uploads: bool = True,
    ) -> Offer:
        """What an operator offers.

        Args:
            generators: as listed on the command line; those of LFQA_GENERATORS are added.
            public: whether others than the operator reach the page. Then nothing but what is listed may be chosen, and
                the default; where nothing is listed, the generators that come along.
            indexes: as `LongFormQA.indexes`.
            uploads: whether visitors may drop documents of their own.
        """
        named = [name.strip() for name in os.environ.get(GENERATORS_NAME, "").split(",")]
        listed = tuple(dict.fromkeys(name for name in (*generators, *named) if name))
        closed = public or any(named)
        known = (Settings().generator,) if closed and listed else Offer.generators
        return cls(tuple(dict.fromkeys((*listed, *known))), not closed, tuple(indexes), public, uploads)

    @property
    def generator(self) -> str:
        """The one chosen at first."""
        return self.generators[0]

    def named(self, index: str) -> str:
        """The name of an index; the first where none is named.

        Raises:
            SettingsError: it is not offered.
        """
        if index.startswith(OWN) and index not in self.indexes:
            raise SettingsError(
                "a visitor's own documents can be asked only in the question box of the page, and in the visit that "
                f"dropped them: drop them there, or choose {', '.join(self.indexes)}"
            )
        if index and index not in self.indexes:
            raise SettingsError(
                f"the index {as_given(index)} is not offered here; allowed are {', '.join(self.indexes)}"
            )
        return index or self.indexes[0]

    def check(self, settings: Settings) -> Settings:
        """The settings, if they may be chosen, with the name of the index where there are several.

        Raises:
            SettingsError: the generator or the index is not offered; the message names those that are, and nothing of
                the disk.
            ContactError: a live wiki may not be asked yet.
        """
        if not self.others and settings.generator not in self.generators:
            given, allowed = as_given(settings.generator), ", ".join(self.generators)
            raise SettingsError(f"the generator {given} is not offered here; allowed are {allowed}")
        index = self.named(settings.index)
        check_live(index, self.public)
        return replace(settings, index=index if len(self.indexes) > 1 else "")


def uploads_allowed() -> bool:
    """Whether LFQA_UPLOADS lets visitors drop documents of their own: unless it says no.

    Raises:
        SettingsError: it says neither yes nor no.
    """
    said = os.environ.get(UPLOADS, "").strip().lower() or "yes"
    if said not in ("yes", "no"):
        raise SettingsError(f"{UPLOADS} is {said!r}; allowed are yes and no")
    return said == "yes"


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


def check_live(index: str, public: bool) -> None:
    """See that a live wiki may be asked; what is no live wiki always may.

    Raises:
        ContactError: nobody is named who asks it. On a page that others reach only LFQA_CONTACT counts.
    """
    if not is_live(index):
        return
    if public:
        check_contact(os.environ.get(CONTACT, ""))
        return
    try:
        contact()
    except ContactError as error:
        raise ContactError(f"{error}; on the page it can be given under “What is read”") from error
