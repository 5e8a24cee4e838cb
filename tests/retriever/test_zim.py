import html
import sys

import pytest

from benchmarks.zim_files import METADATA, HtmlPage, page_html, write_zim
from core.deadline import Deadline
from data.sources import PageError, SourceError, SourceOptions, open_source
from data.sources.zim import open_zim
from retriever.article_plan import ArticlePlan, is_live
from retriever.articles import ArticleCorpus
from retriever.cache import Cache
from retriever.registry import KINDS, plan_corpus
from retriever.zim import ZimLibrary

BODIES = {
    "Tide": '<p>Tides are the rise and fall of the sea.</p><h2 id="History">History</h2><p>Seleucus thought that the '
    'Moon pulls the water.</p><h3 id="Newton">Newton</h3><p>Newton explained tides by gravity.</p>',
    "Moon": "<p>The Moon is the only natural satellite of Earth.</p>",
    "AC/DC": "<p>AC/DC are a rock band from Australia.</p>",
    "Mercury": '<p>Mercury may be a planet or a metal.</p><div id="disambigbox">x</div>',
    "Mercury (disambiguation)": "<p>Mercury may be much else.</p>",
}
PAGES = [
    HtmlPage(title.replace(" ", "_"), title, page_html(html.escape(title), body)) for title, body in BODIES.items()
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zim")
    redirects = {"Ebb and flow": "Tide"}
    return {
        "full": write_zim(folder / "full.zim", PAGES, redirects),
        "titles": write_zim(folder / "titles.zim", PAGES, redirects, full_text=False),
        "other": write_zim(folder / "other.zim", PAGES, metadata={"Title": "Notes", "License": "CC0"}),
        "empty": write_zim(folder / "empty.zim", []),
    }


@pytest.fixture(params=["full", "titles"])
def library(request, files):
    return ZimLibrary(f"zim:{files[request.param]}", files[request.param])


def titles(library, question):
    return [candidate.title for candidate in library.find(question, len, Deadline(9))[0]]


def test_articles_are_found_by_title_with_and_without_full_text(library):
    candidates, note = library.find("Why does the tide rise?", len, Deadline(9))
    tide = {candidate.title: candidate for candidate in candidates}["Tide"]
    assert (tide.matched, tide.introduction, note) == (1, "Tides are the rise and fall of the sea.", "")
    assert "AC/DC" in titles(library, "Where are AC/DC from?")


def test_redirects_lead_to_their_article_and_disambiguation_pages_nowhere(library):
    assert titles(library, "What is ebb and flow?") == ["Tide"]
    assert not {"Mercury", "Mercury (disambiguation)"} & set(titles(library, "What is Mercury, a planet or a metal?"))


def test_the_full_text_index_finds_what_no_title_says(files):
    library = ZimLibrary("zim:x", files["full"])
    assert titles(library, "Which band comes from Australia?") == ["AC/DC"]
    assert titles(library, "Who was Seleucus?") == ["Tide"]


def test_passages_are_read_and_link_to_the_wiki(files, tiny_encoder, tmp_path):
    corpus = ArticleCorpus(tiny_encoder, ZimLibrary("zim:x", files["full"]), Cache(tmp_path / "c.sqlite"))
    hits = {hit.passage.section: hit.passage for hit in corpus.search("Who explained the tide by gravity?", 4)}
    assert hits["History & Newton"].text == "Newton explained tides by gravity."
    assert hits["History & Newton"].url == "https://en.wikipedia.org/wiki/Tide#Newton"


def test_the_card_says_what_the_file_says(files):
    card = ArticlePlan.of(f"zim:{files['full']}").card()
    assert card["date"] == METADATA["Date"] and card["licence"] == "CC BY-SA 4.0" and card["passages"] == 0
    assert card["source"].startswith(METADATA["Title"]) and "articles" in card["source"]
    other = ZimLibrary("zim:x", files["other"]).card()
    assert other["source"].startswith("Notes") and other["licence"] == "CC0" and other["date"] == ""


def test_a_file_of_another_wiki_links_to_itself(files):
    source = open_source(f"zim:{files['other']}")
    urls = {passage.url for record in source.records() for passage in source.passages(record)}
    assert f"{files['other'].resolve().as_uri()}#AC/DC" in urls


def test_the_kinds_are_known_where_indexes_are_named(files):
    assert "zim:FILE.zim" in KINDS and "wikipedia[:LANGUAGE]" in KINDS
    assert plan_corpus(f"zim:{files['full']}").card()["index"] == f"zim:{files['full']}"
    assert not is_live(f"zim:{files['full']}") and is_live("wikipedia") and is_live("mediawiki:https://x.org/api.php")


def test_all_articles_are_built_from(files):
    source = open_source(f"zim:{files['full']}", SourceOptions(words=100))
    records = list(source.records())
    passages = [passage for record in records for passage in source.passages(record)]
    assert {passage.title for passage in passages} == {"Tide", "Moon", "AC/DC"}
    assert [passage.section for passage in passages if passage.title == "Tide"] == ["", "History", "History & Newton"]
    assert (source.name, source.licence) == (METADATA["Title"], "CC BY-SA 4.0")
    assert [record.number for record in source.records(3)] == [record.number for record in records[3:]]


def changed(file, target, change):
    content = bytearray(file.read_bytes())
    change(content)
    target.write_bytes(content)
    return target


def flip(content):
    content[len(content) // 2] ^= 0x10


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda files, folder: folder / "none.zim", "there is no file"),
        (lambda files, folder: folder, "there is no file"),
        (lambda files, folder: changed(files["full"], folder / "a.zim", lambda c: c.__delitem__(slice(4_000, None))),
         "no whole ZIM file|damaged|cannot be read"),
        (lambda files, folder: changed(files["full"], folder / "b.zim", flip), "damaged"),
        (lambda files, folder: changed(files["full"], folder / "c.zim", lambda c: c.__setitem__(slice(4), b"PK\3\4")),
         "no whole ZIM file"),
        (lambda files, folder: changed(files["full"], folder / "d.zim", lambda c: c.clear()), "no whole ZIM file"),
        (lambda files, folder: files["empty"], "holds no articles"),
    ],
)  # fmt: skip
def test_what_is_no_whole_zim_file_is_one_line(files, tmp_path, make, said):
    path = make(files, tmp_path)
    with pytest.raises(SourceError, match=said) as raised:
        ZimLibrary(f"zim:{path}", path)
    assert "\n" not in str(raised.value)
    if said != "holds no articles":
        with pytest.raises(SourceError, match=said):
            list(open_source(f"zim:{path}").records())


