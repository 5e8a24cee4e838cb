"""Files of rows: JSON lines, Parquet and CSV, with columns named by flags; and the columns of `wiki_snippets`.

A row is an article, or part of one, whose text is divided into snippets. Rows with the three columns of the original
`wiki_snippets` dataset (article_title, section_title, passage_text) are passages already and stay whole.
"""

from __future__ import annotations

import csv
import logging
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import IO, Any

from core.errors import first_line
from core.texts import MENDED, TextError, checked, json_array, json_values, mended, open_text, path_text
from data.passages import Passage, article_url, clean_text
from data.sources.base import Article, PageError, Record, Section, Source, SourceError, SourceOptions, file_fingerprint

logger = logging.getLogger(__name__)

FIELDS = ("title", "text", "section", "url", "id")
_WIKI_SNIPPETS = {"title": "article_title", "section": "section_title", "text": "passage_text"}
_CSV_FIELD_LIMIT = 1 << 27
_LONGEST_HEADER = 1 << 16


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
        if self.options.any_columns and not whole and not {"title", "text"} <= set(row):
            return self._described(record)
        columns = _WIKI_SNIPPETS if whole else {name: name for name in FIELDS} | self.options.columns
        title, text = (_text(row, columns[name]) for name in ("title", "text"))
        section, url, number = (_text(row, columns.get(name, name), needed=False) for name in ("section", "url", "id"))
        number = number or str(record.number + 1)
        if whole:
            text = clean_text(text)
            return [Passage(number, title, section, text, url or article_url(title, section))] if text else []
        # Somebody's own documents have no address but the one they give.
        return Article(number, title, [Section(section, text, url)]).snippets(self.options.words)

    def _described(self, record: Record) -> list[Passage]:
        """A row of whatever columns, as "column: value" one after another."""
        row, number = record.content, str(record.number + 1)
        values = {str(name): " ".join(str(value).split()) for name, value in row.items() if name and value}
        text = "; ".join(f"{name}: {value}" for name, value in values.items())
        return Article(number, f"{self.name}, row {number}", [Section("", text and f"{text}.", "")]).snippets(
            self.options.words
        )


class FileRows(Rows):
    """A table in a file."""

    _row = "row"  # what one is called

    def __init__(self, spec: str, options: SourceOptions, path: Path) -> None:
        """Read `path`, see `Source`."""
        super().__init__(spec, options)
        self.path = path
        self.name = path.name

    def passages(self, record: Record) -> list[Passage]:
        """See `Rows.passages`; what is wrong with a row is told with its place in the file."""
        try:
            return super().passages(record)
        except PageError as error:
            if record.problem:
                raise
            raise PageError(f"{self.path}, {self._row} {record.number + 1}: {error}") from error

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
        if self.options.any_columns:
            return
        if not self.options.columns and set(_WIKI_SNIPPETS.values()) <= set(there):
            return
        needed = {"title": "title", "text": "text"} | self.options.columns
        if twice := [name for name in dict.fromkeys((*FIELDS, *needed.values())) if there.count(name) > 1]:
            raise SourceError(f'{self.path} has several columns "{twice[0]}": give each a name of its own')
        missing = [f'"{column}" for the {name}' for name, column in needed.items() if column not in there]
        if missing:
            raise SourceError(
                f"{self.path} has no column {' and no column '.join(missing)}; it has {', '.join(there) or 'none'}: "
                "name the right ones with --title-column, --text-column, --section-column, --url-column, --id-column"
            )


class JsonLines(FileRows):
    """A file of JSON lines, or of one array of objects."""

    _row = "line"

    def _rows(self, start: int) -> Iterator[Record]:
        try:
            rows = json_array(self.path)
        except TextError as error:
            raise SourceError(f"{self.path}: {error}") from error
        read = json_values(self.path, lambda share: setattr(self, "share", share))
        values = read if rows is None else ((number, *row) for number, row in enumerate(rows, start=1))
        self._row = "line" if rows is None else "object"
        for number, row, problem in values:
            if number <= start:
                continue
            place = f"line {number}" if rows is None else f"object {number}"
            if row is None and problem:
                yield Record(number - 1, place, problem=f"{self.path}, {place}: {problem}")
            elif not isinstance(row, dict):
                yield Record(number - 1, place, problem=f"{self.path}, {place}: no object but {type(row).__name__}")
            else:
                if problem:
                    logger.warning("%s, %s: %s", self.path, place, problem)
                yield Record(number - 1, str(row.get("title") or place), row)


