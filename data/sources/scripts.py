"""Raised and lowered signs as plain text: 10³ⁿ is "10^(3n)" and no other number, but CO₂ is "CO2" and 4ᵗʰ "4th".

It knows what is raised or lowered and what stands beside it. It knows no markup.
"""

from __future__ import annotations

import re

# What is raised for its looks alone: ordinals and abbreviations of many languages, marks of trade.
_SUFFIX = re.compile(
    r"(?:st|nd|rd|th|er|re|ère|e|ème|eme|me|nde?|[aeo]s?|ª|º|ter|bis|lles?|rs?|s|gr|tm|sm|de|te|ste|to|mo|ος|η|ο|"
    r"ый|ий|ой|й|я|ая|го|ое|е|м|х)\.?",
    re.IGNORECASE,
)
_FOOTNOTE = re.compile(r"\[[^\[\]]{1,12}\]")
# A single small letter is a quantity, which has powers.
_QUANTITY = re.compile(r"(?<![^\W\d_])[a-zα-ω]$")
_SUM = re.compile(r"\w\s*[+−–/*·×=-]\s*\w|\d[^\W\d_]|[^\w+−–.,-]")


def raised(words: str, before: str) -> str:
    """What is raised, where it stands.

    Args:
        words: that are raised.
        before: what stands before them.

    >>> [raised(words, before) for words, before in [("3n", "10"), ("1/2", "2"), ("2+", "Ca"), ("th", "4"), ("x", "e")]]
    ['^(3n)', '^(1/2)', '^2+', 'th', '^x']
    """
    inner, before = words.strip(), before.rstrip("'")
    if not inner or _FOOTNOTE.fullmatch(inner):
        return ""
    if inner.isalpha() and len(inner) > 1 and not before[-1:].isdigit():
        return words
    if _SUFFIX.fullmatch(inner) and not _QUANTITY.search(before):
        return words
    if not before[-1:].isalnum() and before[-1:] not in (")", "]") and not inner.lstrip("−-+").isdigit():
        return words
    return f"^({inner})" if _SUM.search(inner) and not re.fullmatch(r"\(.*\)", inner) else f"^{inner}"


def lowered(words: str, before: str, after: str) -> str:
    """What is lowered, where it stands; digits beside digits would be another number.

    Args:
        words: that are lowered.
        before: what stands before them.
        after: what follows them.

    >>> lowered("2", "CO", " is"), lowered("2", "101", ""), lowered("2", "log", "8")
    ('2', '_2', '_2 ')
    """
    inner = words.strip()
    if inner[:1].isdigit() and before.rstrip("'")[-1:].isdigit():
        return f"_{inner}"
    return f"_{inner} " if inner[-1:].isdigit() and after[:1].isdigit() else words
