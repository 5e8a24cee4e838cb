"""PDF to prose, page by page: lines joined to paragraphs, without hyphens at line ends, running heads and page numbers.

pypdf finds the characters; what is made of their lines is decided here. It knows pages and lines, and nothing of
passages.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from core.errors import first_line
from core.sentences import is_complete
from core.texts import mended
from data.sources.base import PageError

_EDGE = 2  # lines at the top and at the bottom of a page that may be running heads, page numbers among them
_REPEATED = 3  # pages on which such a line must stand to be one
_SHORT = 0.75  # of the usual length of a line: a shorter one ends its paragraph, or is a heading
_DIGITS = re.compile(r"\d+|(?<![a-z])[ivxlc]+(?![a-z])", re.IGNORECASE)
_HYPHEN = re.compile(r"(?<=[^\W\d_])[-\u00ad\u2010]$")
_ITEM = re.compile(r"^(?:[•▪◦‣*–-]\s|\(?\d{1,3}[.)]\s)")
Pages = list[list[str]]


def read_pdf(
    path: Path, most_pages: int, most_characters: int, on_page: Callable[[int, int], None] = lambda page, of: None
) -> tuple[list[tuple[int, str]], list[str]]:
    """The prose of each page that has some.

    Args:
        path: of the file.
        most_pages: that are read; what follows is told as a problem.
        most_characters: of all pages together; likewise.
        on_page: told how many pages were read, and of how many.

    Returns:
        (number of the page from 1, its paragraphs, a line each), and what a reader should know of what was left out. A
        paragraph that goes on over a page's end stands where it begins.

    Raises:
        PageError: it is no PDF, encrypted, broken beyond reading, or holds pictures only.
    """
    pages, problems = _lines(path, most_pages, most_characters, on_page)
    if not any(character.isalpha() for page in pages for line in page for character in line):
        raise PageError("it holds pictures of pages and no text: have its text recognised (OCR) first")
    prose = [(number, paragraphs) for number, paragraphs in enumerate(map(_paragraphs, without_heads(pages)), 1)]
    return [(number, "\n".join(paragraphs)) for number, paragraphs in _joined_over_pages(prose) if paragraphs], problems


def _lines(
    path: Path, most_pages: int, most_characters: int, on_page: Callable[[int, int], None]
) -> tuple[Pages, list[str]]:
    """The lines of each page."""
    from pypdf import PdfReader

    pages: Pages = []
    broken: list[int] = []
    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise PageError("it is encrypted: save a copy without a password")
        count, size = len(reader.pages), 0
        for number in range(min(count, most_pages)):
            try:
                text = mended(reader.pages[number].extract_text())
            except Exception:  # of many kinds: one damaged page leaves the others readable
                broken.append(number + 1)
                text = ""
            size += len(text)
            if size > most_characters:
                break
            pages.append([" ".join(line.split()) for line in text.split("\n")])
            on_page(number + 1, count)
    except PageError:
        raise
    except Exception as error:
        if "cryptography" in str(error) or "AES" in str(error):
            raise PageError("it is encrypted: save a copy without a password") from error
        raise PageError(f"it is no PDF that can be read ({first_line(error)}): save it anew") from error
    if count and len(broken) == len(pages):
        raise PageError("none of its pages can be read: save it anew")
    problems = [f"only its first {len(pages):,} of {count:,} pages were read"] if len(pages) < count else []
    if broken:
        named = ", ".join(map(str, broken[:5])) + (", …" if len(broken) > 5 else "")
        problems.append(f"page{'s' if len(broken) > 1 else ''} {named} can't be read and was left out")
    return pages, problems


def without_heads(pages: Sequence[Sequence[str]]) -> Pages:
    """Pages without the lines at their tops and bottoms that repeat from page to page, but for their numbers.

    Where nothing would be left (every page a form), they are kept.

    >>> without_heads([["Tides 1", "The sea rises."], ["Tides 2", "It falls."], ["Tides 3", "Again."]])
    [['The sea rises.'], ['It falls.'], ['Again.']]
    """
    filled = [[line for line in page if line] for page in pages]
    tops = Counter(key for page in filled for key in {_key(line) for line in page[:_EDGE]})
    ends = Counter(key for page in filled for key in {_key(line) for line in page[-_EDGE:]})
    bare: Pages = []
    for page in filled:
        start, stop = 0, len(page)
        while start < min(_EDGE, stop) and tops[_key(page[start])] >= _REPEATED:
            start += 1
        while stop > max(start, len(page) - _EDGE) and ends[_key(page[stop - 1])] >= _REPEATED:
            stop -= 1
        bare.append(page[start:stop])
    return bare if any(bare) else filled


def _key(line: str) -> str:
    """A line with its numbers, Roman ones too, made alike."""
    return _DIGITS.sub("#", line.casefold())


def _paragraphs(lines: Sequence[str]) -> list[str]:
    """The paragraphs that lines make, each ending as a sentence does where a heading or a title does not.

    >>> _paragraphs(["Causes", "The Moon pulls the wa-", "ter, and the Sun pulls", "it too.", "So it rises and falls"])
    ['Causes.', 'The Moon pulls the water, and the Sun pulls it too.', 'So it rises and falls']
    """
    lengths = sorted(len(line) for line in lines)
    usual = lengths[int(0.8 * len(lengths))] if lengths else 0
    paragraphs: list[str] = []
    ended = True
    for line, follows in zip(lines, [*lines[1:], ""], strict=False):
        short = len(line) < _SHORT * usual
        begins = ended or is_complete(paragraphs[-1])
        if begins and short and _is_heading(line, follows):
            paragraphs.append(f"{line}.")
            ended = True
            continue
        if ended or _ITEM.match(line):
            paragraphs.append(line)
        elif _HYPHEN.search(paragraphs[-1]) and line[:1].islower():
            paragraphs[-1] = paragraphs[-1][:-1] + line
        else:
            paragraphs[-1] += f" {line}"
        ended = short and is_complete(line)
    return paragraphs


def _is_heading(line: str, follows: str) -> bool:
    """Whether a short line is a heading over the next one."""
    return not is_complete(line) and line[-1:] not in ",;:-" and (follows[:1].isupper() or follows[:1].isdigit())


def _joined_over_pages(pages: Sequence[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    """Pages of which each paragraph that is not at its end has its end from the page that follows."""
    waiting: tuple[int, list[str]] | None = None
    for number, paragraphs in pages:
        if waiting and waiting[1] and paragraphs and _goes_on(waiting[1][-1], paragraphs[0]):
            before, after = waiting[1][-1], paragraphs.pop(0)
            waiting[1][-1] = before[:-1] + after if _HYPHEN.search(before) else f"{before} {after}"
            if not paragraphs:  # it fills the page, and may go on over the next one, too
                continue
        if waiting:
            yield waiting
        waiting = number, paragraphs
    if waiting:
        yield waiting


def _goes_on(paragraph: str, follows: str) -> bool:
    """Whether a paragraph goes on in the next one."""
    return not is_complete(paragraph) and follows[:1].islower()
