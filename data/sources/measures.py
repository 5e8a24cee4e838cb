"""Numbers and units as templates of wikitext give them: `{{convert|20|to|25|km}}` is "20 to 25 km" in every language.

It knows the arguments in their order. It knows nothing of names of templates.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"[−–+-]?\d[\d,.\u00a0 ]*(?:[+/⁄]\d+(?:/\d+)?)?(?:[eE][−-]?\d+)?")
_RANGES = {
    "to": " to ", "and": " and ", "or": " or ", "by": " by ", "x": " × ", "×": " × ", "*": " × ", "-": "–", "–": "–",
    "—": "–", "+/-": " ± ", "±": " ± ", "+": " + ", "&": " & ", "and(-)": " and ", "to(-)": " to ",
    "to about": " to about ", "upto": " up to ", "xx": " × ", "à": " à ", "et": " et ", "ou": " ou ", "bis": " bis ",
    "und": " und ", "a": " a ", "y": " y ", "e": " e ", "i": " i ", "до": " до ", "и": " и ",
    "(-)": "–", "(to)": " to ", "(and)": " and ", "or(-)": " or ", "(or)": " or ", "by(x)": " by ", ",": ", ",
    ", and": ", and ", ", or": ", or ", "–(-)": "–",
}  # fmt: skip
# Units as {{convert}} and its kin name them; a product, a quotient or a power of them is one too.
_UNIT = re.compile(
    r"""(?:(?:[kMGTPEhdcmµμnpf]|da)?(?:m|g|s|A|K|mol|cd|W|J|N|Pa|Hz|V|F|C|Ω|ohm|S|T|H|B|b|bit|byte|eV|L|l|bar|t|Wh|cal|
    pc|Sv|Bq|rad|lm|lx|Wb|Gy|kat|ha)|ha|a|ac|acres?|carat|ft|in|mi|yd|nmi|sq\s?mi|sqft|sqin|sqyd|cuft|cuin|cumi|cuyd|
    lbs?|lbf|oz|st|LT|ST|tons?|gal|pt|qt|kn|knots?|mph|kph|kmh|psi|hp|bhp|PS|°[CF]?|%|‰|AU|au|ly|min|h|hr|d|days?|yr|
    years?|dB|rpm|€|\$|£|feet|foot|inch|inches|miles?|metres?|meters?|kilomet(?:re|er)s?|pounds?|ounces?|acre-ft|Da|u|
    км|м|см|мм|кг|г|т|л|км²|м²|м³|га)(?:\^?[−-]?[23²³])?""",
    re.VERBOSE,
)
_JOINED_UNITS = re.compile(r"[/·*⋅.]| per ")
SHOWN_UNITS = {
    "sqmi": "sq mi", "sqft": "sq ft", "sqin": "sq in", "sqyd": "sq yd", "cuft": "cu ft", "cuin": "cu in",
    "cumi": "cu mi", "C": "°C", "F": "°F", "kmh": "km/h", "kph": "km/h",
}  # fmt: skip
_WORD = re.compile(r"[^\W\d_][^\d|]{1,20}")
_POWERS = {"3": "thousand", "6": "million", "9": "billion"}
_GROUPED = {
    "en": ",", "de": ".", "es": ".", "it": ".", "nl": ".", "pt": ".", "da": ".", "id": ".", "tr": ".", "el": ".",
    "ro": ".", "ca": ".", "hr": ".", "sr": ".", "vi": ".", "fr": " ", "ru": " ", "pl": " ", "cs": " ", "sk": " ",
    "sv": " ", "no": " ", "fi": " ", "hu": " ", "uk": " ", "bg": " ",
}  # fmt: skip


def grouped(number: str, language: str = "en") -> str:
    """A number with its digits in groups of three, as a language writes it.

    >>> grouped("10000000"), grouped("1234.5"), grouped("1234567", "de"), grouped("soon")
    ('10,000,000', '1,234.5', '1.234.567', 'soon')
    """
    found = re.fullmatch(r"([−-]?)(\d{4,})(?:\.(\d+))?", number.strip())
    if not found:
        return number.strip()
    mark = _GROUPED.get(language, ",")
    whole = f"{int(found[2]):_}".replace("_", mark) if len(found[2]) < 4000 else found[2]
    return found[1] + whole + (("," if mark != "," else ".") + found[3] if found[3] else "")


def _unit(name: str) -> str:
    """A unit as it is shown; "" for what is none."""
    name = name.strip()
    if power := re.fullmatch(r"e([369])(\D.*)", name):
        unit = _unit(power[2])
        return f"{_POWERS[power[1]]} {unit}" if unit else ""
    parts = _JOINED_UNITS.split(name)
    if not name or not all(_UNIT.fullmatch(part.strip()) for part in parts):
        return ""
    if name in SHOWN_UNITS:
        return SHOWN_UNITS[name]
    return re.sub(r"(?<=[a-zA-Zм])\^?([23])\b", lambda power: "²³"[int(power[1]) - 2], name)


def is_number(text: str) -> bool:
    """Whether a text is a number, with signs, groups and fractions as templates have them.

    >>> is_number("1+1/2"), is_number("−3.5"), is_number("5 km")
    (True, True, False)
    """
    return _NUMBER.fullmatch(text) is not None


def measure(parts: Sequence[str], known: bool = True) -> str | None:
    """What a reader sees of numbers and the unit after them; None for what does not begin so.

    Args:
        parts: numbers, the words that join them, units.
        known: whether only known units are taken for units; else any word is, and a number alone will do.

    >>> measure(["20", "to", "25", "km", "mi"]), measure(["6", "ft", "2", "in", "m"]), measure(["3", "-", "5", "m"])
    ('20 to 25 km', '6 ft 2 in', '3–5 m')
    >>> measure(["Paris", "5", "km"]) is measure(["5", "apples"]) is None
    True
    """
    words, place, units = "", 0, 0
    while place < len(parts) and is_number(parts[place]):
        numbers, place = _numbers(parts, place)
        unit = _unit(parts[place]) if place < len(parts) else ""
        if not unit and not known and not units:
            unit = parts[place] if place < len(parts) else "%"
            if not _WORD.fullmatch(unit):
                return None if place < len(parts) else numbers
        if not unit:
            break
        words += f"{' ' if words else ''}{numbers}{'' if unit in ('%', '°') else ' '}{unit}"
        units += 1
        place += 1
    return words if units else None


def _numbers(parts: Sequence[str], place: int) -> tuple[str, int]:
    """The number at a place with all that ranges join to it, and the place after them."""
    words = _shown(parts[place])
    place += 1
    while place + 1 < len(parts) and parts[place] in _RANGES and is_number(parts[place + 1]):
        words += _RANGES[parts[place]] + _shown(parts[place + 1])
        place += 2
    return words, place


def _shown(number: str) -> str:
    """A number as it is shown: "1+1/2" is "1 1/2", "5e6" is "5 × 10^6"."""
    number = re.sub(r"(?<=\d)[eE]([−-]?\d+)$", r" × 10^\1", number)
    return number.replace("+", " ") if "/" in number else number
