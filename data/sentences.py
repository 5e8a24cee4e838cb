"""Where sentences end: a small rule-based splitter for Wikipedia prose and generated answers.

It knows English abbreviations and initials, and nothing of passages or models.
"""

from __future__ import annotations

import re

# A full stop after one of these rarely ends a sentence.
_ABBREVIATIONS = frozenset(
    "approx bros c ca capt cf co col corp d dept dr e.g ed eds esp est etc fig fl fr gen gov hon i.e inc jr lit "
    "lt ltd maj mr mrs ms mt no nos op p pl pp prof pt r rep rev sen sgt sr st subsp trans v var viz vol vs".split()
)
# These may end one all the same, where what follows begins like a sentence: "… by Warner Bros. The film …".
_CLOSING = frozenset("bros co corp etc inc jr ltd sr".split())
# Closers may follow the mark that ends a sentence: He said "no." (Really.) And left.
_BOUNDARY = re.compile(r"""(?P<mark>[.!?…。！？]+)(?P<close>["'”’)\]]*)(?P<gap>\s+|$)""")
_OPENERS = "\"'“‘(["
_COMPLETE = re.compile(r"""[.!?…。！？]["'”’)\]]*$""")


def split_sentences(text: str) -> list[str]:
    """Split a text into its sentences, in order, each without the white space around it.

    Args:
        text: prose of any length; a line break also ends a sentence only when a mark precedes it.

    Returns:
        The sentences. What follows the last mark, if anything, is the last item, so joining the result with
        single spaces gives the text back up to white space.

    >>> split_sentences("Dr. J. Smith lived c. 1900 in the U.S. city of Rome. He left!  Why?")
    ['Dr. J. Smith lived c. 1900 in the U.S. city of Rome.', 'He left!', 'Why?']
    """
    sentences, start = [], 0
    for boundary in _BOUNDARY.finditer(text):
        if _ends_sentence(text, start, boundary):
            sentences.append(text[start : boundary.end("close")].strip())
            start = boundary.end()
    if text[start:].strip():
        sentences.append(text[start:].strip())
    return [" ".join(sentence.split()) for sentence in sentences]


def is_complete(sentence: str) -> bool:
    """Whether a sentence carries its closing mark, that is, was not cut in the middle.

    >>> is_complete('He said "no."'), is_complete("The cat sat on")
    (True, False)
    """
    return bool(_COMPLETE.search(sentence.rstrip()))


def _ends_sentence(text: str, start: int, boundary: re.Match[str]) -> bool:
    """Whether the mark at `boundary` closes the sentence that began at `start`."""
    rest = text[boundary.end() :].lstrip(_OPENERS)
    if not rest or boundary["mark"] != ".":
        return True
    if rest[0].islower():
        return False
    words = text[start : boundary.start()].split()
    word = words[-1].lstrip(_OPENERS) if words else ""
    if boundary["close"]:
        return True
    is_initial = len(word) == 1 and word.isupper() and word != "I" and not _starts_like_sentence(rest)
    is_dotted = re.fullmatch(r"(?:[A-Za-z]\.)+[A-Za-z]", word) is not None and not _starts_like_sentence(rest)
    is_closing = word.lower() in _CLOSING and _starts_like_sentence(rest)
    return not (is_initial or is_dotted or (word.lower() in _ABBREVIATIONS and not is_closing))


def _starts_like_sentence(rest: str) -> bool:
    """Whether the next word is one that often opens a sentence, so that "… in the U.S. The …" splits."""
    return re.match(r"(?:The|A|An|It|He|She|They|In|This|These|Its|However|Since|After|As|At)\s", rest) is not None
