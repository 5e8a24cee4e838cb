"""The embedded source: the lead paragraphs of the Level-4 vital articles, one passage an article."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from data.assets import asset_path, read_assets
from data.passages import Passage, read_vital_articles
from data.sources.base import Record, Source, SourceOptions


class VitalArticles(Source):
    """The vital articles; their leads are kept whole, and a passage's id is its row."""

    licence = "CC BY-SA 4.0"

    def __init__(self, spec: str, options: SourceOptions) -> None:
        """See `Source`."""
        super().__init__(spec, options)
        self.name = "lead paragraphs of the Level-4 vital articles of English Wikipedia"

    def records(self, start: int = 0) -> Iterator[Record]:
        """One an article."""
        articles = read_vital_articles(asset_path("vital-articles"))
        for number, passage in islice(enumerate(articles), start, None):
            yield Record(number, passage.title, passage)

    def passages(self, record: Record) -> list[Passage]:
        """The article's lead."""
        return [record.content]

    def fingerprint(self) -> str:
        """The asset's hash."""
        return read_assets()["vital-articles"].sha256
