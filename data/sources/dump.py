"""A MediaWiki dump, "dump:FILE.xml.bz2": its articles with their sections and addresses.

The XML is read by mwxml, page by page; the markup by `data.sources.wikitext`. Redirects, disambiguation pages and
everything outside the articles' namespace hold no passages.
"""

from __future__ import annotations

import bz2
import gzip
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit
from xml.etree.ElementTree import ParseError

from data.passages import Passage
from data.sources.base import Article, PageError, Record, Section, Source, SourceError, SourceOptions, file_fingerprint
from data.sources.wikitext import is_disambiguation, read_sections

if TYPE_CHECKING:
    from mwxml import Page
    from mwxml.element_iterator import ElementIterator
    from mwxml.iteration.site_info import SiteInfo

_OPENERS: dict[str, Any] = {".bz2": bz2.open, ".gz": gzip.open, ".xml": nullcontext}
_FILE_NAMESPACES, _CATEGORY = (-2, 6), 14
_ALWAYS_HIDDEN = ("file", "image", "media", "category")
_SAFE = "/:,()!*;@$"


class MediaWikiDump(Source):
    """The pages of a dump; a passage's id is the page's, which lasts from dump to dump, with the snippet's number."""

    licence = "CC BY-SA 4.0"

    def __init__(self, spec: str, options: SourceOptions, path: Path) -> None:
        """Read `path`, see `Source`."""
        super().__init__(spec, options)
        self.path = path
        self.name = path.name.split(".xml")[0]
        self._wiki: tuple[str, frozenset[str]] | None = None

    def fingerprint(self) -> str:
        """The file's hash."""
        return file_fingerprint(self.path)

    def records(self, start: int = 0) -> Iterator[Record]:
        """One a page.

        Raises:
            SourceError: the file is missing, of another kind, or ends in the middle.
        """
        opener = _OPENERS.get(self.path.suffix.lower())
        if opener is None or not self.path.is_file():
            raise SourceError(f"there is no dump {self.path}; name a file that ends with .xml.bz2, .xml.gz or .xml")
        if find_spec("mwxml") is None or find_spec("mwparserfromhell") is None:
            raise SourceError("reading dumps needs two more packages: python -m pip install -r requirements-scale.txt")
        number, size = 0, max(1, self.path.stat().st_size)
        try:
            with self.path.open("rb") as packed, opener(packed) as file:
                for number, record in enumerate(self._pages(file, start)):
                    self.share = packed.tell() / size
                    if number >= start:
                        yield record
        except (EOFError, ParseError, OSError) as error:
            reason = "ends in the middle" if isinstance(error, EOFError) else f"is damaged ({error})"
            raise SourceError(
                f"{self.path} {reason}, after about {number:,} pages: download it again and compare its checksum"
            ) from error

    def passages(self, record: Record) -> list[Passage]:
        """The snippets of one page.

        Raises:
            PageError: its markup cannot be parsed.
        """
        if record.problem:
            raise PageError(record.problem)
        if record.content is None:
            return []
        page, text, (base, hidden) = record.content
        address = f"{base}{quote(record.title.replace(' ', '_'), safe=_SAFE)}"
        seen: Counter[str] = Counter()
        try:
            sections = [
                Section(path, prose, f"{address}{_anchor(path, seen)}") for path, prose in read_sections(text, hidden)
            ]
        except (ValueError, RecursionError, IndexError, KeyError, AttributeError) as error:
            raise PageError(f"its markup cannot be parsed ({type(error).__name__}: {error})") from error
        return Article(str(page), record.title, sections).snippets(self.options.words)

    def _pages(self, file: IO[bytes], start: int) -> Iterator[Record]:
        """Every page as a record; those before `start` without their text, which saves most of the work."""
        from mwxml.element_iterator import ElementIterator
        from mwxml.iteration.site_info import SiteInfo

        root = ElementIterator.from_file(file)
        if root.tag != "mediawiki":
            raise SourceError(f"{self.path} is XML but no MediaWiki dump: its first tag is <{root.tag}>")
        wiki, number = ("", frozenset(_ALWAYS_HIDDEN)), 0
        for element in root:
            if element.tag == "siteinfo":
                wiki = _wiki_facts(SiteInfo.from_element(element))
            elif element.tag == "page":
                yield Record(number, "") if number < start else _read_page(element, number, wiki)
                number += 1
            # The parser would keep an empty element of every page that was read.
            root.element.clear()


def _read_page(element: ElementIterator, number: int, wiki: tuple[str, frozenset[str]]) -> Record:
    """One <page> as a record; one that is broken says so."""
    from mwxml import Page
    from mwxml.errors import MalformedXML

    title = f"page {number + 1}"
    try:
        page = Page.from_element(element)
        title = page.title
        text = _article_text(page)
    except (MalformedXML, TypeError, ValueError, AttributeError) as error:
        return Record(number, title, problem=f"the page is malformed ({type(error).__name__}: {error})")
    return Record(number, title, None if text is None else (page.id, text, wiki))


def _article_text(page: Page) -> str | None:
    """The wikitext of an article; None for a page of another kind.

    Raises:
        ValueError: an article without text.
    """
    if page.namespace != 0 or page.redirect:
        return None
    text = None
    for revision in page:
        if revision.model not in (None, "wikitext"):
            return None
        text = revision.text
    if not text:
        raise ValueError("it has no text")
    return None if is_disambiguation(text, page.title) else text


def _wiki_facts(site: SiteInfo) -> tuple[str, frozenset[str]]:
    """Where the wiki's articles are, "https://en.wikipedia.org/wiki/", and the namespaces whose links show nothing."""
    parts = urlsplit(site.base or "https://en.wikipedia.org/wiki/Main_Page")
    base = f"{parts.scheme}://{parts.netloc}{parts.path.rsplit('/', 1)[0]}/"
    named = {space.name.casefold() for space in site.namespaces or () if space.id in (*_FILE_NAMESPACES, _CATEGORY)}
    return base, frozenset({*_ALWAYS_HIDDEN, *named})


def _anchor(path: str, seen: Counter[str]) -> str:
    """The address of a section within its page; MediaWiki numbers headings that repeat.

    >>> seen = Counter()
    >>> _anchor("Uses", seen), _anchor("History & Uses", seen), _anchor("", seen)
    ('#Uses', '#Uses_2', '')
    """
    if not path:
        return ""
    anchor = path.rsplit(" & ", 1)[-1].replace(" ", "_")
    seen[anchor] += 1
    number = f"_{seen[anchor]}" if seen[anchor] > 1 else ""
    return f"#{quote(anchor, safe=_SAFE)}{number}"
