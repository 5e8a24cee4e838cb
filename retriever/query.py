"""A question in the words that a wiki's search understands: stretches that may be titles, and searches of few words.

It knows English question words. It knows no wiki.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations

from core.words import STOP_WORDS, snowball_stems

ENOUGH = 5  # articles found by searching; no more searches then
MOST_TITLES = 50  # in one request of somebody who is not logged in
_LONGEST_TITLE = 4  # words
_MOST_WORDS = 6  # of a search
_SHORTEST_BEGINNING = 4  # letters
_WORD = re.compile(r"[^\W_]+(?:[.'’\-–&+/][^\W_]+)*[+#]{0,2}")
_LIKE_FIVE = re.compile(
    r"\b(?:eli\s?5\b|(?:explain|tell)(?: it| this)?(?: to me)? like i(?:['’]?m| am) (?:5|five)\b)", re.I
)
_POSSESSIVE = re.compile(r"['’]s?$")
_NEGATED = re.compile(r"(?:is|are|was|were|do|does|did|has|have|had|ca|could|wo|would|should|must|need)n'?t")
# Words that ask, or are polite, beside those that carry nothing anywhere.
_ASKING = frozenset(
    "please explain tell describe someone anyone anybody somebody thanks thank hello hi hey dear curious wondering "
    "wonder question understand know mean means meaning actually really exactly basically even ever get gets got "
    "go goes going come comes us im i'm what's whats that's let's don't doesn't didn't isn't aren't can't won't "
    "kind sort lot lots always still work works happen happens happened cause causes caused reason reasons "
    "difference different people thing things way ways become becomes became do does did give gives "
    "say says said see look looks first two new good bad big yes okay simple terms words short".split()
)


def words(question: str) -> list[str]:
    """All words of a question, as written but for possessives, without a request to be told like a child.

    >>> words("ELI5: why don't the tides at AC/DC's place rise?")
    ['why', "don't", 'the', 'tides', 'at', 'AC/DC', 'place', 'rise']
    """
    return [_POSSESSIVE.sub("", word) for word in _WORD.findall(_LIKE_FIVE.sub(" ", question))]


def content_words(question: str) -> list[str]:
    """Those words of a question that say what it is about, each once; all of its words where none does.

    >>> content_words("Can someone please explain why the Moon causes two tides a day?")
    ['Moon', 'tides', 'day']
    """
    every = words(question)
    return list({word.casefold(): word for word in reversed(every) if _has_content(word)}.values())[::-1] or every


def title_stretches(question: str) -> list[str]:
    """The stretches of one to four words that may be titles, at most `MOST_TITLES`; longer ones first.

    Each begins with a capital letter, as titles do. A plural is tried as a singular too.

    >>> title_stretches("How do tide pools form?")
    ['Tide pools form', 'Tide pools', 'Pools form', 'Tide pool', 'Tide', 'Pools', 'Form', 'Pool']
    """
    row = words(question)
    found: list[str] = []
    for length in range(min(_LONGEST_TITLE, len(row)), 0, -1):
        for start in range(len(row) - length + 1):
            stretch = row[start : start + length]
            if _has_content(stretch[0]) and _has_content(stretch[-1]):
                found += [" ".join(stretch)]
        found += [" ".join(stretch)[:-1] for stretch in _plurals(row, length)]
    titles = dict.fromkeys(title[:1].upper() + title[1:] for title in found)
    kept = list(titles)
    # Single words and pairs are titles far more often than longer stretches.
    while len(kept) > MOST_TITLES:
        kept.pop(0)
    return kept


def searches(question: str, rarity: Callable[[str], float], most: int = 3) -> list[list[str]]:
    """What to search for, one after another until enough comes: the words of content, then fewer of the telling ones.

    Names tell more than other words, and rare words more than frequent ones.

    Args:
        question: any text.
        rarity: of a word; only its order counts.
        most: searches; beyond three, other pairs of telling words follow.

    >>> searches("Why do bees put honey in wax combs?", len)
    [['bees', 'put', 'honey', 'wax', 'combs'], ['bees', 'honey', 'combs'], ['honey']]
    """
    content = content_words(question)
    names = {word for word in words(question)[1:] if word[:1].isupper()}
    telling = sorted(content, key=lambda word: (word in names, rarity(word)), reverse=True)
    few = [telling[:_MOST_WORDS], telling[:3], telling[:1]]
    pairs = [list(pair) for pair in combinations(telling[:4], 2)]
    rows = [tuple(word for word in content if word in row) for row in few + pairs]
    return [list(row) for row in dict.fromkeys(rows) if row][:most]


def beginning(word: str) -> str:
    """How a word and its other forms begin, with the mark that says so to a wiki's search; short words as they are.

    >>> beginning("corals"), beginning("gas")
    ('coral*', 'gas')
    """
    stem = next(iter(snowball_stems([word])[0]), word).removesuffix("i")
    return f"{stem}*" if len(stem) >= _SHORTEST_BEGINNING and word.lower().startswith(stem) else word


def _has_content(word: str) -> bool:
    """Whether a word may be what a question is about: no question word, no auxiliary, no politeness."""
    plain = word.casefold().replace("’", "'")
    return not (plain in STOP_WORDS or plain in _ASKING or _NEGATED.fullmatch(plain))


def _plurals(row: list[str], length: int) -> list[list[str]]:
    """The stretches that end with what may be a plural."""
    stretches = [row[start : start + length] for start in range(len(row) - length + 1)]
    return [
        stretch
        for stretch in stretches
        if _has_content(stretch[0])
        and _has_content(stretch[-1])
        and len(stretch[-1]) > 3
        and stretch[-1].endswith("s")
        and not stretch[-1].endswith("ss")
    ]
