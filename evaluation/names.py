"""Names and numbers of an answer, and whether they stand in its sources: a model that invents is caught there first.

It knows English capitals and number words, and the words that the question set writes in lower case. It knows no
models. What counts is laid down in `mentions` and explained in evaluation/README.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from core.words import forms, without_possessive
from data.questions import load_questions
from evaluation.numerals import is_vague, number_test, numbers_of
from evaluation.tokens import Token, lower_case_words, normal_form, tokens_of

# Words that are capitalised within titles and names and carry nothing themselves.
_FUNCTION = frozenset(
    "a about after all also although an and are as at be because before but by did do does for from had has have he "
    "her his how however i if in into is it its like many more most no none not of off on or other our out over she "
    "since so some than that the their them then there these they this those through to under until up was we were "
    "what when where which while who why will with without yes you your".split()
)
# Openers of sentences that the question set happens not to write in lower case; those in -ly need no list.
_OPENERS = frozenset(
    "additionally again besides conversely else furthermore hence however indeed instead likewise meanwhile moreover "
    "nevertheless nonetheless okay otherwise please similarly sorry still therefore thus unlike well yet".split()
)

# Smaller numbers in words count what the text itself lists ("the two kinds") or are no numbers at all ("at first").
_LARGEST_UNCOUNTED = 10


@dataclass(frozen=True, slots=True)
class Mention:
    """A name or number in an answer.

    Attributes:
        text: as the answer writes it.
        kind: "name" (one word of it) or "number".
        found: whether its sources have it.
    """

    text: str
    kind: Literal["name", "number"]
    found: bool


def mentions(answer: str, sources: Sequence[str]) -> list[Mention]:
    """The names and numbers of an answer, in order, each looked up in its sources.

    Names are words with a capital, taken one by one. At the start of a sentence a capital only counts for words that
    are also capitalised elsewhere, or that are no ordinary English words. Numbers are digits, and number words above
    ten. Words are compared without case, accents, possessive and plural; numbers by value, so that 5 million is
    5,000,000 and the 19th century the nineteenth.

    Args:
        answer: plain text.
        sources: what it may draw on: the question, and titles and texts of the passages read, each a text of its own.

    >>> [mention.text for mention in mentions("Romans met Greeks in 1903.", ["A Roman, a Gaul."]) if not mention.found]
    ['Greeks', '1903']
    """
    words = list(tokens_of(answer))
    known = [word for source in sources for word in tokens_of(source)]
    known_forms = {form for word in known if word.digits is None for form in forms(word.text)}
    has_number = number_test(known)
    numbers = {first: (value, last) for value, first, last in numbers_of(words)}
    within = {place for first, (_, last) in numbers.items() for place in range(first, last + 1)}
    is_name = _name_test(words, known)
    found = []
    for place, word in enumerate(words):
        if place in numbers:
            value, last = numbers[place]
            if word.digits is not None or value > _LARGEST_UNCOUNTED and not is_vague(words[place : last + 1]):
                text = normal_form(answer)[word.start : words[last].end]
                found.append(Mention(text, "number", has_number(words[place : last + 1], value)))
        elif place not in within and is_name(word):
            found.append(Mention(word.text, "name", not known_forms.isdisjoint(forms(word.text))))
    return found


def _name_test(words: Sequence[Token], known: Sequence[Token]) -> Callable[[Token], bool]:
    """The test whether a word of an answer is a name, given all words of the answer and of its sources."""
    elsewhere = {word.text.casefold() for word in [*words, *known] if not word.opens and word.text[0].isupper()}
    lower = {word.text for word in [*words, *known] if word.text.islower()}

    def is_name(word: Token) -> bool:
        plain = without_possessive(word.text).casefold()
        if word.digits is not None or word.text.islower() or plain in _FUNCTION or plain.startswith(("i'", "i’")):
            return False
        if not word.opens or any(letter.isupper() for letter in word.text[1:]):
            return True
        small = word.text.casefold()
        if small in elsewhere or plain in elsewhere:
            return True
        if plain.endswith("ly") or plain in _OPENERS:
            return False
        return not any(form in lower or form in ordinary_words() for form in {small, plain, *forms(plain)})

    return is_name


@cache
def ordinary_words() -> frozenset[str]:
    """The words that the written answers have in lower case somewhere; questions are not always spelt with care."""
    items = [item for split in ("train", "close", "dev") for item in load_questions(split)]
    return frozenset(word for item in items for word in lower_case_words(item.answer))
