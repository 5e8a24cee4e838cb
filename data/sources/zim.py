"""A ZIM file, "zim:FILE.zim", as Kiwix shares Wikipedia: its articles with their sections and addresses.

Read by libzim; each article's HTML by `data.sources.html`. Redirects, disambiguation pages, pictures and the like hold
no passages. The format: https://wiki.openzim.org/wiki/ZIM_file_format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from core.errors import needing
from core.records import Passage
from data.sources.base import Article, PageError, Record, Source, SourceError, SourceOptions, file_fingerprint
from data.sources.html import is_disambiguation_page, read_html

if TYPE_CHECKING:
    from libzim.reader import Archive, Entry

_HOST = re.compile(r"(?:https?://)?([a-z0-9-]+(?:\.[a-z0-9-]+)+)/?.*", re.I)
# A file of this size is checked whole when it is opened; a larger one when it is built from.
CHECKED_ON_OPENING = 64 << 20
LARGEST_PAGE = 16 << 20  # bytes of HTML


@dataclass(frozen=True, slots=True)
class ZimFacts:
    """What a file says of itself.

    Attributes:
        name: its title, or its file's name.
        date: YYYY-MM-DD; "" if it does not say.
        licence: of its texts; "" if it does not say.
        base: what an article's path is put after for its address.
        articles: how many there are.
    """

    name: str
    date: str
    licence: str
    base: str
    articles: int


class ZimSource(Source):
    """The articles of a ZIM file, in the order of their paths; a passage's id is the entry's number and its own."""

    def __init__(self, spec: str, options: SourceOptions, path: Path) -> None:
        """Read `path`, see `Source`."""
        super().__init__(spec, options)
        self.path = path
        self.name = path.name.removesuffix(".zim")

    def fingerprint(self) -> str:
        """The file's hash."""
        return file_fingerprint(self.path)

    def records(self, start: int = 0) -> Iterator[Record]:
        """One an entry.

        Raises:
            SourceError: it is no ZIM file, or a damaged one.
        """
        archive = open_zim(self.path)
        check_whole(archive, self.path)
        facts = read_facts(archive)
        self.name, self.licence = facts.name, facts.licence
        count = archive.all_entry_count
        for number in range(start, count):
            self.share = (number + 1) / count
            yield self._record(archive, number, facts.base)

    def passages(self, record: Record) -> list[Passage]:
        """The snippets of one article.

        Raises:
            PageError: it cannot be read.
        """
        if record.problem:
            raise PageError(record.problem)
        if record.content is None:
            return []
        html, address = record.content
        article = read_article(str(record.number), record.title, html, address)
        return [] if article is None else article.snippets(self.options.words)

    def _record(self, archive: Archive, number: int, base: str) -> Record:
        """One entry as a record; one that is no article holds nothing."""
        try:
            entry = archive._get_entry_by_id(number)  # the only way to go through all of them
            if not is_article(entry):
                return Record(number, entry.title)
            return Record(number, entry.title, (entry_html(entry), article_address(base, entry.path)))
        except (RuntimeError, PageError) as error:
            return Record(number, f"entry {number}", problem=f"it cannot be read ({_reason(error)})")


def open_zim(path: Path) -> Archive:
    """Open a ZIM file; a small one is checked whole.

    Raises:
        SourceError: it is missing, no ZIM file, or damaged; or libzim is not installed.
    """
    with needing("requirements.txt", "reading ZIM files", SourceError):
        import selectolax  # noqa: F401
        from libzim.reader import Archive

    whole = path.with_suffix(".zim") if path.suffix == ".zimaa" else path
    is_split = whole.with_suffix(".zimaa").is_file()
    if not whole.is_file() and not is_split:
        raise SourceError(f"there is no file {path}; name a ZIM file, as library.kiwix.org shares them")
    try:
        archive = Archive(whole)
    except (RuntimeError, ValueError, OSError) as error:
        parts = " Its parts (.zimaa, .zimab …) must all lie beside one another." if is_split else ""
        raise SourceError(
            f"{path} is no whole ZIM file ({_reason(error)}): download it again and compare its checksum.{parts}"
        ) from error
    if archive.filesize <= CHECKED_ON_OPENING:
        check_whole(archive, path)
    return archive


def check_whole(archive: Archive, path: Path) -> None:
    """Compare a file with its own checksum; a file in parts has none to compare.

    Raises:
        SourceError: it was changed.
    """
    try:
        changed = archive.has_checksum and not archive.is_multipart and not archive.check()
    except RuntimeError as error:
        raise SourceError(f"{path} cannot be read ({_reason(error)}): download it again") from error
    if changed:
        raise SourceError(f"{path} is damaged: its checksum is not its own; download it again")


def read_facts(archive: Archive) -> ZimFacts:
    """What a file says of itself."""

    def said(name: str) -> str:
        known = name in archive.metadata_keys
        return archive.get_metadata(name).decode("utf-8", "replace").strip() if known else ""

    host = _HOST.fullmatch(said("Source"))
    base = f"https://{host[1]}/wiki/" if host else f"{Path(archive.filename).resolve().as_uri()}#"
    wikipedia = host is not None and host[1].endswith("wikipedia.org")
    licence = said("License") or ("CC BY-SA 4.0" if wikipedia else "")
    return ZimFacts(
        said("Title") or Path(archive.filename).stem, said("Date"), licence, base, int(archive.article_count)
    )


def is_article(entry: Entry) -> bool:
    """Whether an entry is a page of HTML of its own, no redirect, and not called a disambiguation page."""
    if entry.is_redirect or entry.title.endswith("(disambiguation)"):
        return False
    return entry.get_item().mimetype.startswith("text/html")


def entry_html(entry: Entry) -> bytes:
    """The HTML of an entry.

    Raises:
        PageError: it is larger than any article.
        RuntimeError: the file is damaged there.
    """
    item = entry.get_item()
    if item.size > LARGEST_PAGE:
        raise PageError(f"the page has {item.size:,} bytes, more than {LARGEST_PAGE:,}")
    return bytes(item.content)


def article_address(base: str, path: str) -> str:
    """Where a reader finds an article."""
    return base + quote(path.removeprefix("A/"), safe="/:,()!*;@$")


def read_article(number: str, title: str, html: bytes, address: str) -> Article | None:
    """An entry's HTML as an article; None for a page that only tells apart what shares a name."""
    return None if is_disambiguation_page(html) else Article(number, title, read_html(html, address))


def _reason(error: Exception) -> str:
    """The first line of what libzim says."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
