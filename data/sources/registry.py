"""A source by what the command line says."""

from __future__ import annotations

from pathlib import Path

from data.sources.base import Source, SourceError, SourceOptions
from data.sources.folder import DocumentFolder
from data.sources.tables import READERS

KINDS = (
    "vital",
    "dump:FILE.xml.bz2",
    "zim:FILE.zim",
    "hf:NAME:CONFIGURATION",
    "FILE.jsonl, FILE.parquet or FILE.csv",
    "folder:DIR, or a folder's name: PDF, Word, Markdown, text, CSV and Parquet files",
)


def open_source(spec: str, options: SourceOptions | None = None) -> Source:
    """The source that a text names.

    Args:
        spec: one of `KINDS`.
        options: how it is read.

    Raises:
        SourceError: it names no source; the message says what is allowed.
    """
    options = options or SourceOptions()
    if spec == "vital":
        from data.sources.vital import VitalArticles

        return VitalArticles(spec, options)
    if spec.startswith("dump:"):
        from data.sources.dump import MediaWikiDump

        return MediaWikiDump(spec, options, Path(spec.removeprefix("dump:")))
    if spec.startswith("zim:"):
        from data.sources.zim import ZimSource

        return ZimSource(spec, options, Path(spec.removeprefix("zim:")))
    if spec.startswith("hf:"):
        from data.sources.hub import HubDataset

        return HubDataset(spec, options)
    path = Path(spec.removeprefix("folder:"))
    if spec.startswith("folder:") and not path.is_dir():
        raise SourceError(f"there is no folder {path}; name one that holds your documents")
    if spec and path.is_dir():
        return DocumentFolder(spec, options, path)
    if path.suffix.lower() in READERS and path.is_file():
        return READERS[path.suffix.lower()](spec, options, path)
    reason = "is no file or folder" if not spec or not path.exists() else "is of no kind that can be read"
    raise SourceError(f'the source "{spec}" {reason}; allowed are {"; ".join(KINDS)}')
