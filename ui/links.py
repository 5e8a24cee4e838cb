"""An address that asks again: question and settings to a query string, and back.

Reading checks nothing but the names of settings; the settings check themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from core.settings import DEFAULTS, Settings


def to_query(question: str, settings: Settings) -> str:
    """The query string that reopens a question with its settings; what is at its default stays out.

    >>> to_query("Why is the sky blue?", Settings("dense", 2, "fused"))
    '?q=Why+is+the+sky+blue%3F&retrieval=dense&passages=2&generator=fused'
    """
    return "?" + urlencode({"q": question} | settings.changed())


def from_query(query: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The question of an address, "" if it has none, and the settings that it names, as they stand there.

    >>> from_query({"q": "Why?", "passages": "2", "theme": "x"})
    ('Why?', {'passages': '2'})
    """
    return query.get("q", ""), {name: query[name] for name in DEFAULTS if name in query}
