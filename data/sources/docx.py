"""Word documents (.docx) to prose: sections under their headings, a line a paragraph, item or row of a table.

python-docx reads the file. It knows documents, and nothing of passages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from core.errors import first_line
from core.texts import mended
from data.sources.base import PageError
from data.sources.markdown import ended_line, entered, section_path

_HEADING = re.compile(r"(?i)heading (\d)")
_MOST_PARTS = 5_000
_LARGEST = 200_000_000  # bytes of all parts, unpacked


def read_docx(path: Path, most_characters: int) -> tuple[list[tuple[str, str]], list[str]]:
    """The sections of a document with prose in them.

    Args:
        path: of the file.
        most_characters: that are read; what follows is told as a problem.

    Returns:
        ("Section & Subsection", prose), what stands before the first heading under ""; and what was left out.

    Raises:
        PageError: it is no such document, or would take too much room.
    """
    _check_size(path)
    sections: list[tuple[str, str]] = []
    problems: list[str] = []
    try:
        place, lines, size = list[tuple[int, str]](), list[str](), 0
        for level, text in _blocks(path):
            size += len(text)
            if size > most_characters:
                problems.append(f"only its first {most_characters:,} characters were read")
                break
            if level and lines:
                sections.append((section_path(place), "\n".join(lines)))
                lines = []
            if level:
                place = entered(place, level, text)
            else:
                lines.append(ended_line(text))
        if lines:
            sections.append((section_path(place), "\n".join(lines)))
    except Exception as error:  # of the library, the XML and the archive
        raise PageError(f"it is no Word document that can be read ({first_line(error)}): save it anew") from error
    return sections, problems


def _check_size(path: Path) -> None:
    """See how large the parts of the archive are before any is unpacked; more than it says is never read of one."""
    try:
        with ZipFile(path) as archive:
            parts = archive.infolist()
    except (BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise PageError(f"it is no whole Word document ({first_line(error)}): save it anew as .docx") from error
    size = sum(part.file_size for part in parts)
    if len(parts) > _MOST_PARTS or size > _LARGEST:
        raise PageError(
            f"unpacked it has {len(parts):,} parts and {size:,} bytes; allowed are {_MOST_PARTS:,} and {_LARGEST:,}"
        )
    if "[Content_Types].xml" not in {part.filename for part in parts}:
        raise PageError("it is an archive but no Word document: unpack it and name what is inside")


def _blocks(path: Path) -> Iterator[tuple[int, str]]:
    """(level of a heading, 0 of everything else, text) in order, what is empty left out."""
    from docx import Document
    from docx.table import Table

    for block in Document(str(path)).iter_inner_content():
        if isinstance(block, Table):
            for row in block.rows:
                cells = [" ".join(cell.text.split()) for cell in row.cells]
                if words := ", ".join(dict.fromkeys(cell for cell in cells if cell)):
                    yield 0, mended(words)
        elif words := " ".join(block.text.split()):
            heading = _HEADING.match(block.style.name or "") if block.style else None
            yield int(heading[1]) if heading else 0, mended(words)
