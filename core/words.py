"""The words of English texts: tokens, stems, numbers in words, and whether a sentence leans on the one before it.

The one place for it. Four ways to take words as alike stand here, since what rests on each needs just that one: `stem`
(the support model was trained on it), `snowball_stems` (BM25's), `forms` (names in answers and in their sources) and
`folded_words` (wording that is copied). It knows texts. It knows nothing of passages or models.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)?")
_FOLDED = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
# The support model's stems know no larger ones.
NUMBER_WORDS = {word: value for value, word in enumerate(_UNITS)}
NUMBER_WORDS |= {word: 10 * tens for tens, word in enumerate(_TENS, start=2)}
NUMBER_WORDS |= {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9}
# Words that carry no fact of their own. Negations, quantities and comparisons are not among them.
FUNCTION_WORDS = frozenset(
    "a about after again also am an and any are as at be because been before being both but by can could did do does "
    "doing during each either even for from further had has have having he her here hers him his how however i if in "
    "instead into is it its itself just like may me might more most much must my nor of off often on once one only or "
    "other others our out over own rather s same several she should so some someone something such t than that the "
    "their theirs them themselves then there these they this those though through thus to too up upon us usually very "
    "was we well were what when where whereas whether which while who whom whose why will with within would you "
    "your".split()
)
STOP_WORDS = FUNCTION_WORDS | frozenset("called known named used make makes made many people way thing things".split())
NEGATIONS = frozenset(
    "no not never none nothing neither nor cannot without n't hardly rarely seldom lack lacks".split()
)
_SUFFIXES = (
    ("isations", ""), ("izations", ""), ("isation", ""), ("ization", ""), ("ically", ""), ("ations", ""),
    ("fulness", ""), ("ation", ""), ("ments", ""), ("ement", ""), ("ness", ""), ("ities", ""), ("ingly", ""),
    ("ising", ""), ("izing", ""), ("ment", ""), ("ity", ""), ("ies", "y"), ("ied", "y"), ("ions", ""),
    ("ised", ""), ("ized", ""), ("ives", ""), ("ally", ""), ("ion", ""), ("ise", ""), ("ize", ""),
    ("ive", ""), ("ing", ""), ("ers", ""), ("ors", ""), ("est", ""), ("ful", ""), ("ous", ""), ("ual", ""),
    ("ial", ""), ("ic", ""), ("al", ""), ("ed", ""), ("er", ""), ("or", ""), ("es", ""), ("ly", ""),
    ("s", ""), ("e", ""), ("y", ""),
)  # fmt: skip

# A sentence that begins so leans on the one before it.
_LEANING = re.compile(
    r"^(?:\W*)(?:It|Its|He|His|She|Her|They|Their|These|Those|This|That|Such|Both|However|Therefore|Thus|Hence|Also|"
    r"Another|Other|Others|Here|There|Instead|Similarly|Likewise|Conversely|Additionally|Furthermore|"
    r"Moreover|Then|Later|Afterwards|In (?:this|these|addition|contrast|both|such)|For (?:this|example|instance)|"
    r"(?:In|As|According|Under|For|At|On|By|With|When|While|Although|Though)\b.{0,100}?, (?:it|they|he|she|this)|"
    r"As (?:such|a result)|The (?:former|latter|other|others|second|third|same)|[^,]{1,60}, (?:it|they|he|she|this))\b"
)
# Among so many words of a sentence one of these leans on something before it, unless a name is there.
_FIRST_WORDS = 7
_PRONOUNS = frozenset("he she they him her them his their it its".split())


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """A word without its endings, cut hard: two words of one family mostly get the same stem.

    Numbers written as words become digits, so that "seven" meets "7".

    >>> [stem(word) for word in ("organised", "organization", "Tides", "tidal", "seven", "10,000")]
    ['organ', 'organ', 'tid', 'tid', '7', '10000']
    """
    word = word.lower().replace("’", "'").removesuffix("'s")
    if word[:1].isdigit():
        return word.replace(",", "")
    if word in NUMBER_WORDS:
        return str(NUMBER_WORDS[word])
    for _ in range(2):
        for suffix, instead in _SUFFIXES:
            if word.endswith(suffix) and len(word) - len(suffix) >= (4 if len(suffix) > 2 else 3):
                word = word[: -len(suffix)] + instead
                break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiou":
        return word[:-1]
    return word[:-1] + "i" if word.endswith("y") and len(word) > 3 else word


def snowball_stems(texts: Sequence[str]) -> list[list[str]]:
    """The stems (Snowball's, http://snowballstem.org) of the lower-case words of each text, without stop words.

    >>> snowball_stems(["The tides of the sea", "It rises"])
    [['tide', 'sea'], ['rise']]
    """
    import bm25s
    import Stemmer

    stemmer = Stemmer.Stemmer("english")
    return bm25s.tokenize(list(texts), stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False)


def folded_words(text: str) -> list[str]:
    """The words of a text, numbers among them, without case and punctuation, in order.

    >>> folded_words("The Moon’s pull: 1.5 times!")
    ['the', "moon's", 'pull', '1', '5', 'times']
    """
    return [word.casefold().replace("’", "'") for word in _FOLDED.findall(text)]


def without_possessive(word: str) -> str:
    """A word less "'s" or "'".

    >>> without_possessive("Moon’s"), without_possessive("bees'")
    ('Moon', 'bees')
    """
    return re.sub(r"['’]s?$", "", word)


def forms(word: str) -> set[str]:
    """A word without case, accents and possessive, and what its singular may be; equal words share a form.

    >>> forms("Italians") & forms("Italian"), forms("Brontë's") & forms("Bronte")
    ({'italian'}, {'bronte'})
    """
    decomposed = unicodedata.normalize("NFKD", without_possessive(word).casefold())
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    found = {plain}
    if len(plain) > 4 and plain.endswith("an"):
        found.add(plain[:-1])  # America, American
    if len(plain) > 3 and plain.endswith("s") and not plain.endswith("ss"):
        found.add(plain[:-1])
        if plain.endswith("ies"):
            found.add(plain[:-3] + "y")
        elif plain.endswith("es"):
            found.add(plain[:-2])
    return found


def leans(sentence: str) -> bool:
    """Whether a sentence leans on the one before it: by its first word, or by a "he" or "it" before any name.

    >>> leans("It was built in 1889."), leans("The tower was built in 1889.")
    (True, False)
    >>> leans("Though in his day he was a priest, he is read now."), leans("In 1889 Eiffel built his tower.")
    (True, False)
    """
    if _LEANING.match(sentence):
        return True
    words = re.findall(r"\w+", sentence)[:_FIRST_WORDS]
    pronoun = next((place for place, word in enumerate(words) if word.lower() in _PRONOUNS), None)
    return pronoun is not None and not any(word[0].isupper() for word in words[1:pronoun])


@dataclass(frozen=True)
class Words:
    """The words of a text, compared by their stems.

    Attributes:
        text: the text.
    """

    text: str

    @cached_property
    def tokens(self) -> list[str]:
        """Words and numbers as written, in order."""
        return _WORD.findall(self.text)

    @cached_property
    def stems(self) -> list[str]:
        """The stem of every token, in order."""
        return [stem(token) for token in self.tokens]

    @cached_property
    def content(self) -> list[str]:
        """Stems of the words that carry facts, each once, in order."""
        kept = (self.stems[place] for place, token in enumerate(self.tokens) if token.lower() not in STOP_WORDS)
        return list(dict.fromkeys(kept))

    @cached_property
    def lower(self) -> frozenset[str]:
        """All words in lower case."""
        return frozenset(token.lower() for token in self.tokens)

    @cached_property
    def numbers(self) -> set[str]:
        """Stems of what is written in digits or is a number word above one."""
        return {piece for piece in self.stems if piece[:1].isdigit() and piece != "1"}

    @cached_property
    def names(self) -> set[str]:
        """Stems of capitalised words, the first word of the text left out."""
        return {
            self.stems[place]
            for place, token in enumerate(self.tokens)
            if place and token[:1].isupper() and token.lower() not in STOP_WORDS
        }

    @cached_property
    def negations(self) -> int:
        """How many words deny."""
        lower = [token.lower().replace("’", "'") for token in self.tokens]
        return sum(token in NEGATIONS or token.endswith("n't") for token in lower)

    @cached_property
    def pairs(self) -> set[tuple[str, str]]:
        """Neighbouring stems."""
        return set(zip(self.stems, self.stems[1:], strict=False))

    @cached_property
    def stem_set(self) -> frozenset[str]:
        """All stems."""
        return frozenset(self.stems)
