"""What is mended in wikitext before it is parsed, and what is left of it after: broken tags, quotes, brackets, holes.

It knows text with and without markup, and the marks of `data.sources.templates`. It knows no parser and no sections.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.sentences import sentence_spans
from data.sources.templates import HOLE, STRONG, WEAK

# Signs that a reader shall see are taken out of the parser's sight, and put back last.
_SIGNS = "<>&[]{}|'=*#:;!_"
_HIDDEN = {ord(sign): 0xE020 + place for place, sign in enumerate(_SIGNS)}
_SHOWN = {0xE020 + place: sign for place, sign in enumerate(_SIGNS)}
_PRIVATE = re.compile("[\ue000-\ue0ff]")

_OPENING = re.compile(r"<!--|<(?P<tag>nowiki|ref)\b(?P<rest>[^<>]*)>", re.IGNORECASE)
_LONGEST_TAG = 20_000
_CLOSING = {tag: re.compile(rf"</{tag}\s*>", re.IGNORECASE) for tag in ("nowiki", "ref")}
# Tags that lost their end: "</ref It is hot", "<ref name=foo/ {{cite web}}".
_TORN_CLOSING = re.compile(r"</(ref|nowiki)\b(?!\s*>)", re.IGNORECASE)
_ATTRIBUTE = r"""\s+\w+\s*=\s*(?:"[^"\n<>]*"|'[^'\n<>]*'|[^\s<>"'{}|]+)"""
_TORN_REFERENCE = re.compile(rf"<ref\b((?:{_ATTRIBUTE})*)\s*/?(?!\s*/?>|(?:{_ATTRIBUTE})|[^<>\n]*>|\w)", re.IGNORECASE)
# Blocks that a page's sections may lie within.
_WRAPPERS = re.compile(r"</?(?:div|center|section|noinclude|onlyinclude)\b[^<>]*>", re.IGNORECASE)
_HEADING_OR_GAP = re.compile(r"\n(?:[ \t]*\n|=)")
_VARIANTS = re.compile(r"-\{(?!\{)([^{}]*)\}-")
_VARIANT = re.compile(r"(?:[^;:=]*=>)?\s*([a-z]{2,3}(?:-[a-z]+)?)\s*:([^;]*)(?:;|$)", re.IGNORECASE)
_PREFERRED = ("zh-hans", "zh-cn", "zh", "sr-ec")

# What was opened and never closed: a template, whose words can't be told from its arguments, and a picture.
_OPEN_TEMPLATE = re.compile(r"\{\{+(?![^{}]*\}\})[^{}]*$")
_OPEN_FILE = re.compile(r"\[\[[^\[\]|:]{1,40}:[^\[\]|]*\|[^\[\]|]*\|[^\[\]]*$")
_LEFT_OVER = re.compile(
    r"^:?(?:File|Image):[^|]*\|.*$|\[\[|\]\]|\{\{+|\}\}+|\{\||\|\}|</?[a-zA-Z][^<>]*>|__(?!\w*[a-z])[^\W\d_]+(?:_[^\W\d_]+)*__|[\u00ad\u200b\u2060\ufeff]"
)
# Where a reference or template stood between two marks.
_DOUBLE_STOP = re.compile(r"(?<![.…])([.:;!?。]) ?\.(?![.\w])")
_GAP_BEFORE_MARK = re.compile(r" +([,;:.!?)\]])(?!\w)")
_BRACKETS = re.compile(r"\(([^()]*)\)|（([^（）]*)）")
_EMPTY = re.compile(r"[\s,;:/–—\ue000-\ue002-]*")
_LOOSE = re.compile(r"^\s*[,;]|[,;:]\s*$")
_DASHES = ("–", "—", "-")
_PART = re.compile(r"([,;，；]|\s[–—-]\s)")


def mend(text: str, depth: int = 3) -> str:
    """Wikitext that parses as MediaWiki shows it: without comments and references, whole or torn, or wrappers.

    >>> mend("Tea<ref>a book</ref It is hot.<!-- libel")
    'Tea It is hot.'
    """
    text = _PRIVATE.sub("", text)
    text = _TORN_CLOSING.sub(r"</\1>", text)
    text = _TORN_REFERENCE.sub("", text)
    text = _WRAPPERS.sub("\n", _without_comments(text))
    for _ in range(depth):
        text, count = _VARIANTS.subn(_variant, text)
        if not count:
            break
    return text


