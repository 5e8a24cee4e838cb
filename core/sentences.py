"""Where sentences end, in any language: one splitter for snippets, answers and evidence.

A mark ends a sentence by what follows it: a small letter goes on, and so may a number or a name after an abbreviation.
It knows text alone, nothing of passages or models, and reads it once, so that its time grows with the length only.
How it compares with the libraries for the purpose stands in docs/sentences.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# Words in a sentence at most; the longest of 36,000 real ones in the embedded leads has 124. What is longer, such as a
# transcript without full stops, is cut.
LONGEST = 100

# Scripts that put no spaces between words, and how many of their characters make a word, about.
_HAN = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003fffd"
)
_THAI = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_WORD = re.compile(rf"(?:[{_HAN}]{{1,2}}|[{_THAI}]{{1,5}})[^\w\s]*|[^\s{_HAN}{_THAI}]{{1,60}}")
_UNSPACED = re.compile(rf"[{_HAN}{_THAI}]")

# Marks that need no space after them: of Chinese, Japanese, Hindi, Urdu, Arabic, Armenian, Ethiopic, Burmese.
_FULL = "。｡！？।॥۔؟։።፧။"
_MARKS = f".!?…‽．{_FULL}"
_CLOSERS = "\"'”’»“)\\]）］」』》】"
_CLOSED = rf"(?:\s?»|[{_CLOSERS}])"
# Quotations and brackets that are closed soon hold no sentence end: what is between their marks stays together.
_PAIRS = ("“”", "„“", "«»", "「」", "『』", "【】")
_ENCLOSED = "|".join(
    [
        *(f"{pair[0]}[^{pair}\n]{{0,80}}{pair[1]}" for pair in _PAIRS),
        r"（[^（）\n]{0,300}）",
        r"\((?:[^()\n]|\([^()\n]{0,100}\)){0,300}\)",
        r"\[[^\[\]\n]{0,300}\]",
        r"""(?<![^\s(\[])"(?=[^\s"])[^"\n]{0,80}"(?!\w)""",
    ]
)
_BOUNDARY = re.compile(
    rf"(?P<line>\n[^\S\n]*\n\s*)|(?P<enclosed>{_ENCLOSED})|(?P<mark>[{_MARKS}](?: ?[{_MARKS}])*){_CLOSED}*"
)
_INNER_END = re.compile(rf"(?P<mark>[{_MARKS}]+){_CLOSED}+$")
_COMPLETE = re.compile(rf"[{_MARKS}]{_CLOSED}*$")
_OPENERS = "\"'“‘„«‚‹([（［「『《【¿¡–—-"
_NEXT = re.compile(rf"\s*(?P<open>[{re.escape(_OPENERS)}\s]{{0,5}})(?P<word>\d+|[^\W\d_]+|\S|$)")
# Of how many characters a decision looks back.
_NEAR = 60
_QUOTES = '"”“»'
_GOES_ON = ",;:=+×÷≤≥≈&%)，、；：)]"
_CLAUSE_END = tuple(",;:，、；：—–")
# The sentence goes on after a quotation, "「…。」と言った" or "“…！”他说", or a name, "モーニング娘。は" or "Yahoo!は".
_AFTER_QUOTE = re.compile("[とっではがをにのもやな]|[\u4e00-\u9fff]{0,4}[说說道问問喊叫答]")
_AFTER_NAME = re.compile(r"[はがをにでものと](?![\u3041-\u309f])")
_DOTTED = re.compile(r"(?:[^\W\d_]{1,2}\.-?)+[^\W\d_]{1,2}")
_CONSONANTS = re.compile(r"[B-DF-HJ-NP-TV-XZb-df-hj-np-tv-xz][b-df-hj-np-tv-xz]{1,3}")
_ROMAN = re.compile(r"[IVXLC]{2,7}|[VXL]")
_ENUMERATOR = re.compile(r"[•⁃◦▪·*-]?\(?(?:\d{1,3}|[A-Za-z]|[ivx]{1,4})")

# What opens sentences often and names hardly ever: after an abbreviation it says that the sentence ended there.
_STARTERS = frozenset(
    "the a an it he she they we you i in on at by for from with without this these that those its his her their our my "
    "however since after as before during when while where what who why how although though because if there then thus "
    "some many most both each all other others another such no not nobody nothing but and or so yet also today later "
    "to der die das er sie es wir ihr ein eine einer im am um auf aus bei mit nach seit vor zu als wenn da dort dann "
    "dies diese dieser dieses seine man viele alle auch aber und oder doch nur nicht "
    "le la les un une des il elle ils elles ce cet cette ces dans en au aux pour par sur avec sans puis mais où "
    "el los las una del este esta estos estas pero para con gli nel nella "
    "он оно они в на по с и но это этот эта эти его её их как когда после".split()
)
# Titles stand before a name.
_TITLES = frozenset(
    "mr mrs ms mx dr drs prof gen lt col maj capt cpt sgt cpl pvt adm cmdr brig rev hon sen rep gov pres msgr mgr mme "
    "mlle mm messrs sr sra srta fr frl hr dipl mag им св тов проф акад гр ул".split()
)
# These join what is before them to what comes after.
_JOINING = frozenset(
    "e.g i.e z.b d.h u.a u.u o.ä i.d.r s.o s.u т.е cf v vs viz resp approx ca esp incl excl lit transl subg subsp "
    "ssp spp cv née bzw vgl evtl ggf inkl zzgl geb gest sog hl med phil rer nat habil env др".split()
)
# These stand before a number.
_NUMBERED = frozenset(
    "no nos vol vols pp fig figs ch chap sec art arts para eq eqs ex op cap fl est jan feb mar apr jun jul aug sep "
    "sept oct nov dec okt dez mrz abb kap abs ziff стр".split()
)
# These close a name, or stand before one: which, what follows says. The second are words of their own as well, except
# after a capital, "Prunus sect. Armeniaca".
_NAMES = frozenset(
    "al inc ltd co corp bros jr sr llc plc dept univ assn ff gmbh cie st ste sta mt mts ft pt ed eds trans "
    "г гг в вв".split()
)
_AFTER_CAPITAL = frozenset("sect var ser calif mass conn penn wash feat".split())
# These close a list or a date, whoever follows.
_LISTS = frozenset("etc usw b.c b.c.e c.e a.d т.д т.н т.п н.е".split())
# Before a German ordinal, "am 3. Oktober", "der 2. Weltkrieg", and after it.
_BEFORE_ORDINAL = frozenset("am im vom zum zur beim bis ab seit der die das dem den des und oder".split())
_AFTER_ORDINAL = re.compile("(?:Jan|Febr|März|April|Mai$|Jun|Jul|August$|Sept|Oktober|Nov|Dez|Jahrhundert|Jahrtausend)")


def split_sentences(text: str) -> list[str]:
    """Split a text into its sentences, in order, each on one line with single spaces.

    Args:
        text: prose of any length, in any language. An empty line ends a sentence too; a single line break does not.

    Returns:
        The sentences, none longer than `LONGEST` words. What follows the last mark, if anything, is the last item.

    >>> split_sentences("Dr. J. Smith lived c. 1900 in the U.S. city of Rome. He left!  Why?")
    ['Dr. J. Smith lived c. 1900 in the U.S. city of Rome.', 'He left!', 'Why?']
    >>> split_sentences("中国是一个国家。它很大。")
    ['中国是一个国家。', '它很大。']
    """
    return [" ".join(text[start:end].split()) for start, end in sentence_spans(text)]


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Where each sentence of a text begins and ends, without the white space around it.

    >>> sentence_spans("Why? He left.")
    [(0, 4), (5, 13)]
    """
    spans: list[tuple[int, int]] = []
    unspaced = _UNSPACED.search(text) is not None
    for start, end in _uncut(text):
        start += len(text[start:end]) - len(text[start:end].lstrip())
        end = start + len(text[start:end].rstrip())
        if end - start > LONGEST and (unspaced or end - start > 1000 or len(text[start:end].split()) > LONGEST):
            spans += _cut(text, start, end)
        elif start < end:
            spans.append((start, end))
    return spans


def count_words(text: str) -> int:
    """How many words a text has; where the script puts no spaces, two characters count as one (Thai and Khmer: five).

    >>> count_words("Tea is hot."), count_words("中国是一个国家")
    (3, 4)
    """
    return len(_WORD.findall(text)) if _UNSPACED.search(text) else len(text.split())


def is_complete(sentence: str) -> bool:
    """Whether a sentence carries its closing mark, that is, was not cut in the middle.

    >>> is_complete('He said "no."'), is_complete("The cat sat on"), is_complete("它很大。")
    (True, False, True)
    """
    return _COMPLETE.search(sentence.rstrip()[-20:]) is not None


def _uncut(text: str) -> Iterator[tuple[int, int]]:
    """The sentences by their marks, however long."""
    # A transcript may have no capitals but "I".
    start, small = 0, text.replace("I ", "").replace("I'", "").islower()
    for found in _BOUNDARY.finditer(text):
        if found["line"] is not None or _ends_sentence(text, start, found, small):
            yield start, found.end()
            start = found.end()
    yield start, len(text)


def _ends_sentence(text: str, start: int, found: re.Match[str], small: bool) -> bool:
    """Whether the sentence that began at `start` ends with what was found.

    Args:
        text: all of it.
        start: of the sentence.
        found: a mark with what closes after it, or a quotation or bracket that may end with one.
        small: whether the text has no capitals, so that they cannot tell.
    """
    mark, at, end, aside = found["mark"], found.start(), found.end(), False
    if mark is None:
        inner = _INNER_END.search(found["enclosed"])
        if inner is None:
            return False
        # A bracket ends the sentence that it opened; within another it is an aside.
        aside = text[at] == "(" and (at - start > _NEAR or not text[start:at].isspace() and at > start)
        mark, at = inner["mark"], at + inner.start()
    if end == len(text):
        return True
    if not text[end].isspace() and mark[-1] not in _FULL and not (mark[-1] in "!?．" and _UNSPACED.match(text, end)):
        return False
    follows = _NEXT.match(text, end)
    if follows is None or not follows["word"]:
        return True
    if _goes_on(text, mark, found, follows, small):
        return False
    starter = _is_starter(text, follows, small)
    if mark != ".":
        return starter or not aside
    return _stop_ends(text[max(start, at - _NEAR) : at].split(), at - start, follows["word"], starter, small)


def _goes_on(text: str, mark: str, found: re.Match[str], follows: re.Match[str], small: bool) -> bool:
    """Whether what follows a mark can only be the same sentence, whatever stands before it."""
    word, end = follows["word"], found.end()
    if not text[end].isspace():
        closed = found.group()[-1] not in _MARKS and _AFTER_QUOTE.match(text, end)
        if closed or _AFTER_NAME.match(text, end):
            return True
    if word in _GOES_ON:
        return True
    if word[0].islower():
        # "iPhones", "eBay" begin a sentence as capitals do.
        return not small and not any(letter.isupper() for letter in word[1:3])
    # "Never Say Die! (1978)", "… and no more." (Smith 55)
    cited = (mark != "." and word[0].isdigit()) or found.group()[-1] in _QUOTES
    return cited and "(" in follows["open"]


def _is_starter(text: str, follows: re.Match[str], small: bool) -> bool:
    """Whether the next word is one that opens sentences, and no initial, and not in brackets."""
    word = follows["word"]
    if "(" in follows["open"]:
        return False
    if len(word) == 1:
        return word in "AI" and not text.startswith(".", follows.end())
    return (small or word.istitle()) and word.lower() in _STARTERS


def _stop_ends(words: list[str], length: int, following: str, starter: bool, small: bool) -> bool:
    """Whether a full stop ends its sentence.

    Args:
        words: those before it, the last few.
        length: of the sentence so far, in characters.
        following: the next word; no small letter begins it, unless the text has no others.
        starter: whether it is one that opens sentences.
        small: whether the text has no capitals.
    """
    if not words:
        return False
    word = words[-1].lstrip(_OPENERS)
    before = words[-2] if len(words) > 1 else ""
    if len(words) <= 2 and length <= _NEAR and _ENUMERATOR.fullmatch("".join(words)):
        return False
    if word.isdecimal():
        ordinal = before.lower() in _BEFORE_ORDINAL or _AFTER_ORDINAL.match(following)
        item = before.endswith((":", ";", ",")) and len(word) < 4 and following[0].isalpha()
        return not item and not (ordinal and len(word) < 3 and not starter)
    # "z. B." is "z.B."
    if (before + word).lower() in _JOINING and before.endswith("."):
        return False
    return _word_ends(word, before, following, starter, small)


def _word_ends(word: str, before: str, following: str, starter: bool, small: bool) -> bool:
    """Whether a word with a full stop ends a sentence, rather than being short for another."""
    lower, number = word.lower(), following[0].isdigit()
    if lower in _LISTS:
        return following.istitle()
    if lower in _JOINING or (lower in _TITLES and (small or word[0].isupper())):
        return False
    if not (following[0].isupper() or number or small):
        # Scripts without capitals: only very short words are taken for abbreviations.
        return starter or not following.isalpha() or len(word) > 2
    if word.isalpha() and word.islower() and before[-1:].isdigit() and not small:
        return True  # a unit
    if lower in _NUMBERED:
        return not (number or _ROMAN.fullmatch(following))
    if len(word) == 1 and word.isalpha():
        # "World War I" is commoner than a middle name that begins with I; "a causative affix s" than a short word.
        return starter or word == "I" or (word.islower() and following.isalpha() and len(following) > 3 and not small)
    named = lower in _NAMES or (lower in _AFTER_CAPITAL and before[:1].isupper())
    return starter or not (named or _CONSONANTS.fullmatch(word) or _DOTTED.fullmatch(word))


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A sentence that may be too long → pieces of at most `LONGEST` words, that end with a clause where one does."""
    begins: list[int] = []
    clause = 0
    for word in _WORD.finditer(text, start, end):
        if len(begins) == LONGEST:
            kept = clause if clause > LONGEST // 2 else LONGEST
            at = begins[kept] if kept < LONGEST else word.start()
            yield begins[0], begins[0] + len(text[begins[0] : at].rstrip())
            begins, clause = begins[kept:], 0
        begins.append(word.start())
        if word.group().endswith(_CLAUSE_END):
            clause = len(begins)
    if begins:
        yield begins[0], end
