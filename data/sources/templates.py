"""The words that a template of wikitext stands for, by its shape: its name's family, and what its arguments look like.

No wiki's templates can be listed, and each language has its own. What they take is alike everywhere: a number and a
unit, a language's code and a text, a title and another wiki's, parts of a date. A template whose words cannot be had
makes a hole, so that the sentence around it can go. It knows names and arguments, and nothing of the parser.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from html.entities import name2codepoint

from data.sources.measures import grouped, is_number, measure

# Where words are missing; where a text begins and ends that brackets can do without, such as a name in another script.
HOLE, WEAK, STRONG = "\ue000", "\ue001", "\ue002"


@dataclass(frozen=True, slots=True)
class Call:
    """A template as it is used.

    Attributes:
        name: in lower case, with single spaces.
        shown: the name as it was written.
        places: the words of its arguments without a name, stripped.
        named: those with a name.
        language: of the wiki, "en".
    """

    name: str
    shown: str
    places: Sequence[str]
    named: Mapping[str, str]
    language: str = "en"

    def get(self, *names: str) -> str:
        """The first argument of these names that has words; "1" is the first without a name."""
        for name in names:
            place = int(name) - 1 if name.isdecimal() else len(self.places)
            words = self.named.get(name) or (self.places[place] if place < len(self.places) else "")
            if words:
                return words
        return ""

    @property
    def last(self) -> str:
        """The last argument without a name that has words."""
        return next((words for words in reversed(self.places) if words), "")


def template_words(call: Call) -> str | None:
    """What a reader sees in a template's place.

    Returns:
        Its words; "" where it shows none within the text, such as a footnote; `HOLE` where it shows some that cannot be
        had; None where nothing is known of it.

    >>> template_words(Call("convert", "convert", ["20", "to", "25", "km"], {}))
    '20 to 25 km'
    >>> template_words(Call("lien", "lien", ["Jane Poe"], {"lang": "en"}, "fr"))
    'Jane Poe'
    """
    name = call.name
    if not call.places and name in _SYMBOLS:
        return _SYMBOLS[name]
    if not call.places and not call.named and call.shown in name2codepoint and call.shown not in _NO_ENTITIES:
        return chr(name2codepoint[call.shown])
    for words in _families(name):
        found = words(call)
        if found is not None:
            return found
    return _by_arguments(call)


def _by_arguments(call: Call) -> str | None:
    """The words of a template whose name says nothing."""
    if (call.shown[:1] in ("'", "’") or re.fullmatch("[\"' ]+", call.shown)) and not call.places:
        return call.shown.replace(" ", "")  # {{'s}}, {{" '}}
    if not call.places:
        if call.named:
            return "" if _SOURCED & {key.casefold() for key in call.named} else None
        if _ABBREVIATED.fullmatch(call.shown) or re.fullmatch(r"[^\s\w#:-]|[^\W\da-zA-Z_]|[¼-¾⅐-⅞]", call.shown):
            return call.shown  # {{a. C.}}, {{v. Chr.}}, {{г.}}; {{½}}, {{π}}
        if re.fullmatch(r"-\d{1,4}", call.shown):
            return f"{call.shown[1:]} av. J.-C." if call.language == "fr" else HOLE
        if ":" in call.shown:
            return HOLE  # a function of the parser
        # {{1er}}, {{XIXe siècle}}, {{CO2}}; {{AUT}} is a flag and a country's name.
        if re.match(r"\d|[IVXL]+(?:e|er|ème)\b|(?=.*\d)(?:[A-Z][a-z]?\d*)+$", call.shown):
            return call.shown
        return HOLE if call.shown.isupper() else ""
    return measure(call.places) or _foreign(call)


def _converted(call: Call) -> str:
    """{{convert|20|to|25|km|mi}}; a hole where the number or the unit alone is shown."""
    if "number" in call.named.get("disp", "") or "unit" in call.named.get("disp", ""):
        return HOLE
    return measure(call.places, known=False) or HOLE


def _measured(call: Call) -> str:
    """{{unité|20|km}}, {{M|20|ul=km}}, {{M|5|k|g}}: a number and one unit; powers and more of it are not read."""
    parts = [part for part in call.places if part]
    unit = call.get("u", "ul", "um", "unità") if len(parts) == 1 else "".join(parts[1:])
    if not parts or len(parts) > 3 or not is_number(parts[0]) or (len(parts) == 1 and call.named and not unit):
        return HOLE
    return (measure([parts[0], unit]) or HOLE) if unit else grouped(parts[0], call.language)


def _script(call: Call) -> str:
    """{{su|p=2|b=x}}: below and above."""
    above, below = call.get("p"), call.get("b")
    return f"{below}{'^' if above else ''}{above}" or HOLE


def _value(call: Call) -> str:
    """{{val|18.015|0.002|e=3|u=g/mol}}."""
    if not call.places or not re.match(r"[−–+-]?\d", call.places[0]):
        return HOLE
    number = grouped(call.places[0], call.language)
    spread = f" ± {call.places[1]}" if len(call.places) == 2 and re.match(r"\d", call.places[1]) else ""
    if len(call.places) > 2:
        return HOLE
    power = call.get("e")
    unit, per = call.get("u", "ul"), call.get("up", "upl")
    unit += f"/{per}" if per else ""
    return (
        f"{call.get('p')}{number}{spread}{f' × 10^{power}' if power else ''}{f' {unit}' if unit else ''}{call.get('s')}"
    )


def _fraction(call: Call) -> str:
    """{{frac|1|3}}, {{frac|2|1|3}}, {{frac|3}}."""
    parts = [part for part in call.places if part]
    if not 0 < len(parts) < 4:
        return HOLE
    return {1: "1/{0}", 2: "{0}/{1}", 3: "{0} {1}/{2}"}[len(parts)].format(*parts)


def _formula(call: Call) -> str:
    """{{chem|H|2|O}}, {{chem|SO|4|2-}}."""
    return "".join(f"^{part}" if re.fullmatch(r"\d*[+−–-]", part) else part for part in call.places) or HOLE


def _formatted(call: Call) -> str:
    """{{formatnum:10000000}}, {{num|10000}}, {{nombre|10000|habitants}}."""
    number = call.name.partition(":")[2].strip() or call.get("1")
    counted = call.places[1] if call.name in ("nombre", "nb") and len(call.places) > 1 else ""
    raw = call.name.startswith("formatnum") and call.last.casefold() == "r"
    number = re.sub(r"(?<=\d)[,\u00a0 ](?=\d)", "", number) if raw else grouped(number, call.language)
    return " ".join(part for part in (number, counted) if part) or HOLE


def _cased(call: Call) -> str:
    """{{lc:ABC}}, {{ucfirst:abc}}."""
    kind, _, words = call.shown.partition(":")
    words = words.strip()
    if kind.lower().endswith("first"):
        return (words[:1].upper() if kind[0] in "uU" else words[:1].lower()) + words[1:] or HOLE
    return (words.upper() if kind[0] in "uU" else words.lower()) or HOLE


# --- Texts -----------------------------------------------------------------------------------------------------------

# Abbreviations with their full stops: eras, units, titles.
_ABBREVIATED = re.compile(r"(?=[^.]*\.)[^\W\d_]{1,4}\.?º?(?:[ -]?[^\W\d_]{1,4}\.?){0,3}")
# Any two letters may be a language's code; of three, words of many languages are.
_CODE = re.compile(
    r"(?:[a-z]{2}|grc|ang|ast|arz|arc|bar|ceb|ckb|cop|csb|dsb|egy|enm|fil|frm|fro|frp|fur|gem|gmh|goh|got|gsw|haw|hbo|"
    r"hsb|lad|lmo|lzh|mul|nah|nan|nap|nds|non|nrm|oco|osp|ota|pcd|pdc|peo|phn|pms|pnb|pnt|rom|sah|scn|sco|sga|syc|syr|"
    r"szl|vec|vls|wuu|yue|akk|simple)(?:-[A-Za-z0-9]{2,8})*"
)
# Codes of languages that are words of English as well.
_WORDS = frozenset(
    "am an and are as be but can do for go he in is it may my no not of on one or see so the to use us we".split()
)
_LATIN = re.compile(r"[A-Za-zÀ-ɏḀ-ỿ]")
_SIDES = ("left", "right", "center", "links", "rechts", "gauche", "droite")
# Arguments that only notes and sources have.
_SOURCED = frozenset(
    "date fecha datum data дата reason grund url accessdate access-date isbn doi title titre título titel titolo tytuł "
    "заглавие author autor auteur autore автор last first nazwisko name group".split()
)
_MONTHS = "January February March April May June July August September October November December".split()


def _text(*names: str) -> Callable[[Call], str | None]:
    """The argument of the first of these names that is there."""
    return lambda call: call.get(*names) or None


def _foreign(call: Call) -> str | None:
    """A language's code and a text, or a title and where another wiki has it."""
    codes = [place for place, part in enumerate(call.places) if _CODE.fullmatch(part) and part not in _WORDS]
    if len(call.places) < 2 or not codes or codes[0] > 1 or (codes[0] == 1 and len(call.places) > 3):
        return None
    if codes[0] == 1:
        return call.get("lt", "display", "texte", "текст") or call.places[0] or None
    return call.last if not _CODE.fullmatch(call.last) else None