class Parquet(FileRows):
    """A Parquet file, read row group by row group."""

    def _rows(self, start: int) -> Iterator[Record]:
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
                        some = [name for name in there if name in wanted or self.options.any_columns]
                        yield from self._group(file, group, first, start, some)
                    self.share = last / max(1, file.metadata.num_rows)
                    first = last
        except SourceError:
            raise
        except Exception as error:  # a damaged file raises errors of Arrow, of text, of memory
            raise SourceError(f"{self.path} is no whole Parquet file ({first_line(error)}): make it again") from error

    def _group(self, file: Any, group: int, first: int, start: int, columns: list[str]) -> Iterator[Record]:  # noqa: ANN401
        """The records of one row group."""
        number = first
        for batch in file.iter_batches(batch_size=1024, row_groups=[group], columns=columns):
            for row in range(batch.num_rows):
                if number >= start:
                    yield self._record(batch.slice(row, 1), number)
                number += 1

    def _record(self, row: Any, number: int) -> Record:  # noqa: ANN401 - one of Arrow's batches
        """One row; texts that are no UTF-8 and times that no calendar has are found when they are read."""
        try:
            [content] = row.to_pylist()
        except (ValueError, OverflowError) as error:
            return Record(number, f"row {number + 1}", problem=f"{self.path}, row {number + 1}: not readable ({error})")
        if any(isinstance(value, str) and value != mended(value) for value in content.values()):
            logger.warning("%s, row %d: %s", self.path, number + 1, MENDED)
        return Record(number, mended(str(content.get(self.options.columns.get("title", "title")) or number)), content)


class Csv(FileRows):
    """A CSV file whose first line names the columns; a row that is not as it says is skipped, the rest is read."""

    def _rows(self, start: int) -> Iterator[Record]:
        csv.field_size_limit(_CSV_FIELD_LIMIT)
        with open_text(self.path, newline="") as file:
            try:
                reader = csv.DictReader(file, delimiter=_delimiter(file), strict=True)
                reader.fieldnames = [mended(name) for name in reader.fieldnames or []]
                self._check_columns(reader.fieldnames)
            except (csv.Error, UnicodeDecodeError) as error:
                raise SourceError(f"{self.path}, line 1: not CSV ({error})") from error
            for number in count():
                line = reader.line_num + 1
                try:
                    row = next(reader, None)
                except csv.Error as error:
                    row, problem = {}, f"not CSV ({error}); it may lack a quote"
                except UnicodeDecodeError as error:
                    raise SourceError(f"{self.path}, line {line}: not CSV ({error})") from error
                else:
                    problem = _problem_of(row)
                if row is None:
                    return
                if number >= start:
                    yield self._record(row, number, line, problem)

    def _record(self, row: Mapping[Any, Any], number: int, line: int, problem: str) -> Record:
        """One row, which begins in a line."""
        place = f"{self.path}, line {line}"
        title = path_text(str(row.get(self.options.columns.get("title", "title")) or f"line {line}"))
        if problem:
            return Record(number, title, problem=f"{place}: {problem}")
        if any(isinstance(value, str) and value != mended(value) for value in row.values()):
            logger.warning("%s: %s", place, MENDED)
        return Record(number, mended(title), row)


def _problem_of(row: Mapping[Any, Any] | None) -> str:
    """What is wrong with a row of CSV; "" where nothing is."""
    if row is None:
        return ""
    if surplus := row.get(None):  # so DictReader keeps them
        known = len(row) - 1
        return f"{known + len(surplus)} values for {known} columns; put quotes around a text with commas in it"
    try:
        for value in row.values():
            checked(str(value))
    except TextError as error:
        return str(error)
    return ""


def _delimiter(file: IO[str]) -> str:
    """What stands between the columns of a CSV file: most of what its first line has of commas, semicolons and tabs."""
    try:
        first = file.readline(_LONGEST_HEADER)
    except UnicodeDecodeError:  # it is told where the rows are read
        first = ""
    file.seek(0)
    return max(",;\t", key=first.count)


READERS: dict[str, type[FileRows]] = {".jsonl": JsonLines, ".json": JsonLines, ".parquet": Parquet, ".csv": Csv}


def _text(row: Mapping[str, Any], column: str, needed: bool = True) -> str:
    """A field as text."""
    value = row.get(column)
    if value is None:
        if needed:
            raise PageError(mended(f'no "{column}" among {", ".join(map(str, row)) or "nothing"}'))
        return ""
    if isinstance(value, str):
        return mended(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value:
        return str(value)
    raise PageError(f'"{column}" is no text but {"NaN" if value != value else type(value).__name__}')
