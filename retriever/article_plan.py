"""Wikis and ZIM files that can be searched, and are not opened yet.

It knows what names them on the command line. It knows neither how they are found nor how they are read.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.deadline import seconds_within
from data.assets import asset_path, cache_folder

if TYPE_CHECKING:
    from retriever.articles import ArticleCorpus, Library
    from retriever.cache import Cache

KINDS = ("zim:FILE.zim", "wikipedia[:LANGUAGE]", "mediawiki:API-URL")
SECONDS = "LFQA_LIVE_SECONDS"


@dataclass(frozen=True)
class ArticlePlan:
    """A wiki or a ZIM file; a ZIM file is opened to see whether it can be, a wiki is asked nothing yet.

    Attributes:
        index: what it was named by, one of `KINDS`.
        library: what finds and reads its articles.
        checkpoint: the encoder's folder; None for the embedded one.
        seconds: for one question.
    """

    index: str
    library: Library
    checkpoint: Path | str | None
    seconds: float

    @classmethod
    def of(cls, index: str, encoder: Path | str | None = None, seconds: float | str | None = None) -> ArticlePlan:
        """Find out what is needed.

        Args:
            index: one of `KINDS`.
            encoder: a RetriBERT checkpoint's folder; None for the embedded one.
            seconds: for one question; None for LFQA_LIVE_SECONDS, or 8.

        Raises:
            core.errors.UserError: there is no such wiki or file, or it is damaged.
        """
        seconds = check_seconds(os.environ.get(SECONDS) if seconds is None else seconds)
        library = _library(index)
        if encoder is None:
            for name in ("minilm", "minilm-vocabulary"):
                asset_path(name)
        return cls(index, library, encoder, seconds)

    def card(self) -> dict[str, Any]:
        """See `retriever.corpus.Corpus.card`."""
        from retriever.embedded import NAME

        model = NAME if self.checkpoint is None else Path(self.checkpoint).name
        return {"index": self.index, "model": model} | self.library.card()

    def open(self) -> ArticleCorpus:
        """Load the encoder; errors as in `retriever.encode.Encoder.load`."""
        from retriever.articles import ArticleCorpus
        from retriever.encode import Encoder

        return ArticleCorpus(Encoder.load(self.checkpoint), self.library, shared_cache(), self.seconds)


def is_article_index(index: str) -> bool:
    """Whether a text names a wiki or a ZIM file.

    >>> is_article_index("wikipedia:de"), is_article_index("zim:a.zim"), is_article_index("wikipedia-index")
    (True, True, False)
    """
    return index == "wikipedia" or index.startswith(("wikipedia:", "mediawiki:", "zim:"))


def is_live(index: str | None) -> bool:
    """Whether questions to it leave this machine, and a contact is needed."""
    return index is not None and is_article_index(index) and not index.startswith("zim:")


def check_seconds(seconds: float | str | None) -> float:
    """The time for one question.

    Raises:
        core.errors.SettingsError: it is no number from 1 to 120.
    """
    from retriever.articles import SECONDS as DEFAULT

    return seconds_within(seconds, DEFAULT, 120, "the seconds for a live question")


def _library(index: str) -> Library:
    """What an index names."""
    if index.startswith("zim:"):
        from retriever.zim import ZimLibrary

        return ZimLibrary(index, Path(index.removeprefix("zim:")))
    from retriever.live.client import WikiClient
    from retriever.live.library import WikiLibrary
    from retriever.live.wiki import parse_wiki

    wiki = parse_wiki(index)
    return WikiLibrary(wiki, WikiClient(wiki), shared_cache())


@cache
def _cache_at(path: Path) -> Cache:
    from retriever.cache import Cache

    return Cache(path)


def shared_cache() -> Cache:
    """The cache of all wikis and ZIM files, one for a program."""
    return _cache_at(cache_folder() / "articles.sqlite")