def _language(call: Call) -> str | None:
    """{{lang|fr|thé}}, {{lang-fr|thé}}, {{enS|tea}}; the third kind names the language too, mostly in brackets."""
    text = call.get("text", "texte", "texto", "текст")
    named = re.fullmatch(r"(?:l?lang|langue|язык|idioma)", call.name) is not None
    if not text:
        place = int(named or call.name == "langx")
        text = call.places[place] if len(call.places) > place else ""
    if not named and call.name.endswith("s") and not re.fullmatch("[a-z]{2,3}S", call.shown):
        return None
    if not text:
        return HOLE
    return text if named or _LATIN.search(text) else f"{WEAK}{text}{STRONG}"


def _quotation(call: Call) -> str | None:
    """{{quote|text=…}}; one with names of a source's parts alone is a footnote."""
    places = [part for part in call.places if part.casefold() not in _SIDES]
    text = call.get("text", "quote", "texte", "texto", "testo", "tekst", "текст", "zitat", "cita", "citat")
    return text or (places[0] if places else None)


def _date(call: Call) -> str | None:
    """{{date|4|mai|1900}}, {{birth date|1900|1|2}}: in English "2 January 1900", elsewhere without names of months."""
    parts = [part for part in call.places[:3] if part]
    if not parts:
        return None
    if len(parts) == 1 and re.search(r"\d", parts[0]):
        return parts[0]
    if re.search(r"\byear\b", call.name) and re.search(r"\bage\b", call.name) and parts[1].isdecimal():
        return parts[0] if len(parts[1]) > 2 else _date(replace(call, name="date", places=parts[:2]))
    if not all(part.isdecimal() for part in parts):
        # A month by its name, after the day or after the year; one of day and year may be missing.
        ordered = parts[::-1] if re.fullmatch(r"\d{3,4}", parts[0]) else parts
        known = sum(part.isdecimal() for part in parts)
        return " ".join(ordered) if known == len(parts) - 1 and not re.search(r"[-−]\d", "".join(parts)) else HOLE
    year, month, day = (parts if len(parts[0]) > 2 else parts[::-1]) + [""] * (3 - len(parts))
    if not (month.isdecimal() and 1 <= int(month) <= 12 and (not day or 1 <= int(day) <= 31)):
        return HOLE
    if call.language == "en":
        return f"{f'{int(day)} ' if day else ''}{_MONTHS[int(month) - 1]} {year}"
    return "-".join([year, f"{int(month):02d}"] + ([f"{int(day):02d}"] if day else []))


