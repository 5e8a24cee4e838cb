"""A folder of text files: each is an article, its name the title."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from core.texts import TextError, path_text, read_text
from data.passages import Passage
from data.sources.base import Article, PageError, Record, Section, Source, SourceError, SourceOptions, file_fingerprint
from data.sources.markdown import read_markdown

SUFFIXES = (".txt", ".md", ".text")


class TextFolder(Source):
    """The text files below a folder, in the order of their paths; the rest and what is hidden are passed over."""

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
        files = sorted(path for path in self.path.rglob("*") if path.suffix.lower() in SUFFIXES and self._is_ours(path))
        if not files:
            raise SourceError(f"{self.path} holds no text file ({', '.join(SUFFIXES)}): name another folder")
        return files

    def _is_ours(self, path: Path) -> bool:
        """Whether a path is a file that its owner would show: nothing of it below the folder is hidden."""
        return not any(part.startswith(".") for part in path.relative_to(self.path).parts) and path.is_file()

    def records(self, start: int = 0) -> Iterator[Record]:
        """One a file."""
        files = self._files()
        for number, path in enumerate(files):
            self.share = (number + 1) / len(files)
            if number >= start:
                yield Record(number, path_text(path.relative_to(self.path)), path)

    def passages(self, record: Record) -> list[Passage]:
        """The snippets of one file; its address is the file's own.

        Raises:
            PageError: the file is not UTF-8 text, or cannot be read.
        """
        path: Path = record.content
        try:
            text = read_text(path)
        except (TextError, OSError) as error:
            raise PageError(f"{path_text(path)}: {error}") from error
        place, address = record.title, path.resolve().as_uri()
        if path.suffix.lower() == ".md":
            sections = [Section(title, prose, address) for title, prose in read_markdown(text)]
        else:
            sections = [Section("", text, address)]
        return Article(place, path_text(path.stem).replace("_", " "), sections).snippets(self.options.words)

    def fingerprint(self) -> str:
        """A hash of all names and contents."""
        digest = hashlib.sha256()
        for path in self._files():
            digest.update(f"{path_text(path.relative_to(self.path))} {file_fingerprint(path)}\n".encode())
        return digest.hexdigest()
