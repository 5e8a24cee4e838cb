"""ZIM files to test and to time with, written by libzim as Kiwix's tools write theirs.

It knows pages of HTML and libzim's writer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from libzim.writer import Item

METADATA = {
    "Title": "Wikipedia, some articles",
    "Language": "eng",
    "Creator": "Wikipedia",
    "Publisher": "test",
    "Name": "wikipedia_en_some",
    "Description": "Some articles",
    "Date": "2024-01-02",
    "Source": "en.wikipedia.org",
}


@dataclass(frozen=True, slots=True)
class HtmlPage:
    """A page: its path, its title and its HTML."""

    path: str
    title: str
    html: str


def write_zim(
    file: Path,
    pages: Iterable[HtmlPage],
    redirects: Mapping[str, str] | None = None,
    full_text: bool = True,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write a ZIM file.

    Args:
        file: where; nothing may be there.
        pages: its articles.
        redirects: title → path of the article.
        full_text: whether it has a full-text index.
        metadata: in the place of `METADATA`.
    """
    from libzim.writer import Creator, Hint

    with Creator(file).config_indexing(full_text, "eng") as creator:
        for name, value in (METADATA if metadata is None else metadata).items():
            creator.add_metadata(name, value)
        for item in _items(pages):
            creator.add_item(item)
        for title, path in (redirects or {}).items():
            creator.add_redirection(title.replace(" ", "_"), title, path, {Hint.FRONT_ARTICLE: True})
    return file


def page_html(title: str, body: str) -> str:
    """A whole page around an article's HTML."""
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{title}</title></head><body>'
        f'<h1 id="firstHeading">{title}</h1><div id="mw-content-text">{body}</div>'
        '<footer class="zim-footer">This article is issued from Wikipedia.</footer></body></html>'
    )


def _items(pages: Iterable[HtmlPage]) -> Iterator[Item]:
    from libzim.writer import Hint, Item, StringProvider

    class Written(Item):
        def __init__(self, page: HtmlPage) -> None:
            super().__init__()
            self.page = page

        def get_path(self) -> str:
            return self.page.path

        def get_title(self) -> str:
            return self.page.title

        def get_mimetype(self) -> str:
            return "text/html"

        def get_contentprovider(self) -> StringProvider:
            return StringProvider(self.page.html)

        def get_hints(self) -> dict[Hint, bool]:
            return {Hint.FRONT_ARTICLE: True}

    yield from (Written(page) for page in pages)
