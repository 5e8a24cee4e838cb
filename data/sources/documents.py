"""One document of any kind that people have (PDF, Word, Markdown, text, CSV, Parquet) to passages, within bounds.

What is wrong with a document is told in one line, and never more than that document is lost. It knows files and
passages. In which process it reads is decided in `data.sources.apart`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import UserError
from core.texts import TextError, path_text, read_text
from data.passages import Passage
from data.sources.base import Article, PageError, Section, SourceOptions
from data.sources.docx import read_docx
from data.sources.markdown import read_markdown
from data.sources.pdf import read_pdf
from data.sources.tables import Csv, FileRows, Parquet

_TEXTS, _MARKDOWN = (".txt", ".text"), (".md", ".markdown")
_TABLES: dict[str, type[FileRows]] = {".csv": Csv, ".parquet": Parquet}
SUFFIXES = (".pdf", ".docx", *_MARKDOWN, *_TEXTS, *_TABLES)
# How a file begins that is what its name says.
_BEGINNINGS = {".pdf": b"%PDF-", ".docx": b"PK", ".parquet": b"PAR1"}
_PDF_BEGINS_WITHIN = 1024
_KNOWN = {b"PK\x03\x04": "a ZIP archive", b"\x89PNG": "a PNG picture", b"\xff\xd8\xff": "a JPEG picture",
          b"GIF8": "a GIF picture", b"%PDF-": "a PDF", b"PAR1": "Parquet", b"\xd0\xcf\x11\xe0": "an old Word document",
          b"{\\rtf": "RTF", b"\x1f\x8b": "a gzip archive", b"\x7fELF": "a program", b"MZ": "a program"}  # fmt: skip
_ROWS_BETWEEN = 100  # of a table, between two words on how far it is
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is read of one document at most.

    Attributes:
        size: of the file, in bytes.
        pages: of a PDF.
        characters: of its text.
        passages: that are made of it.
        seconds: of the processor, for reading it.
        memory: that reading may take, in bytes.
        waiting: seconds until it must be read, whatever they went to; far more than the processor's.
    """

    size: int = 500_000_000
    pages: int = 5_000
    characters: int = 50_000_000
    passages: int = 200_000
    seconds: float = 600.0
    memory: int = 4_000_000_000
    waiting: float = 7_200.0


@dataclass(frozen=True, slots=True)
class Document:
    """What was read of a document: its passages in order, and in a line each what was left out and why."""

    passages: list[Passage]
    problems: list[str]


def read_document(
    path: Path,
    name: str,
    words: int = 100,
    address: str = "",
    bounds: Bounds | None = None,
    on_progress: Progress = lambda done, of: None,
) -> Document:
    """Read one document, in this process.

    Args:
        path: where it lies.
        name: what it is called, with its ending; the titles and ids of its passages are made of it.
        words: the length of a passage.
        address: where a reader finds it; "" for nowhere.
        bounds: what is read at most.
        on_progress: told how many pages or passages were read, of how many; 0 where that is not known.

    Raises:
        PageError: nothing of it can be read; the message says why and what to do, and does not name the file.
    """
    bounds = bounds or Bounds()
    suffix = _checked_suffix(path, name, bounds)
    title = path_text(Path(name).stem).replace("_", " ").strip() or name
    try:
        if suffix in _TABLES:
            document = _table(path, title, name, words, bounds, on_progress)
        else:
            sections, problems = _sections(path, suffix, address, bounds, on_progress)
            document = Document(Article(name, title, sections).snippets(words), problems)
    except OSError as error:
        raise PageError(f"it cannot be read ({error.strerror or error})") from error
    if not document.passages:
        raise PageError("it holds no text")
    if len(document.passages) <= bounds.passages:
        return document
    told = f"only its first {bounds.passages:,} passages were kept"
    return replace(document, passages=document.passages[: bounds.passages], problems=[*document.problems, told])


