"""The words and numbers of a text in their places, for what looks at capitals and values.

It knows characters and sentence starts. It knows nothing of names or sources.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from core.sentences import split_sentences

# Dotted capitals (U.S.), words with inner apostrophes and digits (O'Brien, H2O), numbers and their endings (19th).
_TOKEN = re.compile(
    r"(?P<dotted>(?:[^\W\d_]\.){2,})|(?P<word>[^\W\d_][^\W_]*(?:['’][^\W\d_]+)*)"
    r"|(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?P<rest>[^\W\d_]*)"
)
# After one of these a capital may only mark a beginning, as at the start of a sentence.
_OPENING = re.compile(r"""(?:[:–—•]\s*["“‘'(\[]*|["“‘(\[])$""")
_DEGREES = {"C": "Celsius", "F": "Fahrenheit"}


@dataclass(frozen=True, slots=True)
class Token:
    """A word or number in its place.

    Attributes:
        text: as written, in `normal_form`; dotted capitals without their dots.
        start: where it begins in the normal form, in characters.
        end: where it ends.
        opens: whether it opens a sentence, a quotation or what follows a colon, so that a capital says little.
        digits: the value of its digits; None for a word.
    """

    text: str
    start: int
    end: int
    opens: bool
    digits: Decimal | None


def tokens_of(text: str) -> Iterator[Token]:
    """The words and numbers of a text, with what opens a sentence marked."""
    text = normal_form(text)
    openings = set(_sentence_starts(text))
    for match in _TOKEN.finditer(text):
        before = text[max(0, match.start() - 4) : match.start()]
        opens = match.start() in openings or _OPENING.search(before) is not None
        if match["dotted"]:
            yield Token(match[0].replace(".", ""), match.start(), match.end(), False, None)
        elif match["word"]:
            yield Token(match[0], match.start(), match.end(), opens, None)
        else:
            yield Token(match[0], match.start(), match.end(), opens, Decimal(match["digits"].replace(",", "")))


def lower_case_words(text: str) -> Iterator[str]:
    """The words of a text that have no capital.

    >>> list(lower_case_words("The Moon rises at 6 o'clock."))
    ['rises', 'at', "o'clock"]
    """
    return (match["word"] for match in _TOKEN.finditer(text) if match["word"] and match["word"].islower())


def normal_form(text: str) -> str:
    """One form for each character, and words for the signs of temperature."""
    return re.sub(r"°\s?([CF])\b", lambda sign: f" {_DEGREES[sign[1]]}", unicodedata.normalize("NFKC", text))


def _sentence_starts(text: str) -> Iterator[int]:
    """Where the first word of each sentence begins."""
    place = 0
    for sentence in split_sentences(text):
        first = sentence.split()[0]
        place = text.index(first, place)
        match = _TOKEN.search(text, place)
        if match:
            yield match.start()
        place += len(first)
        for piece in sentence.split()[1:]:
            place = text.index(piece, place) + len(piece)