def test_a_file_in_parts_is_read_where_they_all_are(files, tmp_path):
    content = files["full"].read_bytes()
    half = len(content) // 2
    (tmp_path / "x.zimaa").write_bytes(content[:half])
    with pytest.raises(SourceError, match="Its parts"):
        ZimLibrary("zim:x", tmp_path / "x.zim")
    (tmp_path / "x.zimab").write_bytes(content[half:])
    for name in ("x.zim", "x.zimaa"):
        assert "Tide" in titles(ZimLibrary("zim:x", tmp_path / name), "Why does the tide rise?")


def test_a_page_that_is_too_large_is_skipped_and_told(files, monkeypatch):
    from data.sources import zim

    monkeypatch.setattr(zim, "LARGEST_PAGE", 420)
    source = open_source(f"zim:{files['full']}")
    problems = [record for record in source.records() if record.problem]
    assert problems and "more than 420" in problems[0].problem
    with pytest.raises(PageError, match="more than 420"):
        source.passages(problems[0])


def test_without_libzim_the_cure_is_said(files, monkeypatch):
    monkeypatch.setitem(sys.modules, "libzim.reader", None)
    with pytest.raises(SourceError, match="reading ZIM files needs a package.*pip install -r requirements.txt"):
        open_zim(files["full"])