def _checked_suffix(path: Path, name: str, bounds: Bounds) -> str:
    """The ending of a document's name, if it can be read and is what the file is.

    Raises:
        PageError: it isn't.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise PageError(f'files that end in "{suffix}" are not read; allowed are {", ".join(SUFFIXES)}')
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(_PDF_BEGINS_WITHIN)
    except OSError as error:
        raise PageError(f"it cannot be read ({error.strerror or error})") from error
    if not size:
        raise PageError("it is empty")
    if size > bounds.size:
        raise PageError(f"it has {size:,} bytes; allowed are {bounds.size:,}: divide it, or leave pictures out")
    known = next((kind for mark, kind in _KNOWN.items() if start.startswith(mark)), "")
    needed = _BEGINNINGS.get(suffix, b"")
    fits = needed in start if suffix == ".pdf" else start.startswith(needed)
    if not fits or (known and not needed):
        said = f"begins as {known} does" if known else "does not begin as one does"
        raise PageError(f"it is no {suffix[1:]} file: it {said}; save it anew under its right ending")
    return suffix


def _sections(
    path: Path, suffix: str, address: str, bounds: Bounds, on_progress: Progress
) -> tuple[list[Section], list[str]]:
    """The sections of a document that is no table, and what was left out."""
    if suffix == ".pdf":
        pages, problems = read_pdf(path, bounds.pages, bounds.characters, on_progress)
        anchored = [(number, text, address and f"{address}#page={number}") for number, text in pages]
        return [Section(f"Page {number}", text, place) for number, text, place in anchored], problems
    if suffix == ".docx":
        parts, problems = read_docx(path, bounds.characters)
        return [Section(title, text, address) for title, text in parts], problems
    try:
        text = read_text(path)
    except TextError as error:
        raise PageError(str(error)) from error
    problems = []
    if len(text) > bounds.characters:
        text = text[: bounds.characters]
        problems = [f"only its first {bounds.characters:,} characters were read"]
    parts = list(read_markdown(text)) if suffix in _MARKDOWN else [("", text)]
    return [Section(title, prose, address) for title, prose in parts], problems


def _table(path: Path, title: str, name: str, words: int, bounds: Bounds, on_progress: Progress) -> Document:
    """The passages of a table's rows; rows that cannot be read are counted, and the first of them told."""
    source = _TABLES[Path(name).suffix.lower()](name, SourceOptions(words, any_columns=True), path)
    source.name = title
    passages: list[Passage] = []
    problems: list[str] = []
    size = 0
    try:
        for record in source.records():
            try:
                made = source.passages(record)
            except PageError as error:
                problems.append(_plain(error, path))
                continue
            passages += (replace(passage, id=f"{name}#{passage.id}") for passage in made)
            size += sum(len(passage.text) for passage in made)
            if size > bounds.characters or len(passages) > bounds.passages:
                break
            if record.number % _ROWS_BETWEEN == 0:
                on_progress(record.number + 1, 0)
    except UserError as error:
        if not passages:
            raise PageError(_plain(error, path)) from error
        problems.append(_plain(error, path))
    if problems and not passages:
        raise PageError(problems[0])
    if size > bounds.characters:
        return Document(passages, [f"only its first {bounds.characters:,} characters were read", *_counted(problems)])
    return Document(passages, _counted(problems))


def _plain(error: UserError, path: Path) -> str:
    """What is wrong with a table, without where it lies."""
    said = str(error).removeprefix(f"{path}").lstrip(", ")
    return f"it {said}" if str(error).startswith(f"{path} ") else said


def _counted(problems: list[str]) -> list[str]:
    """Several rows' problems in one line."""
    rows = f"{len(problems):,} row{'' if len(problems) == 1 else 's'} can't be read and"
    were = "was" if len(problems) == 1 else "were"
    return [f"{rows} {were} left out, the first of them: {problems[0]}"] if problems else []


def documents(folder: Path) -> Iterator[Path]:
    """The documents below a folder, in the order of their paths; the rest and what is hidden are passed over."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in SUFFIXES and not hidden and path.is_file():
            yield path