def hidden(text: str) -> str:
    """A text whose signs are no markup: what stood in nowiki, or an entity's sign."""
    return text.translate(_HIDDEN)


def shown(text: str) -> str:
    """A text with the signs that `hidden` took away."""
    return text.translate(_SHOWN)


def _without_comments(text: str) -> str:
    """Without comments and references; what stands in nowiki is kept as it is."""
    kept, place = [], 0
    while found := _OPENING.search(text, place):
        kept.append(text[place : found.start()])
        tag, place = (found["tag"] or "").lower(), found.end()
        if not tag:
            end = text.find("-->", place)
            place = len(text) if end < 0 else end + 3
        elif not found["rest"].rstrip().endswith("/"):
            words, place = _enclosed(text, tag, place)
            kept.append(words)
    kept.append(text[place:])
    return "".join(kept)


def _enclosed(text: str, tag: str, start: int) -> tuple[str, int]:
    """What is shown of a reference or nowiki whose content begins at `start`, and the place after it."""
    closing = _CLOSING[tag].search(text, start, start + _LONGEST_TAG)
    if tag == "nowiki":
        return (hidden(text[start : closing.start()]), closing.end()) if closing else ("", start)
    gap = _HEADING_OR_GAP.search(text, start, closing.start() if closing else start + _LONGEST_TAG)
    if closing and (gap is None or "{" in text[start : gap.start()]):
        return "", closing.end()
    # A reference that never ends: where it should have is not known, so the line goes.
    line = text.find("\n", start)
    return "", len(text) if line < 0 else line


def _variant(found: re.Match[str]) -> str:
    """One of the variants of a text in -{…}-, simplified Chinese first."""
    flags, bar, inner = found[1].rpartition("|")
    if bar and set(flags.strip()) & set("HTDN-"):
        return ""
    variants = {name.lower(): words.strip() for name, words in _VARIANT.findall(inner) if words.strip()}
    if not variants:
        return inner
    return next((variants[name] for name in _PREFERRED if name in variants), next(iter(variants.values())))


def without_quotes(line: str) -> str:
    """A line without the marks of italics and bold, but with the apostrophes among them.

    As MediaWiki decides it (Parser::doQuotes): of five and more the first are apostrophes, of four one is; where both
    italics and bold are left open, three are an apostrophe and italics, after a single letter first. Within a word,
    three are so too where italics are open or only italics follow, however many of them a line has.

    >>> without_quotes("The ''Titanic'''s boats"), without_quotes("In l'''Odyssée''"), without_quotes("'''N'''ASA")
    ("The Titanic's boats", "In l'Odyssée", 'NASA')
    """
    if "''" not in line:
        return line
    parts = re.split(r"('{2,})", line)
    for run in range(1, len(parts), 2):
        extra = 1 if len(parts[run]) == 4 else max(0, len(parts[run]) - 5)
        parts[run - 1] += "'" * extra
        parts[run] = parts[run][extra:]
    _apostrophes_in_words(parts)
    lengths = [len(run) for run in parts[1::2]]
    threes = [place for place, length in enumerate(lengths) if length == 3]
    if threes and (len(threes) + lengths.count(5)) % 2 and (lengths.count(2) + lengths.count(5)) % 2:
        parts[2 * min(threes, key=lambda place: _bold_rank(parts[2 * place]))] += "'"
    return "".join(parts[::2])


def _apostrophes_in_words(parts: list[str]) -> None:
    """Turn three within a word into an apostrophe and italics where bold can't be meant."""
    bold = italic = False
    for run in range(1, len(parts), 2):
        within = parts[run - 1][-1:].isalpha() and parts[run + 1][:1].isalpha()
        following = len(parts[run + 2]) if run + 2 < len(parts) else 0
        if len(parts[run]) == 3 and within and not bold and (italic or following == 2):
            parts[run - 1] += "'"
            parts[run] = parts[run][1:]
        bold ^= len(parts[run]) in (3, 5)
        italic ^= len(parts[run]) in (2, 5)


