"""Rendered articles to prose: the HTML of a MediaWiki page or of a Kiwix file, in sections.

The HTML is parsed by selectolax (lexbor); what is decided here is which elements a reader of the text would miss. It
knows MediaWiki's class names and those of the tools that make ZIM files, and nothing of files, wikis or passages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from data.sources.base import Section
from data.sources.outline import ITEM, Outline, formula, sections
from data.sources.scripts import lowered, raised

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

# What stands beside the prose: tables, pictures, references, navigation, hatnotes, coordinates, formulas, notices.
_DROPPED = (
    "table, style, script, noscript, template, figure, figcaption, nav, footer, header, math, audio, video, img, svg, "
    "form, button, input, select, "
    "sup.reference, .reference, .references, .reflist, .refbegin, .mw-references-wrap, .mw-cite-backlink, "
    ".mw-editsection, .Inline-Template, .noprint, .noexcerpt, .nomobile, .mw-empty-elt, .error, "
    ".toc, #toc, .tocright, .toclimit, .hatnote, .dablink, .rellink, .infobox, .navbox, .vertical-navbox, .sidebar, "
    ".metadata, .ambox, .tmbox, .mbox-small, .side-box, .sistersitebox, .portal, .portalbox, .catlinks, #catlinks, "
    ".printfooter, .mw-jump-link, .mw-hidden-catlinks, .authority-control, .succession-box, .shortdescription, "
    "#coordinates, .geo-nondefault, .geo-multi-punct, .geo-inline-hidden, "
    ".thumb, .thumbinner, .gallery, .gallerybox, .mw-gallery-traditional, .timeline-wrapper, "
    ".mw-ext-score, .mw-highlight, .mw-kartographer-container, .legend, .locmap, .noviewer, .mw-file-element, "
    # What a wiki shows of a template that it lacks.
    "a.new[title^='Template:'], "
    ".zim-footer, .external-mw-invalid-page, #siteSub, #contentSub, #jump-to-nav, .vector-toc"
)
_FORMULAS = ".mwe-math-element"
_SCRIPTS, _LONGEST_SCRIPT = ("sup", "sub"), 40  # characters; what is longer is a text that was made small
_DISAMBIGUATION = "#disambigbox, .dmbox, .dmbox-disambig, .disambigbox, [property='mw:PageProp/disambiguation']"
_BODIES = (".mw-parser-output", "#mw-content-text", "#bodyContent", "main", "article", "body")
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LINES = "p div blockquote section details summary center ul ol dl pre br hr article main aside address tr".split()
# What is put before and after an element's words.
_AROUND = dict.fromkeys(_LINES, ("\n", "\n")) | dict.fromkeys(("li", "dt", "dd"), (f"\n{ITEM}", "\n"))


def read_html(html: str | bytes, address: str) -> list[Section]:
    """The sections of a rendered article with prose in them, the lead first.

    Args:
        html: of the page, whole or only its content.
        address: of the article, which headings' anchors are put after.

    >>> page = "<h1>Tea</h1><p>Tea is a <b>drink</b>.<sup class=reference>[1]</sup></p><h2 id=Use>Use</h2><p>At five."
    >>> [(section.title, section.text, section.url) for section in read_html(page, "a")]
    [('', 'Tea is a drink.', 'a'), ('Use', 'At five.', 'a#Use')]
    """
    body = _body(html)
    return list(sections(_pieces(body), address)) if body else []


def is_disambiguation_page(html: str | bytes) -> bool:
    """Whether a rendered page says of itself that it only tells apart what shares a name."""
    from selectolax.lexbor import LexborHTMLParser

    return LexborHTMLParser(html).css_first(_DISAMBIGUATION) is not None


def _body(html: str | bytes) -> LexborNode | None:
    """The element that holds the article, without what is dropped."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(html)
    for node in tree.css(_FORMULAS):
        tex = node.css_first("annotation")
        node.replace_with(f" {formula(tex.text())} " if tex else "")
    for node in tree.css(_DROPPED):
        node.decompose()
    return next((found for name in _BODIES if (found := tree.css_first(name))), None)


def _pieces(body: LexborNode) -> Iterator[tuple[Outline, str]]:
    """Each stretch between two headings with where it stands."""
    outline = Outline()
    words: list[str] = []
    for kind, value, anchor in _walk(body):
        if kind:
            yield outline, "".join(words)
            words = []
            # The page's own title is no section.
            if kind > 1:
                outline.enter(kind, " ".join(value.split()), anchor)
        else:
            words.append(value)
    yield outline, "".join(words)


def _walk(body: LexborNode) -> Iterator[tuple[int, str, str]]:
    """In reading order: (level, title, anchor) of a heading, (0, words, "") of text."""
    # A list of what is still to be read, since pages nest deeper than Python calls may.
    waiting: list[LexborNode | str] = [body]
    before = ""
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            before = node or before
            yield 0, node, ""
            continue
        tag = node.tag or ""
        if node.is_text_node:
            before = (node.text_content or "").replace("\n", " ") or before
            yield 0, (node.text_content or "").replace("\n", " "), ""
        elif tag in _HEADINGS:
            yield _HEADINGS[tag], node.text(), _anchor(node)
        elif tag in _SCRIPTS and len(words := node.text()) <= _LONGEST_SCRIPT:
            after = node.next.text() if node.next else ""
            before = raised(words, before) if tag == "sup" else lowered(words, before, after)
            yield 0, before, ""
        elif node.is_element_node:
            before, after = _AROUND.get(tag, ("", ""))
            waiting += [after, *reversed(list(node.iter(include_text=True))), before]


def _anchor(heading: LexborNode) -> str:
    """A heading's own anchor: its id, or that of the element inside it, as older MediaWiki writes it."""
    own = heading.attributes.get("id")
    if own:
        return own
    inner = heading.css_first(".mw-headline[id], [id]")
    return (inner.attributes.get("id") or "") if inner else ""
