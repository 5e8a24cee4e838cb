"""Which wiki is asked: from what the command line says to the address of its API; and who is asking.

Only https or loopback, and only what the operator named. It knows addresses, and asks nobody.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.errors import UserError
from core.files import write_text
from data.assets import cache_folder

CONTACT = "LFQA_CONTACT"
POLICY = "https://foundation.wikimedia.org/wiki/Policy:Wikimedia_Foundation_User-Agent_Policy"
_LANGUAGE = re.compile(r"simple|[a-z]{2,3}(?:-[a-z]{2,10})*")
_CONTACT = re.compile(r"[^\s@<>()]+@[^\s@<>()]+\.[a-z]{2,}|https?://[^\s<>()]+|[Uu]ser:[^\n<>()]{1,80}")
_LONGEST_CONTACT = 200  # characters; it goes along with every request


class WikiError(UserError):
    """A wiki cannot be searched; the message says which, why and what to do."""


class ContactError(WikiError):
    """Nobody is named who asks the wiki."""


@dataclass(frozen=True, slots=True)
class Wiki:
    """A MediaWiki.

    Attributes:
        spec: as the command line names it, such as "wikipedia:simple".
        name: for people, such as "Simple English Wikipedia".
        api: the address of its api.php.
        licence: of its texts; "" where the wiki itself is to be asked.
    """

    spec: str
    name: str
    api: str
    licence: str = ""

    @property
    def host(self) -> str:
        """The only host that is ever asked."""
        return urlsplit(self.api).netloc

    @property
    def root(self) -> str:
        """What index.php is put after, for links to a revision."""
        return self.api.rsplit("/", 1)[0]


def parse_wiki(spec: str) -> Wiki:
    """The wiki that a text names: "wikipedia", "wikipedia:LANGUAGE" or "mediawiki:API-URL".

    Raises:
        WikiError: it names none, or one that must not be asked.

    >>> parse_wiki("wikipedia:simple").api
    'https://simple.wikipedia.org/w/api.php'
    """
    kind, _, rest = spec.partition(":")
    if kind == "wikipedia":
        language = rest or "en"
        if not _LANGUAGE.fullmatch(language):
            raise WikiError(
                f'"{rest}" is no language code of a Wikipedia; write wikipedia (English), or the code before '
                ".wikipedia.org, such as wikipedia:simple or wikipedia:de"
            )
        name = {"en": "English Wikipedia", "simple": "Simple English Wikipedia"}.get(
            language, f"Wikipedia ({language})"
        )
        return Wiki(spec, name, f"https://{language}.wikipedia.org/w/api.php", "CC BY-SA 4.0")
    return Wiki(spec, urlsplit(rest).netloc, _checked_address(rest))


def _checked_address(address: str) -> str:
    """The address of an API, if it may be asked."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise WikiError(f'"{address}" is no address ({error}); write mediawiki:https://HOST/PATH/api.php') from error
    if not host or not parts.path.endswith("/api.php") or parts.query or parts.fragment:
        raise WikiError(f'"{address}" is no address of a MediaWiki API; write mediawiki:https://HOST/PATH/api.php')
    if parts.username or parts.password:
        raise WikiError("the address of a wiki must not hold a name or a password; only wikis open to all are read")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise WikiError(f'"{address}" is not https, so others could read and change what is sent; write https://')
    return address


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("example.org")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def contact() -> str:
    """Who answers for the questions: LFQA_CONTACT, or what was kept before.

    Raises:
        ContactError: nobody is named.
    """
    path = cache_folder() / "contact"
    given = os.environ.get(CONTACT, "") or (path.read_text(encoding="utf-8") if path.is_file() else "")
    return check_contact(given)


def check_contact(text: str) -> str:
    """A contact as a wiki's operators can use it: an e-mail address, a web address, or User:NAME.

    Raises:
        ContactError: it is none.

    >>> check_contact(" ada@example.org ")
    'ada@example.org'
    """
    text = text.strip()
    if len(text) <= _LONGEST_CONTACT and text.isascii() and text.isprintable() and _CONTACT.fullmatch(text):
        return text
    given = f'"{text[:60]}" is none' if text else "none is given"
    raise ContactError(
        f"a wiki's operators ask for a contact of whoever sends requests, and {given}: set {CONTACT} to an e-mail "
        f"address or a web page of yours ({POLICY})"
    )


def keep_contact(text: str) -> str:
    """Keep a contact for later starts, in the cache's folder; errors as in `check_contact`."""
    checked = check_contact(text)
    write_text(cache_folder() / "contact", checked)
    return checked
