"""A MediaWiki dump, "dump:FILE.xml.bz2": its articles with their sections and addresses.

The XML is read by mwxml, page by page; the markup by `data.sources.wikitext`. Redirects, disambiguation pages and
everything outside the articles' namespace hold no passages.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import re
from collections.abc import Iterator
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlsplit
from xml.etree.ElementTree import ParseError

from core.texts import Marked, undecoded, unmarked
from data.passages import Passage
from data.sources.base import Article, PageError, Record, Section, Source, SourceError, SourceOptions, file_fingerprint
from data.sources.headings import is_disambiguation
from data.sources.wikitext import read_page

if TYPE_CHECKING:
    from mwxml import Page
    from mwxml.element_iterator import ElementIterator
    from mwxml.iteration.site_info import SiteInfo

_OPENERS: dict[str, Any] = {".bz2": bz2.open, ".gz": gzip.open, ".xml": nullcontext}
_FILE_NAMESPACES, _CATEGORY = (-2, 6), 14
# Older names of the namespaces of files and categories, which pages still use and a dump does not tell.
_ALWAYS_HIDDEN = (
    "file image media category datei bild kategorie fichier catégorie archivo imagen categoría ficheiro arquivo imagem "
    "categoria immagine plik grafika kategoria bestand afbeelding categorie файл изображение категория зображення "
    "категорія soubor fil kategori ファイル 画像 カテゴリ 文件 檔案 图像 圖像 分类 分類 파일 그림 분류 ملف صورة تصنيف"
).split()
# The first line of XML may name its encoding.
_ENCODING = re.compile(rb"""(?:\xef\xbb\xbf)?<\?xml\b[^>]*?\bencoding\s*=\s*["']([\w.-]+)""")
_LONGEST_HEAD = 400
_CONVERT = (
    "convert the dump (iconv -f WINDOWS-1252 -t UTF-8, if it is in that encoding), or name its encoding in its "
    'first line: <?xml version="1.0" encoding="windows-1252"?>'
)
_SAFE = "/:,()!*;@$"
# What addresses begin with, what links show nothing, the language.
Wiki = tuple[str, frozenset[str], str]


class MediaWikiDump(Source):
    """The pages of a dump; a passage's id is the page's, which lasts from dump to dump, with the snippet's number."""

    licence = "CC BY-SA 4.0"

    def __init__(self, spec: str, options: SourceOptions, path: Path) -> None:
        """Read `path`, see `Source`."""
        super().__init__(spec, options)
        self.path = path
        self.name = path.name.split(".xml")[0]

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
                for number, record in enumerate(self._pages(_as_utf8(file), start)):
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
        page, text, (base, hidden, language) = record.content
        address = f"{base}{quote(record.title.replace(' ', '_'), safe=_SAFE)}"
        try:
            sections = [
                Section(part.path, part.prose, address + (f"#{quote(part.anchor, safe=_SAFE)}" if part.anchor else ""))
                for part in read_page(text, hidden, language)
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
        wiki: Wiki = ("", frozenset(_ALWAYS_HIDDEN), "en")
        number = 0
        for element in root:
            if element.tag == "siteinfo":
                wiki = _wiki_facts(SiteInfo.from_element(element))
            elif element.tag == "page":
                yield Record(number, "") if number < start else _read_page(element, number, wiki)
                number += 1
            # The parser would keep an empty element of every page that was read.
            root.element.clear()


def _as_utf8(file: IO[bytes]) -> IO[bytes]:
    """A dump's bytes, those marked that are no UTF-8; as they are where the file names another encoding."""
    start = file.read(_LONGEST_HEAD)
    file.seek(0)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return file
    named = _ENCODING.match(start)
    return file if named and named[1].lower() not in (b"utf-8", b"utf8") else cast(IO[bytes], Marked(file))


def _read_page(element: ElementIterator, number: int, wiki: Wiki) -> Record:
    """One <page> as a record; one that is broken says so."""
    from mwxml import Page
    from mwxml.errors import MalformedXML

    title = f"page {number + 1}"
    try:
        page = Page.from_element(element)
        title = page.title
        text = _article_text(page)
        if problem := undecoded(title or "") or undecoded(text or ""):
            return Record(number, unmarked(title), problem=f"{problem}: {_CONVERT}")
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


def _wiki_facts(site: SiteInfo) -> Wiki:
    """What a page's address begins with, "https://en.wikipedia.org/wiki/"; what links show nothing; the language."""
    main = site.base or "https://en.wikipedia.org/wiki/Main_Page"
    parts = urlsplit(main)
    base = f"{parts.scheme}://{parts.netloc}{parts.path.rsplit('/', 1)[0]}/"
    if "title=" in parts.query:
        # "…/index.php?title=Main_Page"
        base = main[: main.index("title=") + len("title=")]
    named = {space.name.casefold() for space in site.namespaces or () if space.id in (*_FILE_NAMESPACES, _CATEGORY)}
    code = parts.netloc.partition(".")[0]
    return base, frozenset({*_ALWAYS_HIDDEN, *named}), code if 2 <= len(code) <= 3 and code != "www" else "en"
