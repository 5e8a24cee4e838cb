"""What every source has in common: numbered raw records, each made into passages by itself.

Records are cheap to walk over, so that a build that was stopped finds its place again; making passages of one may be
costly, and happens in other processes where the build has them.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.files import file_sha256
from data.passages import Passage, SourceError, clean_text, split_snippets

# Files up to this size are hashed whole, larger ones by size, time of change, beginning and end.
_HASHED_WHOLE = 1 << 30
_END = 1 << 20


class PageError(UserError):
    """One record of a source is no usable page; the build counts it, logs it and goes on."""


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How a source is read.

    Attributes:
        words: the length of a snippet in words, at least 1.
        columns: of a table: what we call a column ("title", "text", "section", "url", "id") → its name there.
        split: of a dataset.
        any_columns: whether a table without title and text is read all the same, row by row with all its columns.
    """

    words: int = 100
    columns: dict[str, str] = field(default_factory=dict)
    split: str = "train"
    any_columns: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """One raw record.

    Attributes:
        number: from 0, in the order of the source; records that hold no page at all (redirects, blank lines) have
            numbers too.
        title: for the log of what was skipped.
        content: whatever the source's `passages` makes passages of; None where there is nothing to make.
        problem: why it cannot be read, "" where it can.
    """

    number: int
    title: str
    content: Any = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A piece of an article under one heading: its path "Section & Subsection", clean prose, and address."""

    title: str
    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Article:
    """An article: its id within the source, its title, and its sections in order, the lead first."""

    id: str
    title: str
    sections: Sequence[Section]

    def snippets(self, words: int) -> list[Passage]:
        """Its passages, of about `words` words each; no snippet crosses a heading.

        >>> [p.text for p in Article("7", "Tide", [Section("", "The sea rises. It falls.", "u")]).snippets(100)]
        ['The sea rises. It falls.']
        """
        pieces = [
            (section, snippet)
            for section in self.sections
            for snippet in split_snippets(clean_text(section.text), words)
        ]
        return [
            Passage(f"{self.id}.{part}", self.title, section.title, snippet, section.url)
            for part, (section, snippet) in enumerate(pieces)
        ]


class Source(ABC):
    """A source of passages. It holds names and settings only, so that it can be sent to other processes.

    Attributes:
        spec: what the command line said, such as "dump:enwiki.xml.bz2".
        name: for people, on the page's first line.
        licence: of the texts; "" where it is not known.
        share: how much of the source was read by `records`, 0 to 1; 0 where that is not known.
    """

    spec: str
    name: str
    licence: str = ""
    share: float = 0.0

    def __init__(self, spec: str, options: SourceOptions) -> None:
        """Note what was asked for; reading begins with `records`."""
        self.spec = spec
        self.name = spec
        self.options = options

    @abstractmethod
    def records(self, start: int = 0) -> Iterator[Record]:
        """The records from number `start` on, in order.

        Raises:
            SourceError: the source is missing, or broken beyond going on.
        """

    @abstractmethod
    def passages(self, record: Record) -> list[Passage]:
        """The passages of one record, in order; none where it holds no text.

        Raises:
            PageError: the record is no usable page.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """A short text that changes when the source's content does.

        Raises:
            SourceError: the source is missing.
        """


def file_fingerprint(path: Path) -> str:
    """The SHA-256 of a file; of a very large one, of its size, time of change and ends.

    Raises:
        SourceError: there is no such file.
    """
    if not path.is_file():
        raise SourceError(f"there is no file {path}; name one that exists, or another source")
    size = path.stat().st_size
    if size <= _HASHED_WHOLE:
        return file_sha256(path)
    with path.open("rb") as file:
        digest = hashlib.sha256(f"{size} {path.stat().st_mtime_ns} ".encode())
        digest.update(file.read(_END))
        file.seek(size - _END)
        digest.update(file.read(_END))
    return f"ends:{digest.hexdigest()}"