def _bold_rank(before: str) -> int:
    """Of several marks of bold, which is an apostrophe: after a single letter, after a word, after a space."""
    return 2 if before[-1:] in ("", " ") else 0 if before[-2:-1] in ("", " ") else 1


def tidy(line: str) -> str:
    """A line without left-over markup, with brackets mended; holes outside brackets stay."""
    line = _OPEN_FILE.sub("", _OPEN_TEMPLATE.sub(HOLE, line))
    line = without_quotes(_LEFT_OVER.sub("", line))
    for _ in range(3):
        line, count = _BRACKETS.subn(_bracket, line)
        if not count or not _BRACKETS.search(line):
            break
    line = _GAP_BEFORE_MARK.sub(r"\1", " ".join(line.replace(WEAK, "").replace(STRONG, "").split()))
    return _DOUBLE_STOP.sub(r"\1", line.translate(_INNER_SHOWN))


# Brackets that were looked at, until all are.
_INNER = str.maketrans("()（）", "\ue010\ue011\ue012\ue013")
_INNER_SHOWN = str.maketrans("\ue010\ue011\ue012\ue013", "()（）")


def _bracket(found: re.Match[str]) -> str:
    """A bracket without the parts of it that lost their words; nothing where none is left."""
    inner = found[1] if found[1] is not None else found[2]
    if _EMPTY.fullmatch(inner):
        # "(-)-menthol"
        kept_sign = inner.strip() == "-" and found.string[found.end() :][:1] in ("-", "–")
        return found[0].translate(_INNER) if kept_sign else ""
    if HOLE not in inner and WEAK not in inner:
        return _rebuilt(found, inner) if _LOOSE.search(inner) else found[0].translate(_INNER)
    pieces = _PART.split(inner)
    kept: list[str] = []
    for start, end in _runs(pieces):
        words = _kept_of(pieces[start:end])
        if words:
            kept += [pieces[start - 1] if kept and start else "", words]
    return _rebuilt(found, "".join(kept))


def _runs(pieces: list[str]) -> Iterator[tuple[int, int]]:
    """Where the parts of a bracket begin and end that dashes join, separators at odd places."""
    start = 0
    for place in range(1, len(pieces), 2):
        if not pieces[place].strip() or pieces[place].strip() not in _DASHES:
            yield start, place
            start = place + 1
    yield start, len(pieces)


def _kept_of(run: list[str]) -> str:
    """What is kept of parts that dashes join: from and to stay together where one of them is a year."""
    lost = [HOLE in part or _EMPTY.fullmatch(part) is not None for part in run[::2]]
    own = [
        not gone and _EMPTY.fullmatch(re.sub(f"{WEAK}[^{STRONG}]*{STRONG}", "", part)) is None
        for gone, part in zip(lost, run[::2], strict=True)
    ]
    if not any(own) or (any(lost) and any(part.rstrip()[-1:].isdigit() for part in run[::2])):
        return ""
    if any(lost):
        left = [part.strip() for part, gone in zip(run[::2], lost, strict=True) if not gone]
        run = [" " * run[0].startswith(" ") + " – ".join(left)]
    return "".join(run).replace(WEAK, "").replace(STRONG, "")


def _rebuilt(found: re.Match[str], inner: str) -> str:
    """The bracket around what is left."""
    inner = inner.strip(" ,;:")
    return f"{found[0][0]}{inner}{found[0][-1]}".translate(_INNER) if inner else ""


def without_holes(line: str) -> str:
    """A line without the sentences that lack words.

    >>> without_holes(f"It is old. About {HOLE} of it is new. It is big.")
    'It is old. It is big.'
    """
    if HOLE not in line:
        return line
    spans = sentence_spans(line)
    ends = [start for start, _ in spans[1:]] + [len(line)]
    pieces = [line[start:end] for (start, _), end in zip(spans, ends, strict=True)]
    return "".join(piece for piece in pieces if HOLE not in piece).rstrip()
