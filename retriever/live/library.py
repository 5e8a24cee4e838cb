"""The articles of a MediaWiki: found by titles and its search, read as plain text, kept by page and revision.

For a question: one request that asks for all its stretches of one to four words as titles, redirects followed; then the
wiki's search, with fewer words each time until enough comes; then the text of the articles that are read, one request
each. It knows the API of MediaWiki (https://www.mediawiki.org/wiki/API:Query). It knows no vectors but those it keeps.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import quote

from core.deadline import Deadline
from core.records import Passage
from data.sources.base import Article
from data.sources.extract import read_extract
from retriever.articles import WORDS, Candidate, Library
from retriever.cache import DAY, OLDEST, Cache
from retriever.index_folder import today
from retriever.live.client import WikiClient
from retriever.live.wiki import Wiki, WikiError
from retriever.query import ENOUGH, beginning, searches, title_stretches

logger = logging.getLogger(__name__)

LONGEST_ARTICLE = 1_000_000  # characters that are read; more than Wikipedia's longest pages have
_MOST_FOUND = 20  # pages a request: so many introductions the API gives at once
_FORMAT = "1"  # of what is kept; another number lets go of all of it
_INTRODUCTIONS = {
    "prop": "extracts|info|pageprops",
    "ppprop": "disambiguation",
    "exintro": 1,
    "explaintext": 1,
    "exlimit": _MOST_FOUND,
}
_OFFLINE = "From the cache: {}."


class WikiLibrary(Library):
    """One wiki."""

    def __init__(self, wiki: Wiki, client: WikiClient, cache: Cache) -> None:
        """Ask nobody yet."""
        self.spec = wiki.spec
        self.wiki = wiki
        self.client = client
        self.cache = cache
        self._extracts = True
        self._site: dict[str, Any] = {}

    def find(self, question: str, rarity: Callable[[str], float], until: Deadline) -> tuple[list[Candidate], str]:
        """See `Library.find`; asked again within a day, it asks nobody."""
        titles = title_stretches(question)
        # A search that knows no stems finds other forms of a word by how it begins.
        wanted = searches(question, rarity)
        queries = [" ".join(few if row == 0 else map(beginning, few)) for row, few in enumerate(wanted)]
        key = self._key("found", *titles, "", *queries)
        if kept := self.cache.get(key, DAY):
            return [Candidate(**row) for row in json.loads(kept)], ""
        found: dict[str, Candidate] = {}
        try:
            for candidate in self._by_title(titles, until):
                found[candidate.key] = candidate
            for query in queries:
                for candidate in self._by_search(query, sum(other.place >= 0 for other in found.values()), until):
                    known = found.get(candidate.key)
                    if known is None or known.place < 0:
                        matched = known.matched if known else 0
                        found[candidate.key] = replace(candidate, matched=matched)
                if sum(candidate.place >= 0 for candidate in found.values()) >= ENOUGH:
                    break
        except WikiError as error:
            if kept := self.cache.get(key, OLDEST):
                return [Candidate(**row) for row in json.loads(kept)], _OFFLINE.format(error)
            if not found:
                raise
            return list(found.values()), f"Not all was searched: {error}."
        self.cache.put(key, json.dumps([asdict(candidate) for candidate in found.values()]).encode())
        return list(found.values()), ""

    def read(self, candidate: Candidate, until: Deadline) -> list[Passage]:
        """See `Library.read`; a revision that was read before is not fetched again."""
        key = self._key("page", candidate.key, candidate.revision)
        kept = self.cache.get(key) if candidate.revision else None
        if kept is not None:
            return [Passage(**row) for row in json.loads(kept)]
        passages = self._fetched(candidate, until).snippets(WORDS)
        if candidate.revision:
            rows = [passage.to_json() for passage in passages]
            self.cache.put(key, json.dumps(rows, ensure_ascii=False).encode())
        return passages

    def card(self) -> dict[str, Any]:
        """See `Library.card`; how many articles there are is known once the wiki has answered."""
        articles = self._site.get("articles")
        size = f", {articles:,} articles" if articles else ""
        return {
            "passages": 0,
            "date": today(),
            "source": f"{self.wiki.name}, live{size}",
            "licence": self.wiki.licence or self._site.get("licence", ""),
        }

    def _key(self, kind: str, *parts: str) -> str:
        return json.dumps([_FORMAT, kind, self.wiki.api, *parts])

    def _by_title(self, titles: Sequence[str], until: Deadline) -> Iterable[Candidate]:
        """The articles that are called like a stretch of the question."""
        if not titles:
            return
        asked = {"titles": "|".join(titles), "redirects": 1, "meta": "siteinfo", "siprop": "statistics|rightsinfo"}
        answer = self._query(asked | _INTRODUCTIONS, until)
        self._note_site(answer)
        facts = answer.get("query", {})
        came_from: dict[str, str] = {}
        for step in [*facts.get("normalized", []), *facts.get("redirects", [])]:
            came_from.setdefault(step["to"], step["from"])
        for page in _articles(answer):
            asked_for = page["title"]
            for _ in range(3):
                asked_for = came_from.get(asked_for, asked_for)
            yield _candidate(page, matched=len(asked_for.split()))

    def _by_search(self, query: str, first: int, until: Deadline) -> Iterable[Candidate]:
        """What the wiki's own search finds, best first; places are counted from `first`."""
        asked = {
            "generator": "search",
            "gsrsearch": query,
            "gsrlimit": _MOST_FOUND,
            "gsrnamespace": 0,
            "gsrwhat": "text",
        }
        pages = _articles(self._query(asked | _INTRODUCTIONS, until))
        for place, page in enumerate(sorted(pages, key=lambda page: page.get("index", 0)), start=first):
            yield _candidate(page, place=place)

    def _fetched(self, candidate: Candidate, until: Deadline) -> Article:
        """An article as the wiki has it now."""
        if not self._extracts:
            return self._parsed(candidate, until)
        asked = {"prop": "extracts|revisions", "pageids": candidate.key, "rvprop": "ids|timestamp"}
        answer = self._query(asked | {"explaintext": 1, "exsectionformat": "wiki", "exlimit": 1}, until)
        page = next(iter(_articles(answer)), None)
        if page is None:
            raise WikiError(f'the article "{candidate.title}" is no longer there')
        if not self._extracts or "extract" not in page:
            return self._parsed(candidate, until)
        address = self._address(page["title"], page.get("revisions", [{}])[0].get("revid", 0))
        text = self._bounded(page["title"], page["extract"])
        return Article(candidate.key, page["title"], read_extract(text, address))

    def _parsed(self, candidate: Candidate, until: Deadline) -> Article:
        """An article as HTML, where the wiki has no plain text."""
        from data.sources.html import read_html

        asked = {"action": "parse", "pageid": candidate.key, "prop": "text|revid", "disableeditsection": 1}
        page = self._query(asked, until).get("parse") or {}
        if "text" not in page:
            raise WikiError(f'the article "{candidate.title}" is no longer there')
        address = self._address(page["title"], page.get("revid", 0))
        return Article(candidate.key, page["title"], read_html(page["text"], address))

    def _query(self, parameters: dict[str, Any], until: Deadline) -> dict[str, Any]:
        """Ask the wiki; what it says of a missing extension is noted."""
        answer = self.client.query(parameters, until)
        for warning in answer.get("warnings") or []:
            if isinstance(warning, dict) and "extracts" in str(warning.get("text", "")):
                self._extracts = False
        return answer

    def _note_site(self, answer: dict[str, Any]) -> None:
        """What the wiki says of itself, for the card."""
        facts = answer.get("query", {})
        articles = facts.get("statistics", {}).get("articles")
        self._site = {"articles": articles, "licence": facts.get("rightsinfo", {}).get("text") or ""}

    def _address(self, title: str, revision: int) -> str:
        """The address of the very revision that was read."""
        version = f"&oldid={revision}" if revision else ""
        return f"{self.wiki.root}/index.php?title={quote(title.replace(' ', '_'), safe='/:,()')}{version}"

    def _bounded(self, title: str, text: str) -> str:
        """As much of an article as is read."""
        if len(text) > LONGEST_ARTICLE:
            logger.warning('"%s" has %d characters; the first %d are read', title, len(text), LONGEST_ARTICLE)
        return text[:LONGEST_ARTICLE]


def _articles(answer: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """The pages of an answer that are articles: there, in the articles' namespace, telling no names apart."""
    pages = answer.get("query", {}).get("pages", [])
    return (
        page
        for page in pages
        if "pageid" in page and page.get("ns") == 0 and "disambiguation" not in page.get("pageprops", {})
    )


def _candidate(page: dict[str, Any], matched: int = 0, place: int = -1) -> Candidate:
    return Candidate(
        str(page["pageid"]),
        page["title"],
        " ".join(page.get("extract", "").split()),
        str(page.get("lastrevid", "")),
        matched,
        place,
    )
