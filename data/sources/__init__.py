"""Where passages come from: `open_source` knows a reader for each kind of source, one file a kind.

This package knows files, markup and articles. It knows nothing of vectors, models or where the passages go.
"""

from __future__ import annotations

from data.sources.base import Article, PageError, Record, Section, Source, SourceError, SourceOptions
from data.sources.registry import KINDS, open_source

__all__ = [
    "KINDS",
    "Article",
    "PageError",
    "Record",
    "Section",
    "Source",
    "SourceError",
    "SourceOptions",
    "open_source",
]
