"""A folder of documents: each is an article, its name the title; of a table each row is one."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path

from core.texts import path_text
from data.passages import Passage
from data.sources.apart import read_apart
from data.sources.base import PageError, Record, Source, SourceError, SourceOptions, file_fingerprint
from data.sources.documents import SUFFIXES, documents

logger = logging.getLogger(__name__)


class DocumentFolder(Source):
    """The documents below a folder, in the order of their paths; the rest and what is hidden are passed over."""

    def __init__(self, spec: str, options: SourceOptions, path: Path) -> None:
        """Read what lies below `path`, see `Source`."""
        super().__init__(spec, options)
        self.path = path
        self.name = path.resolve().name

    def _files(self) -> list[Path]:
        """Every document.

        Raises:
            SourceError: there is none.
        """
        files = list(documents(self.path))
        if not files:
            raise SourceError(f"{self.path} holds no document ({', '.join(SUFFIXES)}): name another folder")
        return files

    def records(self, start: int = 0) -> Iterator[Record]:
        """One a file."""
        files = self._files()
        for number, path in enumerate(files):
            self.share = (number + 1) / len(files)
            if number >= start:
                yield Record(number, path_text(path.relative_to(self.path)), path)

    def passages(self, record: Record) -> list[Passage]:
        """The snippets of one file; its address is the file's own, with the page of a PDF.

        Raises:
            PageError: nothing of the file can be read.
        """
        path: Path = record.content
        try:
            document = read_apart(path, record.title, self.options.words, path.resolve().as_uri())
        except PageError as error:
            raise PageError(f"{path_text(path)}: {error}") from error
        for problem in document.problems:
            logger.warning("%s: %s", path_text(path), problem)
        return document.passages

    def fingerprint(self) -> str:
        """A hash of all names and contents."""
        digest = hashlib.sha256()
        for path in self._files():
            digest.update(f"{path_text(path.relative_to(self.path))} {file_fingerprint(path)}\n".encode())
        return digest.hexdigest()