def _life(call: Call) -> str | None:
    """A date of birth or death, which brackets may do without."""
    date = _date(call)
    return date if date is None or date == HOLE else f"{WEAK}{date}{STRONG}"


def _as_of(call: Call) -> str:
    """{{as of|2019|5}}."""
    begins = "as of" if call.named.get("lc") else "As of"
    return call.get("alt") or f"{begins} {_date(call) or HOLE}"


def _money(call: Call) -> str:
    """{{US$|5 million}}, {{EUR|5}}, {{euro|5}}."""
    sign = (
        "€" if call.name == "euro" else call.shown if re.search(r"[$€£¥₹₽₩]", call.shown) else f"{call.shown.upper()} "
    )
    return f"{sign}{grouped(call.places[0], call.language)}" if call.places else HOLE


def _prefixed(call: Call) -> str:
    """A name that is a word itself: {{née|Poe}}, {{HMS|Hood|51}}, {{Mme}}."""
    if not call.places:
        return call.shown
    return f"{call.shown} {call.places[0]}" if call.places[0] else HOLE


def _about(call: Call) -> str:
    """{{circa|1900|1950}}: each of several years is about."""
    return " – ".join(f"c. {part}" for part in call.places[:2] if part) or "c."


def _years(before: str) -> Callable[[Call], str | None]:
    """Years from and to, behind a sign: {{fl.|1900|1950}}."""
    return lambda call: f"{before} {'–'.join(part for part in call.places if part)}" if call.places else HOLE


