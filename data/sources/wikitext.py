"""Wikitext to prose: sections with their paths, without tables, references, templates and files.

The markup is parsed by mwparserfromhell; what is decided here is which of its nodes a reader would miss. It knows
wikitext and nothing of dumps or passages.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.sentences import count_words, is_complete
from core.texts import mended
from data.sources.formulas import formula_words
from data.sources.headings import is_citation, is_disambiguation, is_prose, is_told, lists_sources, may_list_sources
from data.sources.markup import hidden, mend, shown, tidy, without_holes
from data.sources.scripts import lowered, raised
from data.sources.templates import HOLE, Call, is_quotation, template_words

if TYPE_CHECKING:
    from mwparserfromhell.nodes import ExternalLink, Tag, Template, Wikilink
    from mwparserfromhell.wikicode import Wikicode

__all__ = ["ITEM", "PageSection", "is_disambiguation", "prose_of_lines", "read_page", "read_sections"]

_FILES = ("file", "image", "category")
_DROPPED_TAGS = frozenset(
    "ref references table gallery timeline score imagemap graph mapframe templatestyles indicator inputbox "
    "categorytree includeonly rt rp style script del s strike".split()
)
_FORMULAS = ("math", "chem", "ce")
_HOLES = frozenset("hiero maplink phonos".split())
# An item of a list, and an external link at whose words a line may begin.
ITEM, _LINK = "\x01", "\x02"
_FEWEST_WORDS_IN_ITEM = 5
# Of how many characters before a template it is decided what it is.
_NEAR = 80
_RAISED = frozenset("sup exp smallsup exposant superíndice hochgestellt".split())
_LOWERED = frozenset("sub ind indice smallsub subíndice tiefgestellt".split())
_AFTER_NUMBER = re.compile(r"\d[ \u00a0]$")
_SHORT = re.compile(r"\|(?:\w+=)?[\d+−-]{1,3}(?:\||\}\}$)")
_INTERLANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]{2,10})*:\S")
# What [[Wiki:Tea (drink)|]] leaves out of its words.
_BEYOND_NAME = re.compile(r"^:?[^:\s]*:(?=\S)|\s*\([^()]*\)$")
_HAN_END = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]$")


@dataclass(frozen=True, slots=True)
class PageSection:
    """A section of a page with prose in it.

    Attributes:
        path: "Section & Subsection", "" for the lead.
        prose: its paragraphs, a line each.
        anchor: what its address ends with, as MediaWiki makes it; "" for the lead.
    """

    path: str
    prose: str
    anchor: str


def read_sections(text: str, hidden_links: Collection[str] = _FILES, language: str = "en") -> Iterator[tuple[str, str]]:
    r"""The sections of a page with prose in them, as `read_page` finds them.

    Yields:
        ("Section & Subsection", prose), the lead under "".

    >>> list(read_sections("'''Tea''' is a [[drink|beverage]].<ref>x</ref>\n==Use==\n===Day===\nAt five."))
    [('', 'Tea is a beverage.'), ('Use & Day', 'At five.')]
    """
    for section in read_page(text, hidden_links, language):
        yield section.path, section.prose


def read_page(text: str, hidden_links: Collection[str] = _FILES, language: str = "en") -> Iterator[PageSection]:
    r"""The sections of a page with prose in them.

    Args:
        text: wikitext.
        hidden_links: namespaces whose links show no words, in lower case: files and categories, in every language
            that the wiki may use.
        language: of the wiki, which decides how numbers are grouped and dates are written.

    >>> [section.anchor for section in read_page("==A & b==\nOne.\n==A & B==\nTwo.")]
    ['A_&_b', 'A_&_B_2']
    """
    import mwparserfromhell

    reader = _Reader(hidden_links, language)
    # Quotes that open and never close would swallow headings; they are taken out line by line instead.
    page = mwparserfromhell.parse(mend(text), skip_style_tags=True)
    path: list[tuple[int, str]] = []
    seen: Counter[str] = Counter()
    anchor = ""
    for section in page.get_sections(flat=True, include_lead=True):
        headings = section.filter_headings(recursive=False)
        if headings:
            level, title = headings[0].level, _heading(reader.plain(headings[0].title))
            path = [(above, name) for above, name in path if above < level] + [(level, title)]
            anchor = _anchor(title, seen)
            section.remove(headings[0])
        names = [name for _, name in path]
        if any(lists_sources(name) for name in names):
            continue
        prose = prose_of_lines(reader.plain(section, top=True), any(may_list_sources(name) for name in names))
        if prose:
            yield PageSection(" & ".join(name for name in names if name), prose, anchor)


def _heading(words: str) -> str:
    """A heading's words, on one line."""
    return shown(tidy(words.replace(HOLE, "").replace(ITEM, " ").replace(_LINK, "")))


