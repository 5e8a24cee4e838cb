"""Live search against a real MediaWiki, from Debian's packages, on loopback."""

import subprocess

import pytest

from benchmarks.mediawiki import build, running, why_not
from benchmarks.zim_files import page_html
from core.deadline import Deadline
from data.sources.html import read_html
from retriever.articles import ArticleCorpus
from retriever.live.client import WikiClient
from retriever.live.library import WikiLibrary
from retriever.live.wiki import parse_wiki
from retriever.zim import ZimLibrary

PAGES = {
    "Tide": "'''Tides''' are the rise and fall of the [[sea]], at most {{convert|16|m}} high.<ref>Book</ref>\n"
    "{{main|Theory of tides}}\n== History ==\n{| class=wikitable\n| a table\n|}\n"
    "Seleucus thought that the Moon pulls the water.\n=== Newton ===\n"
    "Newton explained tides by gravity, <math>F=m_{1}</math> in his words.\n\n"
    "* A list item that is long enough\n* short\n"
    "== References ==\n<references/>",
    "Ebb and flow": "#REDIRECT [[Tide]]",
    "Moon": "The Moon is the only natural satellite of Earth.",
    'AC/DC & "C++"?': "A page whose title has odd characters, about amplifiers.",
    "Template:Convert": "{{{1}}} {{{2}}}",
    "Template:Main": '<div role="note" class="hatnote">Main article: [[{{{1}}}]]</div>',
}
EXPECTED = {
    "": "Tides are the rise and fall of the sea, at most 16 m high.",
    "History": "Seleucus thought that the Moon pulls the water.",
    "History & Newton": "Newton explained tides by gravity, F=m_1 in his words. A list item that is long enough.",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    if problem := why_not():
        pytest.fail(problem)
    return build(tmp_path_factory.mktemp("mediawiki") / "wiki", pages=PAGES)


@pytest.fixture(scope="module")
def api(folder):
    with running(folder) as wiki:
        yield wiki.api


@pytest.fixture
def make(cache, tiny_encoder):
    def corpus(api):
        wiki = parse_wiki(f"mediawiki:{api}")
        return ArticleCorpus(tiny_encoder, WikiLibrary(wiki, WikiClient(wiki), cache), cache, seconds=60)

    return corpus


def test_an_article_is_found_by_title_redirect_and_words_and_read_by_section(make, api):
    corpus = make(api)
    for question in ("Why does the tide rise?", "What is ebb and flow?", "What did Seleucus think?"):
        found = [hit.passage for hit in corpus.search(question, 9)]
        passages = {passage.section: passage for passage in found if passage.title == "Tide"}
        assert {section: passage.text for section, passage in passages.items()} == EXPECTED
    newton = passages["History & Newton"].url
    assert newton.startswith(f"{api.removesuffix('/api.php')}/index.php?title=Tide&oldid=") and newton.endswith(
        "#Newton"
    )
    assert corpus.library.client.requests <= 3 * 6


def test_other_forms_of_a_word_are_found_though_the_wiki_knows_no_stems(make, api):
    assert make(api).search("Who was explaining anything gravitational?", 1)[0].passage.title == "Tide"


def test_a_title_with_odd_characters(make, api):
    passage = make(api).search("What is about amplifiers?", 1)[0].passage
    assert passage.title == 'AC/DC & "C++"?' and "title=AC/DC_%26_%22C%2B%2B%22%3F&oldid=" in passage.url


def test_the_card_counts_articles_and_names_the_licence(make, api):
    corpus = make(api)
    corpus.search("What is the Moon?", 1)
    assert corpus.card()["licence"] == "CC BY-SA 4.0" and "articles" in corpus.card()["source"]


def test_without_textextracts_the_same_is_read_from_html(make, folder):
    with running(folder, extracts=False) as wiki:
        hits = make(wiki.api).search("Why does the tide rise?", 9)
    found = {hit.passage.section: hit.passage.text for hit in hits if hit.passage.title == "Tide"}
    assert found == EXPECTED


def test_a_zim_file_made_by_zimwriterfs_has_the_same_passages(api, tmp_path):
    import json
    from urllib.request import urlopen

    asked = "?action=parse&page=Tide&prop=text&format=json&formatversion=2"
    with urlopen(api + asked, timeout=60) as answer:
        html = json.loads(answer.read())["parse"]["text"]
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "Tide.html").write_text(page_html("Tide", html), encoding="utf-8")
    (pages / "icon.png").write_bytes(_png())
    file = tmp_path / "made.zim"
    done = subprocess.run(
        ["zimwriterfs", "-w", "Tide.html", "-I", "icon.png", "-l", "eng", "-t", "Tides", "-d", "Tides",
         "-c", "Test", "-p", "Test", "-n", "tides", "pages", str(file)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    library = ZimLibrary(f"zim:{file}", file)
    candidates, _ = library.find("Why does the tide rise?", len, Deadline(9))
    passages = library.read(candidates[0], Deadline(9))
    assert {passage.section: passage.text for passage in passages} == EXPECTED
    assert [section.title for section in read_html(html, "u")] == list(EXPECTED)


def _png() -> bytes:
    """A picture of 48 by 48 points, which zimwriterfs asks for."""
    import struct
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = zlib.compress((b"\0" + b"\xff" * 48) * 48)
    head = struct.pack(">IIBBBBB", 48, 48, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
