"""A folder of text files: each is an article, its name the title."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from data.passages import Passage
from data.sources.base import Article, PageError, Record, Section, Source, SourceError, SourceOptions, file_fingerprint

SUFFIXES = (".txt", ".md", ".text")


class TextFolder(Source):
    """The text files below a folder, in the order of their paths; the rest of it is passed over."""

    def __init__(self, spec: str, options: SourceOptions, path: Path) -> None:
        """Read what lies below `path`, see `Source`."""
        super().__init__(spec, options)
        self.path = path
        self.name = path.resolve().name

    def _files(self) -> list[Path]:
        """Every text file.

        Raises:
            SourceError: there is none.
        """
        files = sorted(path for path in self.path.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
        if not files:
            raise SourceError(f"{self.path} holds no text file ({', '.join(SUFFIXES)}): name another folder")
        return files

    def records(self, start: int = 0) -> Iterator[Record]:
        """One a file."""
        files = self._files()
        for number, path in enumerate(files):
            self.share = (number + 1) / len(files)
            if number >= start:
                yield Record(number, str(path.relative_to(self.path)), path)

    def passages(self, record: Record) -> list[Passage]:
        """The snippets of one file; its address is the file's own.

        Raises:
            PageError: the file is not UTF-8 text, or cannot be read.
        """
        path: Path = record.content
        try:
            text = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError) as error:
            raise PageError(f"not readable as UTF-8 text ({error})") from error
        place = str(path.relative_to(self.path))
        section = Section("", text, path.resolve().as_uri())
        return Article(place, path.stem.replace("_", " "), [section]).snippets(self.options.words)

    def fingerprint(self) -> str:
        """A hash of all names and contents."""
        digest = hashlib.sha256()
        for path in self._files():
            digest.update(f"{path.relative_to(self.path)} {file_fingerprint(path)}\n".encode())
        return digest.hexdigest()