def _old_style(call: Call) -> str:
    """{{OldStyleDate|1 March|1900|18 February}}: the day, and that of the other calendar."""
    day, year, old = ([*call.places, "", "", ""])[:3]
    return f"{day} {year}{f' [O.S. {old}]' if old else ''}" if day and year else HOLE


def _aside(call: Call) -> str:
    """{{incise|words|stop}} of French: words between dashes."""
    stopped = "stop" in call.places[1:] or "stop" in call.named
    return f"– {call.places[0]}{'' if stopped else ' –'}" if call.places and call.places[0] else HOLE


def _linked(call: Call) -> str | None:
    """{{ill|Jane Poe|fr|Jeanne}}; Spanish has the language first."""
    shown = call.get("lt", "display", "texte", "trad")
    if not shown and len(call.places) == 2 and re.fullmatch("[a-z]{2}", call.places[0]):
        return call.places[1]
    return shown or call.get("1") or None


def _century(call: Call) -> str:
    """{{s|XIX|e}}, {{sp-|XVI|e|au|XVII|e}} of French; Russian has a text without breaks under {{s}}."""
    number = call.get("1")
    if not re.fullmatch(r"[IVX]+", number):
        return number if number and call.name == "s" else HOLE
    if call.language != "fr":
        return HOLE
    words: list[str] = []
    for part in call.places:
        if re.fullmatch(r"[IVX]+", part):
            words += ["et"] * (call.name.startswith("s2") and bool(words)) + [f"{part}e"]
        elif part in ("er", "re") and words:
            words[-1] = f"{words[-1][:-1]}{part}"
        elif part not in ("e", "ème", "s", ""):
            words.append(part)
    several = sum(word[0] in "IVX" for word in words) > 1 and call.name.startswith("s2")
    name = "" if "mini" in call.name or call.name.startswith("sp") else f" siècle{'s' if several else ''}"
    if call.name.startswith("sp"):
        words = [f"{word} siècle" if word[0] in "IVX" else word for word in words]
    return " ".join(words) + name + (" av. J.-C." if call.name.startswith("-") else "")


def _country(call: Call) -> str:
    """{{flag|France}}; a country's code is shown as its name, which is not here."""
    name = call.get("1")
    return HOLE if not name or re.fullmatch(r"[A-Z]{2,3}", name) else name


def _around(before: str, after: str = "") -> Callable[[Call], str | None]:
    """The first argument between signs."""
    return lambda call: f"{before}{call.places[0]}{after}" if call.places and call.places[0] else HOLE


def _nothing(call: Call) -> str:
    return ""


def _hole(call: Call) -> str:
    return HOLE


def _last(call: Call) -> str | None:
    return call.last or None


