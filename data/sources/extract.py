r"""The plain text that MediaWiki's TextExtracts makes of a page, in sections.

Headings stand as "== History ==" (exsectionformat=wiki); formulas leave their TeX with many short lines around it. See
https://www.mediawiki.org/wiki/Extension:TextExtracts. It knows that text, and nothing of wikis or passages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from data.sources.base import Section
from data.sources.outline import ITEM, Outline, formula, sections

_HEADING = re.compile(r"^(={2,6})\s*(.+?)\s*\1$")
_AFTER_FORMULA = re.compile(r"(?:[ \t]*\n[ \t]+(?=\n|\S))*[ \t]*\n?[ \t]*")
_END = re.compile(r"[.!?…:;]['\"”’)\]]*$")


def read_extract(text: str, address: str) -> list[Section]:
    r"""The sections of an extract with prose in them, the lead first.

    Args:
        text: as prop=extracts gives it with explaintext and exsectionformat=wiki.
        address: of the article.

    >>> [(s.title, s.text, s.url) for s in read_extract("Tea is a drink.\n\n\n== Use ==\nAt five.", "a")]
    [('', 'Tea is a drink.', 'a'), ('Use', 'At five.', 'a#Use')]
    """
    return list(sections(_pieces(formulas_as_words(text)), address))


def formulas_as_words(text: str) -> str:
    r"""Put a formula's words in its place, and in that of the lines that it was broken into.

    >>> formulas_as_words("Here\n  \n    \n      c\n    \n    {\\displaystyle c_{0}}\n  \n is the speed.")
    'Here c_0 is the speed.'
    """
    pieces, start = [], 0
    for match in re.finditer(r"\{\\(?:display|text|script)style\b", text):
        if match.start() < start:
            continue
        pieces.append(_before_formula(text[start : match.start()]))
        start = _end_of_braces(text, match.start())
        pieces.append(f" {formula(text[match.start() : start])} ")
        start = _AFTER_FORMULA.match(text, start).end()  # type: ignore[union-attr]
    pieces.append(text[start:])
    return "".join(pieces)


def _before_formula(text: str) -> str:
    """Without the indented lines at its end: the formula's letters, one a line."""
    lines = text.split("\n")
    while len(lines) > 1 and (not lines[-1].strip() or lines[-1].startswith("  ")):
        lines.pop()
    return "\n".join(lines).rstrip(" ") if len(lines) < text.count("\n") + 1 else text


def _end_of_braces(text: str, start: int) -> int:
    """Where the brace that opens at `start` has closed."""
    depth = 0
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place + 1
    return len(text)


def _pieces(text: str) -> Iterator[tuple[Outline, str]]:
    """Each stretch between two headings with where it stands."""
    outline = Outline()
    lines: list[str] = []
    for line in text.split("\n"):
        heading = _HEADING.match(line.strip())
        if heading:
            yield outline, "\n".join(lines)
            outline.enter(len(heading[1]), heading[2])
            lines = []
        else:
            lines.append(_as_item(line))
    yield outline, "\n".join(lines)


def _as_item(line: str) -> str:
    """A line that ends like no sentence was a list's, or a caption's; the extract does not say."""
    return line if _END.search(line.rstrip()) else f"{ITEM}{line}"
