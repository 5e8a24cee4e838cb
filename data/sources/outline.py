"""Where in an article a text stands: the path of headings above it, and whether such sections are read at all.

It knows headings; nothing of markup.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from data.sources.base import Section
from data.sources.formulas import formula_words
from data.sources.headings import lists_sources, may_list_sources
from data.sources.markup import hidden
from data.sources.templates import HOLE
from data.sources.wikitext import ITEM, prose_of_lines

__all__ = ["ITEM", "Outline", "formula", "sections"]

_STYLE = re.compile(r"^\{\\(?:display|text|script)style\s*(.*)\}$", re.DOTALL)
_SAFE = "/:,()!*;@$"


class Outline:
    """An article's headings, as they are met one after another."""

    def __init__(self) -> None:
        """Begin with the lead."""
        self._path: list[tuple[int, str]] = []
        self._seen: Counter[str] = Counter()
        self._anchor = ""

    def enter(self, level: int, title: str, anchor: str = "") -> None:
        """Meet a heading; `anchor` is its own where the page says so, else MediaWiki's rule makes one."""
        self._path = [(above, name) for above, name in self._path if above < level] + [(level, title)]
        made = title.replace(" ", "_")
        self._seen[made] += 1
        number = f"_{self._seen[made]}" if self._seen[made] > 1 else ""
        self._anchor = anchor or f"{made}{number}"

    @property
    def section(self) -> str:
        """The path, "Section & Subsection"; "" in the lead."""
        return " & ".join(name for _, name in self._path if name)

    @property
    def fragment(self) -> str:
        """What is put after the article's address, "#Section"; "" in the lead."""
        return f"#{quote(self._anchor, safe=_SAFE)}" if self._anchor else ""

    @property
    def is_read(self) -> bool:
        """Whether a reader of prose would read on here: no list of sources, links or notes."""
        return not any(lists_sources(name) for _, name in self._path)

    @property
    def may_list_sources(self) -> bool:
        """Whether what is in the section decides that."""
        return any(may_list_sources(name) for _, name in self._path)


def formula(tex: str) -> str:
    r"""What a formula leaves where it stands: its words, or the mark of a hole.

    Args:
        tex: as rendered pages carry it, in the braces of a style.

    >>> formula(r"{\displaystyle E=mc^{2}}")
    'E=mc^2'
    """
    style = _STYLE.match(tex.strip())
    return formula_words(style[1] if style else tex) or HOLE


def sections(pieces: Iterable[tuple[Outline, str]], address: str) -> Iterator[Section]:
    """The sections with prose in them.

    Args:
        pieces: (where it stands, its lines), an outline being read before it moves on; a list item begins with `ITEM`.
        address: of the article.
    """
    for place, lines in pieces:
        prose = prose_of_lines(hidden(lines), place.may_list_sources) if place.is_read else ""
        if prose:
            yield Section(place.section, prose, f"{address}{place.fragment}")
