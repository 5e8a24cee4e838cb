r"""Simple formulas of TeX as a reader would say them: `\pi r^2` is "π r^2"; what is not simple has no words.

It knows letters, numbers, signs, powers, indices, fractions and roots.
"""

from __future__ import annotations

import re
import unicodedata

_SIGNS = {
    "times": "×", "cdot": "·", "pm": "±", "mp": "∓", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "ne": "≠",
    "neq": "≠", "approx": "≈", "sim": "∼", "infty": "∞", "to": "→", "rightarrow": "→", "in": "∈", "circ": "°",
    "degree": "°", "ldots": "…", "dots": "…", "cdots": "…", "equiv": "≡", "propto": "∝", "partial": "∂",
    "nabla": "∇", "hbar": "ħ", "ell": "ℓ", "div": "÷", "ln": "ln", "log": "log", "sin": "sin", "cos": "cos",
    "tan": "tan", "exp": "exp", "ll": "≪", "gg": "≫", "varepsilon": "ε", "varphi": "φ", "vartheta": "ϑ", "%": "%",
    ",": " ", ";": " ", "!": "", " ": " ", "quad": " ", "&": "&", "left": "", "right": "", "displaystyle": "",
    "textstyle": "",
}  # fmt: skip
_TEXTS = frozenset(
    "text mathrm mathbf mathit mathbb mathcal textrm textit textbf rm bf operatorname mbox boldsymbol".split()
)
_TOKEN = re.compile(
    r"\\(?P<command>[A-Za-z]+|[^A-Za-z\s])|(?P<open>\{)|(?P<close>\})|(?P<raise>[\^_])|(?P<plain>[^\\{}^_&#$])"
)
_LONGEST = 300


class _NotSimple(ValueError):
    """The formula has no words."""


def formula_words(tex: str) -> str:
    r"""A formula's words, "" where it has none that fit into a line.

    >>> formula_words(r"\pi r^2"), formula_words(r"E = mc^{2}"), formula_words(r"\frac{1}{2} x_0")
    ('π r^2', 'E = mc^2', '1/2 x_0')
    >>> formula_words(r"\begin{matrix} a & b \end{matrix}")
    ''
    """
    if len(tex) > _LONGEST:
        return ""
    tokens = list(_TOKEN.finditer(tex))
    if "".join(token.group() for token in tokens) != tex:
        return ""
    try:
        words, place = _group(tokens, 0)
    except (_NotSimple, IndexError):
        return ""
    return " ".join(words.split()) if place == len(tokens) else ""


def _group(tokens: list[re.Match[str]], place: int) -> tuple[str, int]:
    """The words up to the brace that closes, or to the end."""
    words = ""
    while place < len(tokens) and not tokens[place]["close"]:
        part, place = _one(tokens, place)
        words += part
    return words, place


def _one(tokens: list[re.Match[str]], place: int) -> tuple[str, int]:
    """The words of one token with what belongs to it, and the place after."""
    token = tokens[place]
    if token["open"]:
        words, end = _group(tokens, place + 1)
        if end == len(tokens):
            raise _NotSimple
        return words, end + 1
    if token["raise"]:
        words, end = _argument(tokens, place + 1)
        return token["raise"] + (words if re.fullmatch(r"[−-]?\w+|[°*+−-]", words) else f"({words})"), end
    if token["plain"]:
        return token["plain"].replace("~", " "), place + 1
    return _command(token["command"], tokens, place + 1)


def _argument(tokens: list[re.Match[str]], place: int) -> tuple[str, int]:
    """What a power, an index or a command takes: a group, a command or a sign."""
    while tokens[place].group().isspace():
        place += 1
    if tokens[place]["close"]:
        raise _NotSimple
    return _one(tokens, place)


def _command(name: str, tokens: list[re.Match[str]], place: int) -> tuple[str, int]:
    """The words of a command and its arguments."""
    if name in _TEXTS:
        return _argument(tokens, place)
    if name in ("frac", "tfrac", "dfrac"):
        above, place = _argument(tokens, place)
        below, place = _argument(tokens, place)
        return f"{_bracketed(above)}/{_bracketed(below)}", place
    if name == "sqrt":
        under, place = _argument(tokens, place)
        return f"√{_bracketed(under)}", place
    if name in _SIGNS:
        return _SIGNS[name], place
    case = "CAPITAL" if name[0].isupper() else "SMALL"
    try:
        return unicodedata.lookup(f"GREEK {case} LETTER {'LAMDA' if name.lower() == 'lambda' else name.upper()}"), place
    except KeyError:
        raise _NotSimple from None


def _bracketed(words: str) -> str:
    return words if re.fullmatch(r"\w+|", words) else f"({words})"
