"""Passages: the unit that is retrieved, read and shown, and the reader of the vital articles.

It knows Wikipedia's texts and their blemishes. It knows nothing of vectors or models.
"""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import overload
from urllib.parse import quote

from core.errors import UserError
from core.records import Passage
from core.sentences import count_words, sentence_spans

_GAP_BEFORE_MARK = re.compile(r"\s+([,;:.!?)\]])(?!\w)")
_GAP_AFTER_BRACKET = re.compile(r"([(\[])\s+")
_EMPTY_BRACKETS = re.compile(r"\(\s*[,;:]*\s*\)|\[\s*\]")
_LEADING_MARK_IN_BRACKETS = re.compile(r"\(\s*[,;]\s*")


class SourceError(UserError):
    """Where passages come from is missing, damaged or not what it should be; the message says where and what to do."""


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
    A single sentence is never divided, unless it is longer than any should be (`core.sentences.LONGEST` words).

    Args:
        text: clean prose.
        words: the length aimed at, in words, at least 1; where the script puts no spaces, as `count_words` counts.

    Returns:
        The snippets in order; none for a blank text.

    Raises:
        ValueError: `words` is below 1.

    >>> split_snippets("One two three. Four five six. Seven eight. Nine ten.", words=5)
    ['One two three. Four five six.', 'Seven eight. Nine ten.']
    """
    if words < 1:
        raise ValueError(f"a snippet's length was given as {words} words; it must be at least 1")
    spans = sentence_spans(text)
    lengths = [count_words(text[start:end]) for start, end in spans]
    total = sum(lengths)
    pieces = max(1, round(total / words))
    snippets: dict[int, tuple[int, int]] = {}
    before = 0
    for (start, end), length in zip(spans, lengths, strict=True):
        piece = min(pieces - 1, int((before + length / 2) * pieces / total))
        snippets[piece] = (snippets.get(piece, (start, end))[0], end)
        before += length
    return [" ".join(text[start:end].split()) for start, end in snippets.values()]


def read_vital_articles(path: Path) -> list[Passage]:
    """Read the lead paragraphs of the vital articles, one passage an article, in the file's order.

    Leads are kept whole: they are about 77 words long on average, already the length of a snippet.

    Args:
        path: the JSON file {title: {"title", "extract", …}} of the asset `vital-articles`.

    Raises:
        SourceError: the file is not JSON of that form.
    """
    try:
        articles = json.loads(path.read_text(encoding="utf-8"))
        return [
            Passage(str(row), title, "", clean_text(article["extract"]), article_url(title))
            for row, (title, article) in enumerate(articles.items())
        ]
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, KeyError, TypeError) as error:
        raise SourceError(
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
            SourceError: what should hold it cannot be read.
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
