"""Where in an article a text stands: the path of headings above it, and whether such sections are read at all.

It knows headings; nothing of markup.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from data.sources.base import Section
from data.sources.wikitext import is_list_of_sources, tidy_lines

ITEM = "\x01"
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
        return not any(is_list_of_sources(name) for _, name in self._path)


def sections(pieces: Iterable[tuple[Outline, str]], address: str) -> Iterator[Section]:
    """The sections with prose in them.

    Args:
        pieces: (where it stands, its lines), an outline being read before it moves on; a list item begins with `ITEM`.
        address: of the article.
    """
    for place, lines in pieces:
        prose = tidy_lines(lines) if place.is_read else ""
        if prose:
            yield Section(place.section, prose, f"{address}{place.fragment}")