_SYMBOLS = {
    "snd": " – ", "spnd": " – ", "spaced ndash": " – ", "spaced en dash": " – ", "dash": "–", "en dash": "–",
    "em dash": "—", "spaced mdash": " — ", "·": " · ", "•": " • ", "bullet": " • ", "dot": " · ", "=": "=", "!": "|",
    "'": "'", '"': '"', "-": "", "°": "°", "x": "×", "×": "×", "±": "±", "+-": "±", "plusminus": "±", "infty": "∞",
    "sharp": "♯", "flat": "♭", "fois": "×", "—": " — ", "–": " – ", "pipe": "|", "thinsp": " ", "hair space": " ",
    "sp": " ", "space": " ", "clear": "", "spaces": " ", "figure space": " ", "zwj": "", "zwnj": "", "wbr": "",
    "shy": "", "nowrap begin": "", "nowrap end": "", "em": "—", "pi": "π", "tau": "τ", "dagger": "†",
    "tiret": "–", ",": "", "?": "", "er": "er", "re": "re", "nd": "nd", "nde": "nde", "ème": "ème", "e": "e", "o": "º",
    "n°": "n° ", "av jc": "av. J.-C.", "av j-c": "av. J.-C.", "ap jc": "apr. J.-C.", "ap j-c": "apr. J.-C.",
    "ac": "a. C.", "dc": "d. C.",
}  # fmt: skip
# Names of entities that are names of other templates: "and" is ∧.
_NO_ENTITIES = frozenset("and or cap cup int not sub sup image real part ni ne sum ang prop perp empty".split())
# The families, first one first: their names in many languages, and how the words are had.
_FAMILY_NAMES: list[tuple[str, Callable[[Call], str | None]]] = [
    (
        r"""cite\b.*|sfn.*|harv|harvs|harvp|harvcol.*|efn.*|refn?|ref[ -].*|r|rp|note|notetag|nota|note label|\#tag:.*|
        cn|fact|.*\bneeded(?:\ lead)?|clarify.*|who|whom|by\ whom|when|where|which|why|how|dubious.*|vague|specify|
        verif.*|unreliable.*|better\ source.*|not\ in\ (?:source|citation).*|failed.verification|original\ research.*|
        or|pov.*|weasel.*|peacock.*|dead\ ?link|lien\ brisé|webarchive|ref(?:begin|end|list).*|anchors?|ancre|anker|
        use\ .*|break|toc.*|portal.*|col-.*|columns.*|
        div\ col.*|end|update.*|out\ of\ date|contradict.*|synth.*|disputed.*|
        undue.*|attribution.*|infobox.*|short\ description|main|see\ also|further|about|isbn|issn|doi|oclc|pmid|arxiv|
        bibcode|defaultsort.*|flagicon.*|hs|ntsh|notea?ta|нет\ аи.*|источник.*""",
        _nothing,
    ),
    (
        r"""refnec|refsou|.*\ (?:manquante|nécessaire|souhaitée|necessaria|requerida|richiesta|необходим\w*)|
        passage\ .*|quand|pertinence|pas\ clair|guil\w*""",
        lambda call: call.get("1", "texte", "texto", "testo"),
    ),
    (r"[lu]c(?:first)?:.*", _cased),
    (
        r"""ipa.*|api|afi|мфа|pron.*|respell|audio.*|phon\w*|age.*|alter.*|возраст.*|âge.*|edad.*|.*\bago|inflation|
        \#.*|coord.*|unichar|pagename|current\w*|local\w*|multiple\ image|ordinal|rn""",
        _hole,
    ),
    (r"conv\w*|cvt", _converted),
    (r"unit\w*|unité\w*|unidade|unidad|mesure|einheit|maß|m|ед|measure", _measured),
    (r"höhe|höhenangabe", lambda call: f"{call.get('1')} m" if is_number(call.get("1")) else HOLE),
    (r"su", _script),
    (r"val", _value),
    (r"s?frac\w*|bruch|fracción|дробь", _fraction),
    (r"formatnum:.*|formatnum|num|nb|nombre|nts|fmtn|fmt|zahl|число|nro", _formatted),
    (r"chem\w*|ce|fchim|formule\ chimique|simple\ chem", _formula),
    (r"su[bp]|ind|indice|smallsu[bp]|exp|exposant|(?:super|sub)índice", lambda call: call.get("1", "text") or HOLE),
    (r"e|×10\^?|x10", _around(" × 10^")),
    (r"10\^", _around("10^")),
    (r"gaps", lambda call: "".join(call.places) or HOLE),
    (r"sqrt|radic|racine", _around("√")),
    (r"langx|l?lang(?:[-\ ][a-z-]+)?|langue|язык|idioma|[a-z]{2,3}s", _language),
    (r"transl|translit\w*|rtgs|hanyu\ pinyin", _last),
    (
        r"""nihongo.*|ill\w*|interlanguage\ link.*|lien|iw|нп\d?|не\ переведено.*|仮リンク|link-\w+|le|
        internal\ link\ helper.*""",
        _linked,
    ),
    (r"w|wp|wl|wikipedia|l|lnk|link|wikt|wikt-lang|wiktionary|wikispecies|tsl|ilh", _last),
    (r"-?s(?:p|2|3)?(?:\ mini)?-?|siècles?", _century),
    (r"incise", _aside),
    (
        r"""abbr?\w*|abréviation|petit|terme?|tooltip|comment|définition|ruby|ruby-\w+|vanchor|visible\ anchor|dfn|
        gloss|nowrap|nobr|nobreak|nwr|j|fb|tutto\ attaccato|no\ ?wrap|small\w*|big|larger|large|sc\d?|
        petites\ capitales|kapitälchen|em|strong|ital\w*|it|bold|b|i|u|underline|mono|code|codett|tt|kbd|samp|nobold|
        noitalic|not\ a\ typo|notatypo|typo|sic|as\ written|proper\ name|tq|math|mvar|var|overline|char|interp|nihongo2|
        citation\ needed\ span|référence\ \w+""",
        _text("text", "texte", "1"),
    ),
    (r"linktext", lambda call: " ".join(part for part in call.places if part) or None),
    (r"sort\ ?name", lambda call: " ".join(part for part in call.places[:2] if part) or None),
    (
        r"""sort|font\ ?colou?r|colou?r|couleur|farbe|bgcolor|background\ colou?r|resize|font|style|span|highlight|
        цвет""",
        _last,
    ),
    (r"brackets?", _around("[", "]")),
    (r"lit|literal\ translation", _around("lit. '", "'")),
    (r"angbr", _around("⟨", "⟩")),
    (
        r"""quote\w*|quotation|block\ ?quote|[cbr]quote|poem\ ?quote|pull\ ?quote|epigraph|zitat\w*|citation\w*|
        citation\ bloc|cit|cita|cytat\w*|citaat|citat|citação|citazione|цитата|цитат|引用|引文|"\ ?'?|'\ ?\"""",
        _quotation,
    ),
    (r"(?:birth|death)[-\ ].*|bda|dda|geboren|gestorven", _life),
    (r"as\ ?of", _as_of),
    (r"(?:.*\ )?(?:date|fecha|datum|data|дата)(?:\ .*)?-?|dts|dt", _date),
    (r"oldstyledate\w*", _old_style),
    (r"1er", lambda call: " ".join(["1er", *call.places])),
    (r"circa|c\.|ca|env\.", _about),
    (r"floruit|fl\.", _years("fl.")),
    (r"reign", _years("r.")),
    (r"bce|ce|bc", lambda call: f"{call.places[0]} {call.shown}" if call.places else HOLE),
    (r"ad", _around("AD ")),
    (
        r"""siglo|século|secolo|née?|hms|uss|ss|rms|hmas|hmcs|sms|mv|ms|n°|p\.|pp\.|vol\.|mme|mlle|mgr|dr|ste?""",
        _prefixed,
    ),
    (r"no\.?", lambda call: _prefixed(call) if call.places else HOLE),
    (
        r"""m\.|t\.|h\.""",
        _prefixed,
    ),
    (r"flag\w*|drapeau\w*|bandera|bandiera|флаг\w*|флагификация", _country),
    (r".*[$€£¥₹₽₩].*|usd|eur|euro|gbp|inr|jpy|cny|aud|cad|chf|sek|nok|dkk|pln|rub|brl", _money),
]
_FAMILIES = [(re.compile(names, re.VERBOSE), words) for names, words in _FAMILY_NAMES]


def is_quotation(name: str) -> bool:
    """Whether a template of this name holds a text that may stand by itself."""
    return _quotation in _families(name)


@lru_cache(maxsize=4096)
def _families(name: str) -> tuple[Callable[[Call], str | None], ...]:
    """How the words of a template of this name may be had."""
    return tuple(words for names, words in _FAMILIES if names.fullmatch(name))