def _anchor(title: str, seen: Counter[str]) -> str:
    """What the address of a section ends with; MediaWiki numbers headings that repeat, in whatever case."""
    anchor = title.replace("^", "").replace(" ", "_")
    seen[anchor.casefold()] += 1
    number = seen[anchor.casefold()]
    return f"{anchor}_{number}" if number > 1 else anchor


class _Reader:
    """The words of parsed wikitext; a list item begins with `ITEM`, and what has no words is a `HOLE`."""

    def __init__(self, hidden_links: Collection[str], language: str) -> None:
        """Read a page of a wiki whose links of these namespaces show nothing."""
        from mwparserfromhell import nodes

        self._hidden = hidden_links
        self._language = language
        self._fillable: tuple[type[Template], type[Tag]] = (nodes.Template, nodes.Tag)
        self._kinds: dict[type, Callable[[Any], str | None]] = {
            nodes.Text: lambda text: text.value,
            nodes.Wikilink: self._link,
            nodes.ExternalLink: self._external,
            nodes.Tag: self._tag,
            nodes.Template: self._template,
            nodes.HTMLEntity: lambda entity: hidden(mended(entity.normalize())),
            nodes.Argument: lambda argument: HOLE,
        }

    def plain(self, code: Wikicode, top: bool = False) -> str:
        """The words of parsed wikitext; `top` where it is a section, in which a template may be a paragraph."""
        words, nodes = "", list(code.nodes)  # a section's nodes are a view, slow to index
        for place, node in enumerate(nodes):
            kind = self._kinds.get(type(node))
            if kind is None:
                continue
            part = kind(node)
            if isinstance(node, self._fillable) and (not part or HOLE in part or top):
                after = str(nodes[place + 1])[:1] if place + 1 < len(nodes) else ""
                part = (
                    ""
                    if top and _is_paragraph(node, words[-_NEAR:], after)
                    else _in_place(node, part, words[-_NEAR:], after)
                )
            if part and isinstance(node, self._fillable) and HOLE not in part:
                part = _scripted(node, part, words[-_NEAR:], nodes[place + 1 : place + 2])
            words += part or ""
        return words

    def _link(self, link: Wikilink) -> str:
        """What a link shows."""
        title = str(link.title).strip()
        namespace, colon, _ = title.partition(":")
        if colon and namespace.strip().casefold() in self._hidden:
            return ""
        if link.text is None:
            return "" if _INTERLANGUAGE.match(title) else self.plain(link.title).strip().lstrip(":")
        return self.plain(link.text) if str(link.text).strip() else _BEYOND_NAME.sub("", self.plain(link.title))

    def _external(self, link: ExternalLink) -> str:
        """The words of a link to elsewhere; a bare address is shown itself."""
        if link.title is not None:
            return f"{_LINK}{self.plain(link.title)}"
        return "" if link.brackets else f"{_LINK}{link.url}"

    def _tag(self, tag: Tag) -> str:
        """What a tag shows: nothing for references and tables, a new line for list items and breaks."""
        name = str(tag.tag).strip().casefold()
        if name in _DROPPED_TAGS:
            return ""
        if name in _FORMULAS:
            return hidden(formula_words(str(tag.contents)) or HOLE)
        if name in _HOLES:
            return HOLE
        if name in ("source", "syntaxhighlight") and not tag.has("inline"):
            return ""
        words = self.plain(tag.contents) if tag.contents else ""
        if name in ("li", "dt", "dd"):
            return f"\n{ITEM}{words}"
        if name in ("br", "hr", "p", "div", "blockquote", "center", "ul", "ol", "poem", "pre"):
            return f"\n{words}\n"
        return words

    def _template(self, template: Template) -> str | None:
        """The words that a template stands for; None where nothing is known of it."""
        written = " ".join(self.plain(template.name).replace("_", " ").split())
        if HOLE in written:
            return HOLE
        places: list[str] = []
        named: dict[str, str] = {}
        for parameter in template.params:
            words = self.plain(parameter.value).strip()
            key = str(parameter.name).strip()
            if parameter.showkey and not key.isdecimal():
                named[key] = words
            else:
                place = int(key) if key.isdecimal() and 0 < int(key) < 50 else len(places) + 1
                places += [""] * (place - len(places))
                places[place - 1] = words
        return template_words(Call(written.lower(), written, places, named, self._language))


