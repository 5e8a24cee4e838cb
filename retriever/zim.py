"""The articles of a ZIM file: found by its own full-text index and its titles, read from its HTML; nothing is built.

It knows ZIM files as `data.sources.zim` reads them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.records import Passage
from data.sources.base import PageError, SourceError
from data.sources.html import is_disambiguation_page, read_html
from data.sources.zim import article_address, entry_html, is_article, open_zim, read_article, read_facts
from retriever.articles import WORDS, Candidate, Library
from retriever.query import ENOUGH, searches, title_stretches

if TYPE_CHECKING:
    from libzim.reader import Archive, Entry

    from core.deadline import Deadline

_MOST_FOUND = 20  # articles a search
_MOST_SEARCHES = 6  # they cost no network
_MOST_REDIRECTS = 5
_LEAD = 100_000  # bytes in which an article's introduction lies


class ZimLibrary(Library):
    """One ZIM file."""

    def __init__(self, spec: str, path: Path) -> None:
        """Open the file.

        Raises:
            data.sources.SourceError: it is no ZIM file, a damaged one, or holds no text.
        """
        self.spec = spec
        self._archive: Archive = open_zim(path)
        self._facts = read_facts(self._archive)
        # libzim reads from one thread at a time.
        self._lock = threading.Lock()
        if not (self._archive.has_fulltext_index or self._archive.has_title_index or self._facts.articles):
            raise SourceError(f"{path} holds no articles: name a ZIM file with texts, such as one of Wikipedia")

    def find(self, question: str, rarity: Callable[[str], float], until: Deadline) -> tuple[list[Candidate], str]:
        """See `Library.find`."""
        found: dict[str, Candidate] = {}
        note = ""
        with self._lock:
            for title in title_stretches(question):
                self._add(found, self._titled(title), matched=len(title.split()))
            place = 0
            for query in searches(question, rarity, _MOST_SEARCHES):
                if until.left <= 0:
                    note = "Not all was searched: the time was up."
                if note or place >= ENOUGH:
                    break
                for path in self._searched(" ".join(query)):
                    place += self._add(found, self._at(path), place=place)
            introduced = [self._introduced(candidate) for candidate in found.values()]
        return [candidate for candidate in introduced if candidate], note

    def read(self, candidate: Candidate, until: Deadline) -> list[Passage]:
        """See `Library.read`.

        Raises:
            data.sources.SourceError: the file is damaged there.
        """
        if until.left <= 0:
            raise SourceError(f"{self.spec} could not be read in {until.seconds:g} s: try again, or wait longer")
        try:
            with self._lock:
                entry = self._archive.get_entry_by_path(candidate.key)
                html = entry_html(entry)
            article = read_article(candidate.key, entry.title, html, article_address(self._facts.base, entry.path))
        except (RuntimeError, KeyError, PageError) as error:
            raise SourceError(
                f'"{candidate.title}" in {self.spec} cannot be read ({error}): is the file whole?'
            ) from error
        return [] if article is None else article.snippets(WORDS)

    def _titled(self, title: str) -> Entry | None:
        """The entry of a title, in the ways that titles are written."""
        for path in (title.replace(" ", "_"), f"A/{title.replace(' ', '_')}", title):
            if self._archive.has_entry_by_path(path):
                return self._archive.get_entry_by_path(path)
        return self._archive.get_entry_by_title(title) if self._archive.has_entry_by_title(title) else None

    def _at(self, path: str) -> Entry | None:
        return self._archive.get_entry_by_path(path) if self._archive.has_entry_by_path(path) else None

    def _searched(self, query: str) -> Iterable[str]:
        """Paths of what the file's index finds, best first: its full-text index, or its titles."""
        from libzim.search import Query, Searcher
        from libzim.suggestion import SuggestionSearcher

        if self._archive.has_fulltext_index:
            search: Any = Searcher(self._archive).search(Query().set_query(query))
        else:
            search = SuggestionSearcher(self._archive).suggest(query)
        return list(search.getResults(0, _MOST_FOUND))

    def _add(self, found: dict[str, Candidate], entry: Entry | None, matched: int = 0, place: int = -1) -> bool:
        """Note an article that was found, redirects followed; False where it is none, or was found so before."""
        for _ in range(_MOST_REDIRECTS):
            if entry is None or not entry.is_redirect:
                break
            entry = entry.get_redirect_entry()
        if entry is None or not is_article(entry):
            return False
        known = found.get(entry.path) or Candidate(entry.path, entry.title, "")
        found[entry.path] = replace(
            known, matched=max(matched, known.matched), place=known.place if known.place >= 0 else place
        )
        return known.place < 0 <= place

    def _introduced(self, candidate: Candidate) -> Candidate | None:
        """With its introduction; None for a page that only tells names apart."""
        try:
            html = entry_html(self._archive.get_entry_by_path(candidate.key))
        except (RuntimeError, PageError):
            return None
        if is_disambiguation_page(html):
            return None
        end = html.find(b"<h2", 0, _LEAD)
        lead = read_html(html[: end if end > 0 else _LEAD], "")[:1]
        return replace(candidate, introduction=" ".join(lead[0].text.split()) if lead else "")

    def sample(self, count: int) -> list[Passage]:
        """See `Library.sample`."""
        found: dict[str, Candidate] = {}
        with self._lock:
            for _ in range(count):
                self._add(found, self._archive.get_random_entry(), matched=1)
            introduced = [self._introduced(candidate) for candidate in found.values()]
        return [Passage(one.key, one.title, "", one.introduction, "") for one in introduced if one and one.introduction]

    def card(self) -> dict[str, Any]:
        """See `Library.card`."""
        facts = self._facts
        source = f"{facts.name}, {facts.articles:,} articles, {self._archive.filesize / 1e9:.2g} GB"
        return {"passages": 0, "date": facts.date, "source": source, "licence": facts.licence}
