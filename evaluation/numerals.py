"""Numbers by their value: digits, number words and their mixtures, such as "5.2 million" and "twenty-first".

It knows English number words. It knows nothing of answers or passages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from core.words import NUMBER_WORDS
from evaluation.tokens import Token

# Words from a thousand on multiply what stands before them.
_LEAST_SCALE = 1000
_VALUES = NUMBER_WORDS | {"trillion": 10**12}
_IRREGULAR = {"first": "one", "second": "two", "third": "three", "fifth": "five", "eighth": "eight", "ninth": "nine"}
_IRREGULAR |= {"twelfth": "twelve"}


def number_test(known: Sequence[Token]) -> Callable[[Sequence[Token], Decimal], bool]:
    """The test whether the sources, whose words are given, have a number, given as its words and its value."""
    values = {value for value, _, _ in numbers_of(known, keep_parts=True)}
    plain = {word.text.casefold() for word in known}

    def has_number(parts: Sequence[Token], value: Decimal) -> bool:
        first, last = parts[0], parts[-1].text.casefold()
        if value in values:
            return True
        if first.digits is not None and _VALUES.get(last, 0) >= _LEAST_SCALE:
            return first.digits in values and last in plain  # "from 5 to 6 million"
        # The 1600s are the 17th century.
        return last.endswith("00s") and value / 100 + 1 in values and not plain.isdisjoint({"century", "centuries"})

    return has_number


def is_vague(parts: Sequence[Token]) -> bool:
    """Whether a number is no more than "a hundred" or "a thousandth"."""
    return len(parts) == 1 and _number_word(parts[0])[0] in ("hundred", "scale")


def numbers_of(words: Sequence[Token], keep_parts: bool = False) -> Iterator[tuple[Decimal, int, int]]:
    """Numbers as (value, first word, last word); with `keep_parts` also the digits of "5 million" by themselves."""
    place = 0
    while place < len(words):
        parsed = _number_at(words, place)
        if parsed is None:
            place += 1
            continue
        value, last = parsed
        yield value, place, last
        own = words[place].digits
        if keep_parts and own is not None:
            yield own, place, place
        place = last + 1


def _number_at(words: Sequence[Token], place: int) -> tuple[Decimal, int] | None:
    """The number that begins at a word, as (value, last word)."""
    total = Decimal(0)
    current: Decimal | None = None
    last: int | None = None
    previous = "start"
    for position in range(place, len(words)):
        word = words[position]
        if position > place and not _touching(words[position - 1], word):
            break
        kind, value = _number_word(word)
        if kind == "and" and previous in ("hundred", "scale"):
            continue
        if previous == "ordinal":
            break
        if kind == "digits" and previous == "start" or kind == "tens" and previous in ("start", "hundred", "scale"):
            current = (current or 0) + value
        elif kind == "unit" and previous in ("start", "tens", "hundred", "scale"):
            current = (current or 0) + value
        elif kind == "hundred" and previous in ("start", "unit", "digits"):
            current = (Decimal(1) if current is None else current) * 100
        elif kind == "scale" and previous != "scale":
            total, current = total + (Decimal(1) if current is None else current) * value, None
        else:
            break
        previous, last = "ordinal" if _is_ordinal(word) else kind, position
    return None if last is None else (total + (current or 0), last)


def _number_word(word: Token) -> tuple[str, Decimal]:
    """The part that a word plays in a number; "" for none."""
    if word.digits is not None:
        return "digits", word.digits
    text = word.text.casefold()
    if text in _IRREGULAR:
        text = _IRREGULAR[text]
    elif text.endswith("ieth"):
        text = text[:-4] + "y"
    elif text.endswith("th"):
        text = text[:-2]
    value = _VALUES.get(text)
    if value is None:
        return "and" if text == "and" else "", Decimal(0)
    kind = "unit" if value < 10 else "tens" if value < 100 else "hundred" if value < _LEAST_SCALE else "scale"
    return kind, Decimal(value)


def _is_ordinal(word: Token) -> bool:
    """Whether a number word closes its number: "first thousand" is not 1,000."""
    return word.text.casefold() in _IRREGULAR or word.text.casefold().endswith("th")


def _touching(left: Token, right: Token) -> bool:
    """Whether two words have only a space or a hyphen between them."""
    return right.start - left.end == 1