def _is_paragraph(node: Template | Tag, before: str, after: str) -> bool:
    """Whether a template or formula is all of a paragraph, as boxes and notes to the reader are, but no quotation."""
    if before.strip(" ") and not before.rstrip(" ").endswith(("\n", ITEM)):
        return False
    tag = getattr(node, "tag", None)
    if tag is not None:
        return after in ("\n", "") and str(tag).casefold() in _FORMULAS
    return after in ("\n", "") and not is_quotation(" ".join(str(node.name).lower().split()))  # type: ignore[union-attr]


def _in_place(node: Template | Tag, words: str | None, before: str, after: str) -> str:
    """What a template or tag leaves where it stands.

    Args:
        node: itself.
        words: its own; None where nothing is known of it.
        before: all words before it.
        after: the sign that follows it, "" at the end.
    """
    if words == HOLE and before.rstrip().endswith("'''"):
        return ""  # what follows a title in bold is how it is spoken
    if words == "" and _AFTER_NUMBER.search(before) and not getattr(node, "params", True):
        return HOLE  # "44 {{BC}}", "5 {{rouble}}": an era or a unit
    if words is None:
        # What follows a word without a space, and is followed by one, looks like a footnote; of many lines, like a box.
        sign = before[-1:]
        footnote = sign and sign not in "([ \n\t" and not sign.isdigit() and not after.isalnum()
        footnote = footnote and not _SHORT.search(str(node))  # which may be an index or a power
        return "" if footnote or "\n" in str(node).strip() else HOLE
    return words


def _scripted(node: Template | Tag, words: str, before: str, following: list[Any]) -> str:
    """The words of a template or tag, as they stand if it raises or lowers them."""
    name = str(getattr(node, "tag", None) or getattr(node, "name", "")).strip().casefold()
    if name in _RAISED:
        return raised(words, before)
    return lowered(words, before, str(following[0])[:1] if following else "") if name in _LOWERED else words


def prose_of_lines(text: str, sources: bool = False) -> str:
    """Lines → one text of sentences: short list items go, longer ones end with a full stop.

    Args:
        text: words with the marks of lists, links and holes.
        sources: whether the section may list sources, so that only what is prose is wanted.
    """
    lines, in_table = [], False
    for line in text.split("\n"):
        stripped = line.strip()
        in_table = stripped.startswith("{|") or (in_table and bool(stripped))
        if in_table or stripped.startswith(("|", "!")):
            continue
        item = ITEM in line
        linked = stripped.lstrip(ITEM).lstrip().startswith(_LINK)
        words = without_holes(tidy(line.replace(ITEM, " ").replace(_LINK, "")))
        if item and (linked or count_words(words) < _FEWEST_WORDS_IN_ITEM or is_citation(words)):
            continue
        if item and sources and ("''" in line or not is_told(words)):
            continue
        if not any(letter.isalnum() for letter in words) or (sources and not is_prose(words)):
            continue
        lines.append(_ended(shown(words)))
    return "\n".join(lines)


def _ended(words: str) -> str:
    """A line with a full stop, as its script has it; none behind a mark, nor where a list or the next verse follows."""
    if is_complete(words) or words.endswith((":", ";", ",", "–", "—", "：", "；", "、", "，")):
        return words
    return f"{words}{'。' if _HAN_END.search(words) else '.'}"
