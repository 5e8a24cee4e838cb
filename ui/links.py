"""An address that asks again: question and settings to a query string, and back.

It knows the settings' names; reading checks nothing but the names, the settings check themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from answers import AskSettings

# Always in the link, so that it means the same after the defaults have changed.
_ALWAYS = ("retrieval", "passages", "generator")


def to_query(question: str, settings: AskSettings) -> str:
    """The query string that reopens a question with its settings; what is at its default stays out.

    >>> to_query("Why is the sky blue?", AskSettings("dense", 2, "fused"))
    '?q=Why+is+the+sky+blue%3F&retrieval=dense&passages=2&generator=fused'
    """
    default = AskSettings().to_json()
    chosen = {name: value for name, value in settings.to_json().items() if name in _ALWAYS or value != default[name]}
    return "?" + urlencode({"q": question} | chosen)


def from_query(query: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """The question of an address, "" if it has none, and the settings that it names.

    Numbers become numbers where they are some; what is wrong is left for the settings to refuse.

    >>> from_query({"q": "Why?", "passages": "2", "temperature": "0.5", "theme": "x", "seed": "one"})
    ('Why?', {'passages': 2, 'temperature': 0.5, 'seed': 'one'})
    """
    known = AskSettings().to_json()
    named = {name: _like(known[name], query[name]) for name in known if name in query}
    return query.get("q", ""), named


def _like(default: object, text: str) -> Any:  # noqa: ANN401 — whatever the setting is
    """The text as a number where the setting is one and the text reads as one."""
    if isinstance(default, str):
        return text
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
