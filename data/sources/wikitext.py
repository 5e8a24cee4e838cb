"""Wikitext to prose: sections with their paths, without tables, references, templates and files.

The markup is parsed by mwparserfromhell; what is decided here is which of its nodes a reader would miss. It knows
wikitext and nothing of dumps or passages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from html import unescape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mwparserfromhell.nodes import Tag, Template, Wikilink
    from mwparserfromhell.wikicode import Wikicode

# Sections that list where things come from, with all that is below them.
_DROPPED_SECTIONS = frozenset(
    "references|external links|see also|notes|further reading|bibliography|sources|citations|footnotes|"
    "notes and references|references and notes|works cited|literature|gallery|"
    "литература|източници|външни препратки|вижте също|бележки|einzelnachweise|weblinks|literatur|siehe auch|"
    "références|liens externes|voir aussi|bibliographie|notes et références|referencias|véase también|"
    "enlaces externos|bibliografía|примечания|ссылки|см. также|note|collegamenti esterni|voci correlate".split("|")
)
_DROPPED_TAGS = frozenset(
    "ref references table gallery math chem ce timeline score imagemap source syntaxhighlight hiero graph mapframe "
    "templatestyles indicator inputbox categorytree section noinclude includeonly".split()
)
# Templates that stand for words: which of their arguments the words are.
_WORDS = {
    "convert": ("1", "2"),
    "cvt": ("1", "2"),
    "lang": ("2",),
    "transl": ("-1",),
    "transliteration": ("-1",),
    "nowrap": ("1",),
    "nobr": ("1",),
    "abbr": ("1",),
    "val": ("1",),
    "circa": ("1",),
    "quote": ("1",),
    "blockquote": ("1",),
}
_DISAMBIGUATION = re.compile(
    r"\{\{\s*(?:[\w -]*disambig\w*|dab|hndis|geodis|пояснение|begriffsklärung|homonymie|desambiguación|disambigua|"
    r"неоднозначность|доп\.?)\s*(?:\||\}\})|__DISAMBIG__",
    re.IGNORECASE,
)
_LEFT_OVER = re.compile(
    r"^:?(?:File|Image):[^|]*\|.*$|'{2,}|\[\[|\]\]|\{\{+|\}\}+|\{\||\|\}|</?[a-zA-Z][^<>]*>|__[A-Z]+__"
)
# Where a reference or template stood between two marks.
_DOUBLE_STOP = re.compile(r"(?<![.…])([.:;!?]) ?\.(?![.\w])")
_LIST, _END = "\x01", re.compile(r"[.!?…:;]['\"”’)]*$")
_FEWEST_WORDS_IN_ITEM = 5
_CITATION = re.compile(r"\b(?:ISBN|ISSN|OCLC|doi|pp?\. ?\d)|\bPress\b.*\b\d{4}|\b\d{4}\b.*\bPress\b")


def is_disambiguation(text: str, title: str = "") -> bool:
    """Whether a page only tells apart what shares a name.

    >>> is_disambiguation("Ada may refer to: … {{disambig|geo}}"), is_disambiguation("A {{convert|1|km}} road.")
    (True, False)
    """
    return title.endswith("(disambiguation)") or _DISAMBIGUATION.search(text) is not None


def read_sections(
    text: str, hidden_links: Collection[str] = ("file", "image", "category")
) -> Iterator[tuple[str, str]]:
    r"""The sections of a page with prose in them.

    Args:
        text: wikitext.
        hidden_links: namespaces whose links show no words, in lower case: files and categories, in every language
            that the wiki may use.

    Yields:
        ("Section & Subsection", prose), the lead under "".

    >>> list(read_sections("'''Tea''' is a [[drink|beverage]].<ref>x</ref>\n==Use==\n===Day===\nAt five."))
    [('', 'Tea is a beverage.'), ('Use & Day', 'At five.')]
    """
    import mwparserfromhell

    # Quotes that open and never close would swallow headings; they are taken out as left-overs instead.
    page = mwparserfromhell.parse(text, skip_style_tags=True)
    path: list[tuple[int, str]] = []
    for section in page.get_sections(flat=True, include_lead=True):
        headings = section.filter_headings(recursive=False)
        if headings:
            level, title = headings[0].level, _one_line(_plain(headings[0].title, hidden_links))
            path = [(above, name) for above, name in path if above < level] + [(level, title)]
            section.remove(headings[0])
        if any(name.casefold() in _DROPPED_SECTIONS for _, name in path):
            continue
        prose = _prose(_plain(section, hidden_links))
        if prose:
            yield " & ".join(name for _, name in path if name), prose


def _plain(code: Wikicode, hidden: Collection[str]) -> str:
    """The words of parsed wikitext; a list item begins with `_LIST`."""
    return "".join(_node_words(node, hidden) for node in code.nodes)


def _node_words(node: Any, hidden: Collection[str]) -> str:  # noqa: ANN401 — one of mwparserfromhell's nodes
    from mwparserfromhell import nodes

    kinds: list[tuple[type, Callable[[Any], str]]] = [
        (nodes.Text, lambda text: text.value),
        (nodes.Wikilink, lambda link: _link_words(link, hidden)),
        (nodes.ExternalLink, lambda link: _plain(link.title, hidden) if link.title else ""),
        (nodes.Tag, lambda tag: _tag_words(tag, hidden)),
        (nodes.Template, lambda template: _template_words(template, hidden)),
        (nodes.HTMLEntity, lambda entity: entity.normalize()),
    ]
    return next((words(node) for kind, words in kinds if isinstance(node, kind)), "")


def _link_words(link: Wikilink, hidden: Collection[str]) -> str:
    """What a link shows."""
    title = str(link.title)
    namespace, colon, _ = title.partition(":")
    if colon and namespace.strip().casefold() in hidden:
        return ""
    return _plain(link.text, hidden) if link.text is not None else title.lstrip(":")


def _tag_words(tag: Tag, hidden: Collection[str]) -> str:
    """What a tag shows: nothing for references and tables, a new line for list items and breaks."""
    name = str(tag.tag).strip().casefold()
    if name in _DROPPED_TAGS:
        return ""
    if name in ("li", "dt", "dd"):
        return f"\n{_LIST}{_plain(tag.contents, hidden) if tag.contents else ''}"
    if name in ("br", "hr", "p", "div", "blockquote", "center", "ul", "ol"):
        return f"\n{_plain(tag.contents, hidden) if tag.contents else ''}\n"
    words = _plain(tag.contents, hidden) if tag.contents else ""
    return f"^{words}" if name == "sup" and words.lstrip("−-").isdigit() else words


def _template_words(template: Template, hidden: Collection[str]) -> str:
    """The words that a template stands for; most stand for none."""
    wanted = _WORDS.get(str(template.name).strip().casefold(), ())
    positional = [parameter for parameter in template.params if not parameter.showkey]
    places = [int(place) - 1 if int(place) > 0 else int(place) for place in wanted]
    return " ".join(
        _plain(positional[place].value, hidden).strip()
        for place in places
        if -1 <= place < len(positional) and positional
    )


def _prose(text: str) -> str:
    """Lines → one text of sentences: short list items go, longer ones end with a full stop."""
    lines = []
    for line in text.split("\n"):
        item = _LIST in line
        words = _one_line(line)
        if item and (len(words.split()) < _FEWEST_WORDS_IN_ITEM or _CITATION.search(words)):
            continue
        if not any(letter.isalnum() for letter in words) or words[0] in "|!":
            continue
        lines.append(words if _END.search(words) else f"{words}.")
    return "\n".join(lines)


def _one_line(text: str) -> str:
    """Without left-over markup, entities, list marks and double spaces."""
    words = " ".join(unescape(_LEFT_OVER.sub("", text.replace(_LIST, " "))).split())
    return _DOUBLE_STOP.sub(r"\1", words)
