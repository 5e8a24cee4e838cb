"""Files of rows: JSON lines, Parquet and CSV, with columns named by flags; and the columns of `wiki_snippets`.

A row is an article, or part of one, whose text is divided into snippets. Rows with the three columns of the original
`wiki_snippets` dataset (article_title, section_title, passage_text) are passages already and stay whole.
"""

from __future__ import annotations

import csv
import json
import os
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from data.passages import Passage, article_url, clean_text
from data.sources.base import Article, PageError, Record, Section, Source, SourceError, SourceOptions, file_fingerprint

FIELDS = ("title", "text", "section", "url", "id")
_WIKI_SNIPPETS = {"title": "article_title", "section": "section_title", "text": "passage_text"}
_CSV_FIELD_LIMIT = 1 << 27


class Rows(Source):
    """What all tables have in common: a row → passages."""

    def passages(self, record: Record) -> list[Passage]:
        """The snippets of a row, or the row itself where it is one of `wiki_snippets`.

        Raises:
            PageError: the row lacks title or text, or they are no text.
        """
        if record.problem:
            raise PageError(record.problem)
        row = record.content
        whole = not self.options.columns and set(_WIKI_SNIPPETS.values()) <= set(row)
        columns = _WIKI_SNIPPETS if whole else {name: name for name in FIELDS} | self.options.columns
        title, text = (_text(row, columns[name]) for name in ("title", "text"))
        section, url, number = (_text(row, columns.get(name, name), needed=False) for name in ("section", "url", "id"))
        number = number or str(record.number + 1)
        if whole:
            text = clean_text(text)
            return [Passage(number, title, section, text, url or article_url(title, section))] if text else []
        return Article(number, title, [Section(section, text, url or article_url(title, section))]).snippets(
            self.options.words
        )


class FileRows(Rows):
    """A table in a file."""

    def __init__(self, spec: str, options: SourceOptions, path: Path) -> None:
        """Read `path`, see `Source`."""
        super().__init__(spec, options)
        self.path = path
        self.name = path.name

    def fingerprint(self) -> str:
        """The file's hash."""
        return file_fingerprint(self.path)

    def records(self, start: int = 0) -> Iterator[Record]:
        """One a row.

        Raises:
            SourceError: the file is missing or broken, or lacks a column that is needed.
        """
        if not self.path.is_file():
            raise SourceError(f"there is no file {self.path}; name one that exists, or another source")
        try:
            yield from self._rows(start)
        except OSError as error:
            raise SourceError(f"{self.path} cannot be read: {error.strerror or error}") from error

    @abstractmethod
    def _rows(self, start: int) -> Iterator[Record]: ...

    def _check_columns(self, there: list[str]) -> None:
        """Raise unless the columns that are needed are there."""
        if not self.options.columns and set(_WIKI_SNIPPETS.values()) <= set(there):
            return
        needed = {"title": "title", "text": "text"} | self.options.columns
        missing = [f'"{column}" for the {name}' for name, column in needed.items() if column not in there]
        if missing:
            raise SourceError(
                f"{self.path} has no column {' and no column '.join(missing)}; it has {', '.join(there) or 'none'}: "
                "name the right ones with --title-column, --text-column, --section-column, --url-column, --id-column"
            )


class JsonLines(FileRows):
    """A file of JSON lines."""

    def _rows(self, start: int) -> Iterator[Record]:
        with self.path.open(encoding="utf-8", errors="replace") as file:
            size = max(1, self.path.stat().st_size)
            for number, line in islice(enumerate(file), start, None):
                self.share = os.lseek(file.fileno(), 0, os.SEEK_CUR) / size
                place = f"line {number + 1}"
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except json.JSONDecodeError as error:
                    yield Record(number, place, problem=f"{self.path}, {place}: not JSON ({error})")
                    continue
                if not isinstance(row, dict):
                    yield Record(number, place, problem=f"{self.path}, {place}: no object but {type(row).__name__}")
                    continue
                yield Record(number, str(row.get("title") or place), row)


class Parquet(FileRows):
    """A Parquet file, read row group by row group."""

    def _rows(self, start: int) -> Iterator[Record]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(self.path, memory_map=True) as file:
                there = file.schema_arrow.names
                self._check_columns(there)
                wanted = {*FIELDS, *_WIKI_SNIPPETS.values(), *self.options.columns.values()}
                first = 0
                for group in range(file.num_row_groups):
                    last = first + file.metadata.row_group(group).num_rows
                    if last > start:
                        yield from self._group(file, group, first, start, [n for n in there if n in wanted])
                    self.share = last / max(1, file.metadata.num_rows)
                    first = last
        except pa.ArrowInvalid as error:
            raise SourceError(f"{self.path} is no whole Parquet file ({error}): make it again") from error

    def _group(self, file: Any, group: int, first: int, start: int, columns: list[str]) -> Iterator[Record]:  # noqa: ANN401
        """The records of one row group."""
        number = first
        for batch in file.iter_batches(batch_size=1024, row_groups=[group], columns=columns):
            for row in batch.to_pylist():
                if number >= start:
                    yield Record(number, str(row.get(self.options.columns.get("title", "title")) or number), row)
                number += 1


class Csv(FileRows):
    """A CSV file whose first line names the columns."""

    def _rows(self, start: int) -> Iterator[Record]:
        csv.field_size_limit(_CSV_FIELD_LIMIT)
        with self.path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            reader = csv.DictReader(file)
            try:
                self._check_columns(list(reader.fieldnames or []))
                for number, row in islice(enumerate(reader), start, None):
                    title = row.get(self.options.columns.get("title", "title"))
                    yield Record(number, str(title or f"line {reader.line_num}"), row)
            except csv.Error as error:
                raise SourceError(f"{self.path}, line {reader.line_num}: not CSV ({error})") from error


READERS: dict[str, type[FileRows]] = {".jsonl": JsonLines, ".json": JsonLines, ".parquet": Parquet, ".csv": Csv}


def _text(row: Mapping[str, Any], column: str, needed: bool = True) -> str:
    """A field as text."""
    value = row.get(column)
    if value is None:
        if needed:
            raise PageError(f'no "{column}" among {", ".join(map(str, row)) or "nothing"}')
        return ""
    if isinstance(value, (str, int, float)):
        return str(value)
    raise PageError(f'"{column}" is no text but {type(value).__name__}')
