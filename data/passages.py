"""Passages: the unit that is retrieved, read and shown, and the reader of the vital articles.

It knows Wikipedia's texts and their blemishes. It knows nothing of vectors or models.
"""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import overload
from urllib.parse import quote

from core.errors import UserError
from data.sentences import split_sentences

_GAP_BEFORE_MARK = re.compile(r"\s+([,;:.!?)\]])(?!\w)")
_GAP_AFTER_BRACKET = re.compile(r"([(\[])\s+")
_EMPTY_BRACKETS = re.compile(r"\(\s*[,;:]*\s*\)|\[\s*\]")
_LEADING_MARK_IN_BRACKETS = re.compile(r"\(\s*[,;]\s*")


class PassageError(UserError):
    """A file of passages is not what it should be; the message says where and what to do."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One snippet of an article.

    Attributes:
        id: unique within its corpus; the vital articles use their row number, so ids are stable.
        title: the article's title.
        section: "Section & Subsection", or "" for the lead.
        text: the snippet itself, one line of clean prose.
        url: where a reader finds it.
    """

    id: str
    title: str
    section: str
    text: str
    url: str

    def to_json(self) -> dict[str, str]:
        """The record as a plain dictionary."""
        return asdict(self)


def clean_text(text: str) -> str:
    r"""Make one tidy line of an extract: no odd spaces, no gaps where a formula or a recording stood.

    >>> clean_text("The cello ( , CHEL-oh)\xa0is  a \nstring instrument .")
    'The cello (CHEL-oh) is a string instrument.'
    """
    text = " ".join(text.split())
    text = _EMPTY_BRACKETS.sub(" ", text)
    text = _LEADING_MARK_IN_BRACKETS.sub("(", text)
    text = _GAP_AFTER_BRACKET.sub(r"\1", text)
    text = _GAP_BEFORE_MARK.sub(r"\1", text)
    return " ".join(text.split())


def article_url(title: str, section: str = "", language: str = "en") -> str:
    """The address of an article on Wikipedia, percent-encoded, with the last section as anchor.

    >>> article_url("AC/DC", "History & Early years")
    'https://en.wikipedia.org/wiki/AC/DC#Early_years'
    """
    address = f"https://{language}.wikipedia.org/wiki/{quote(title.replace(' ', '_'), safe='/:,()')}"
    if section:
        anchor = section.rsplit(" & ", 1)[-1].replace(" ", "_")
        address += "#" + quote(anchor, safe="/:,()")
    return address


def split_snippets(text: str, words: int = 100) -> list[str]:
    """Split a text into snippets of about `words` words that end where sentences end.

    The text is divided into as many snippets as its length calls for, evenly, so that the last is not a scrap.
    A single sentence is never divided, however long.

    Args:
        text: clean prose.
        words: the length aimed at, in words, at least 1.

    Returns:
        The snippets in order; none for a blank text.

    Raises:
        ValueError: `words` is below 1.

    >>> split_snippets("One two three. Four five six. Seven eight. Nine ten.", words=5)
    ['One two three. Four five six.', 'Seven eight. Nine ten.']
    """
    if words < 1:
        raise ValueError(f"a snippet's length was given as {words} words; it must be at least 1")
    sentences = split_sentences(text)
    total = sum(len(sentence.split()) for sentence in sentences)
    pieces = max(1, round(total / words))
    snippets: list[list[str]] = [[] for _ in range(pieces)]
    before = 0
    for sentence in sentences:
        length = len(sentence.split())
        middle = before + length / 2
        snippets[min(pieces - 1, int(middle * pieces / total))].append(sentence)
        before += length
    return [" ".join(snippet) for snippet in snippets if snippet]


def read_vital_articles(path: Path) -> list[Passage]:
    """Read the lead paragraphs of the vital articles, one passage an article, in the file's order.

    Leads are kept whole: they are about 77 words long on average, already the length of a snippet.

    Args:
        path: the JSON file {title: {"title", "extract", …}} of the asset `vital-articles`.

    Raises:
        PassageError: the file is not JSON of that form.
    """
    try:
        articles = json.loads(path.read_text(encoding="utf-8"))
        return [
            Passage(str(row), title, "", clean_text(article["extract"]), article_url(title))
            for row, (title, article) in enumerate(articles.items())
        ]
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, KeyError, TypeError) as error:
        raise PassageError(
            f"{path} does not hold the vital articles ({type(error).__name__}: {error}); "
            "delete it and run `python -m data.assets`"
        ) from error


class PassageSequence(Sequence[Passage]):
    """Passages that are read when they are asked for; a subclass knows their number and reads some of them."""

    @overload
    def __getitem__(self, row: int) -> Passage: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[Passage]: ...

    def __getitem__(self, row: int | slice) -> Passage | Sequence[Passage]:
        """One passage, or a list of a slice of them.

        Raises:
            IndexError: there is no such row.
            PassageError: what should hold it cannot be read.
        """
        count = len(self)
        if isinstance(row, slice):
            return self._read(range(*row.indices(count)))
        if not -count <= row < count:
            raise IndexError(f"row {row} of {count:,} passages")
        return self._read([row % count])[0]

    @abstractmethod
    def _read(self, rows: Sequence[int]) -> list[Passage]:
        """The passages of these rows, each from 0."""


def write_passages(passages: Iterable[Passage], path: Path) -> None:
    """Write passages as JSON lines, one record a line, UTF-8."""
    with path.open("w", encoding="utf-8") as file:
        for passage in passages:
            file.write(json.dumps(passage.to_json(), ensure_ascii=False) + "\n")


def read_passages(path: Path) -> Iterator[Passage]:
    """Read passages from JSON lines as `write_passages` wrote them.

    Raises:
        PassageError: a line is broken or lacks a field; file and line are named.
    """
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield Passage(**json.loads(line))
            except (json.JSONDecodeError, TypeError) as error:
                raise PassageError(
                    f"{path}, line {number}: not a passage ({error}); each line needs id, title, section, text, url"
                ) from error
