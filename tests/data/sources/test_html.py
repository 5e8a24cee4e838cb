import pytest

from data.sources.html import is_disambiguation_page, read_html

# As MediaWiki 1.39 renders, in shapes of its own: edit links, references, a hatnote, an infobox, a formula, a gallery.
CLASSIC = """<html><head><title>Tide</title><style>p{}</style></head><body><h1 id="firstHeading">Tide</h1>
<div id="mw-content-text"><div class="mw-parser-output">
<div role="note" class="hatnote">For other uses, see Tide (disambiguation).</div>
<table class="infobox"><tr><th>Cause</th><td>Moon</td></tr></table>
<p><span id="coordinates">Coordinates: 1°N 2°E</span></p>
<p><b>Tides</b> are the rise and fall of the <a href="/sea">sea</a>.<sup class="reference"><a>[1]</a></sup>
They come in about 12 hours<sup class="noprint Inline-Template">[citation needed]</sup> and 10<sup>6</sup> waves.</p>
<div id="toc" class="toc"><ul><li>1 History of the long study of tides</li></ul></div>
<h2><span class="mw-headline" id="History">History</span><span class="mw-editsection">[edit]</span></h2>
<div class="thumb"><div class="thumbcaption">A picture of a very high tide.</div></div>
<p>Seleucus thought of the Moon, as <span class="mwe-math-element"><math><mi>F</mi>
<annotation>{\\displaystyle F}</annotation></math></span> shows.</p>
<h3><span class="mw-headline" id="Newton">Newton</span></h3>
<ul><li>Newton explained tides by the product of gravity</li><li>Short one</li></ul>
<blockquote>The sea swells under the Moon.</blockquote>
<h2><span class="mw-headline" id="Newton_2">Newton</span></h2><p>A second one.</p>
<h2><span class="mw-headline" id="References">References</span></h2><p>Book of tides.</p>
<h3><span class="mw-headline" id="Web">Web</span></h3><p>A site about tides.</p>
<div class="navbox">Physical oceanography of the world and all its seas</div>
</div></div><div id="catlinks" class="catlinks">Tides of the whole world today</div>
<script>alert(1)</script></body></html>"""
# As Parsoid and mwoffliner do: sections, headings with ids of their own, collapsed blocks.
MODERN = """<body><main><section data-mw-section-id="0"><p>Tides rise.</p></section>
<details data-level="2" open><summary class="section-heading"><h2 id="History">History</h2></summary>
<div class="mw-heading mw-heading3"><h3 id="Isaac_Newton">Isaac <i>Newton</i></h3></div>
<p>He said so.</p></details></main>
<footer class="zim-footer">This article is issued from Wikipedia.</footer></body>"""


def test_prose_by_section_and_nothing_else():
    found = [(section.title, section.text, section.url) for section in read_html(CLASSIC, "https://w/Tide")]
    assert found == [
        ("", "Tides are the rise and fall of the sea. They come in about 12 hours and 10^6 waves.", "https://w/Tide"),
        ("History", "Seleucus thought of the Moon, as F shows.", "https://w/Tide#History"),
        (
            "History & Newton",
            "Newton explained tides by the product of gravity.\nThe sea swells under the Moon.",
            "https://w/Tide#Newton",
        ),
        ("Newton", "A second one.", "https://w/Tide#Newton_2"),
    ]


@pytest.mark.parametrize("colon", [":", ": ", "：", ":<sup class=reference>[1]</sup>"])
def test_a_paragraph_that_a_list_follows_keeps_its_colon(colon):
    item = "<li>The first of them is the tide"
    (section,) = read_html(f"<p>It has two concepts{colon}</p><ul>{item}</ul>", "a")
    assert section.text == f"It has two concepts{colon.strip()[0]}\nThe first of them is the tide."


def test_newer_pages_have_the_same_sections():
    found = [(section.title, section.text, section.url) for section in read_html(MODERN.encode(), "u")]
    assert found == [("", "Tides rise.", "u"), ("History & Isaac Newton", "He said so.", "u#Isaac_Newton")]


@pytest.mark.parametrize(
    "html", ["", "<", "no tags at all, but words.", "<p>", b"\xff\xfe\x00", "<table>" * 2_000, "\x00"]
)
def test_what_is_hardly_html_is_read_without_complaint(html):
    assert len(read_html(html, "u")) <= 1


def test_deep_nesting_does_not_end_the_program():
    assert isinstance(read_html("<div>" * 5_000 + "Deep down it says so." + "</div>" * 5_000, "u"), list)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<div id="disambigbox">x</div>', True),
        ('<meta property="mw:PageProp/disambiguation"><p>x', True),
        ("<p>This is disambiguation.</p>", False),
    ],
)
def test_pages_that_tell_names_apart(html, expected):
    assert is_disambiguation_page(html) is expected


def test_what_is_raised_or_lowered_makes_no_other_number():
    page = "<p>10<sup>3n</sup>, 2<sup>1/2</sup>, 101<sub>2</sub>, CO<sub>2</sub>, x<sup>2</sup>, 4<sup>th</sup>.</p>"
    assert read_html(page, "a")[0].text == "10^(3n), 2^(1/2), 101_2, CO2, x^2, 4th."
