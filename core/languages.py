"""In which language a text is: by its script, or by the commonest words of languages that share one.

The words are bm25s's lists of stop words. It is meant for saying that a question and its passages are in different
languages, so it says nothing where it is not sure. It knows texts only.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import cache

# Languages that have a script of their own, by the first word of its letters' names in Unicode.
_SCRIPTS = {
    "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean", "DEVANAGARI": "Hindi", "ARABIC": "Arabic",
    "HEBREW": "Hebrew", "GREEK": "Greek", "THAI": "Thai", "BENGALI": "Bengali", "TAMIL": "Tamil",
    "GEORGIAN": "Georgian", "ARMENIAN": "Armenian", "CYRILLIC": "Russian or another language in Cyrillic letters",
    "CJK": "Chinese",
}  # fmt: skip
_LISTS = {
    "English": "EN_PLUS", "German": "GERMAN", "Dutch": "DUTCH", "French": "FRENCH", "Spanish": "SPANISH",
    "Portuguese": "PORTUGUESE", "Italian": "ITALIAN", "Swedish": "SWEDISH", "Norwegian": "NORWEGIAN",
    "Danish": "DANISH", "Turkish": "TURKISH",
}  # fmt: skip
# A text is in a language when so many of its words are that one's stop words, and well more than any other's.
_FEWEST, _TIMES = 2, 1.3


def language_of(text: str) -> str:
    """The English name of a text's language; "" where that is not sure.

    >>> language_of("Why do we get a fever when we are sick?"), language_of("Warum ist der Himmel am Tag blau?")
    ('English', 'German')
    >>> language_of("空はなぜ青いのですか"), language_of("photosynthesis")
    ('Japanese', '')
    """
    scripts = Counter(_script(letter) for letter in text if letter.isalpha())
    kana = scripts["HIRAGANA"] + scripts["KATAKANA"]
    if kana and kana + scripts["CJK"] > scripts["LATIN"]:
        return "Japanese"
    script, count = max(scripts.items(), key=lambda row: row[1], default=("", 0))
    if script != "LATIN":
        return _SCRIPTS.get(script, "") if count >= _FEWEST else ""
    words = re.findall(r"[^\W\d_]+", text.lower())
    found = sorted(((sum(word in own for word in words), name) for name, own in _stop_words().items()), reverse=True)
    (most, name), (second, _), *_ = found
    return name if most >= _FEWEST and most >= _TIMES * second else ""


@cache
def _script(letter: str) -> str:
    return unicodedata.name(letter, "").split(" ")[0]


@cache
def _stop_words() -> dict[str, frozenset[str]]:
    from bm25s import stopwords

    return {name: frozenset(getattr(stopwords, f"STOPWORDS_{own}")) for name, own in _LISTS.items()}
