"""Markdown to prose: sections with their paths, without marks, front matter and pictures.

The markup is parsed by markdown-it-py (CommonMark, with tables). It knows Markdown and nothing of folders or passages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from core.sentences import is_complete

if TYPE_CHECKING:
    from markdown_it.token import Token

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n.*?\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)


def read_markdown(text: str) -> Iterator[tuple[str, str]]:
    r"""The sections of a document with prose in them.

    Yields:
        ("Section & Subsection", prose), what stands before the first heading under ""; a line a paragraph, item or row.

    >>> list(read_markdown("# Use\nAdd **tea** to [water](x.md).\n## Steps\n1. Boil it\n"))
    [('Use', 'Add tea to water.'), ('Use & Steps', 'Boil it.')]
    """
    from markdown_it import MarkdownIt

    path: list[tuple[int, str]] = []
    lines: list[str] = []
    cells: list[str] | None = None
    level = 0
    for token in MarkdownIt("commonmark").enable("table").parse(_FRONT_MATTER.sub("", text)):
        if token.type == "heading_open":
            if lines:
                yield section_path(path), "\n".join(lines)
            lines, level = [], int(token.tag[1])
        elif token.type == "heading_close":
            level = 0
        elif token.type == "tr_open":
            cells = []
        elif token.type == "tr_close":
            lines += [ended_line(", ".join(cells))] if cells else []
            cells = None
        elif token.type in ("fence", "code_block"):
            lines += [line.strip() for line in token.content.split("\n") if line.strip()]
        elif token.type == "inline" and (words := _words(token)):
            if level:
                path = entered(path, level, words)
            elif cells is not None:
                cells.append(words)
            else:
                lines.append(ended_line(words))
    if lines:
        yield section_path(path), "\n".join(lines)


def entered(path: list[tuple[int, str]], level: int, title: str) -> list[tuple[int, str]]:
    """The headings above a text, as (level, title), once another heading was met."""
    return [(above, name) for above, name in path if above < level] + [(level, title)]


def section_path(path: list[tuple[int, str]]) -> str:
    """Those headings as the name of a section, "Section & Subsection"."""
    return " & ".join(name for _, name in path if name)


def _words(token: Token) -> str:
    """The words of a line: of links their texts, of pictures nothing."""
    words = ""
    for child in token.children or []:
        if child.type in ("text", "code_inline"):
            words += child.content
        elif child.type in ("softbreak", "hardbreak"):
            words += " "
    return " ".join(words.split())


def ended_line(words: str) -> str:
    """A line that ends as a sentence does, so that the next does not run on from it.

    >>> ended_line("Two spoons of tea")
    'Two spoons of tea.'
    """
    return words if is_complete(words) or words.endswith((":", ";", ",")) else f"{words}."
