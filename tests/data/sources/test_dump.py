import bz2
import re

import pytest

from data.sources import PageError, SourceError, open_source

PAGE = """<page><title>{title}</title><ns>{ns}</ns><id>{id}</id>{redirect}<revision><id>1</id><model>wikitext</model>
<format>text/x-wiki</format><text xml:space="preserve">{text}</text></revision></page>"""
HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/" xml:lang="de"><siteinfo><sitename>W</sitename>
<dbname>dewiki</dbname><base>https://de.wikipedia.org/wiki/Hauptseite</base><generator>G</generator>
<case>first-letter</case><namespaces><namespace key="0" case="first-letter" />
<namespace key="6" case="first-letter">Datei</namespace></namespaces></siteinfo>"""


def page(number: int, title: str, text: str, ns: int = 0, redirect: str = "") -> str:
    return PAGE.format(title=title, ns=ns, id=number, redirect=redirect, text=text)


PAGES = [
    page(10, "Tee", "Tee ist heiß.\n==Sorten==\nGrün.\n==Handel==\nSchiffe.\n==Sorten==\nSchwarz."),
    page(11, "Te", "#REDIRECT [[Tee]]", redirect='<redirect title="Tee" />'),
    page(12, "Diskussion:Tee", "Warum?", ns=1),
    page(13, "Tee (Begriffe)", "Tee ist: {{Begriffsklärung}}"),
    "<page><title>Kaputt</title><ns>0</ns><id>x</id></page>",
    page(14, "Leer", ""),
    page(15, "Kaffee/Filter", "[[Datei:K.jpg|mini|Bild]]Kaffee ist schwarz."),
]


@pytest.fixture
def dump(tmp_path):
    path = tmp_path / "dewiki.xml.bz2"
    path.write_bytes(bz2.compress((HEAD + "".join(PAGES) + "</mediawiki>").encode()))
    return path


def read(spec: str, start: int = 0):
    source = open_source(spec)
    passages, skipped = [], []
    for record in source.records(start):
        try:
            passages += source.passages(record)
        except PageError:
            skipped.append(record.title)
    return passages, skipped


def test_articles_with_sections_and_addresses(dump):
    passages, _ = read(f"dump:{dump}")
    assert [(p.id, p.section, p.text) for p in passages] == [
        ("10.0", "", "Tee ist heiß."),
        ("10.1", "Sorten", "Grün."),
        ("10.2", "Handel", "Schiffe."),
        ("10.3", "Sorten", "Schwarz."),
        ("15.0", "", "Kaffee ist schwarz."),
    ]
    assert passages[1].url == "https://de.wikipedia.org/wiki/Tee#Sorten"
    assert passages[3].url == "https://de.wikipedia.org/wiki/Tee#Sorten_2"
    assert passages[4].url == "https://de.wikipedia.org/wiki/Kaffee/Filter"


def test_broken_pages_are_named_and_the_rest_is_read(dump):
    assert read(f"dump:{dump}")[1] == ["page 5", "Leer"]


def test_reading_goes_on_in_the_middle(dump):
    whole, _ = read(f"dump:{dump}")
    assert read(f"dump:{dump}", 1)[0] == whole[4:]
    assert read(f"dump:{dump}", 7)[0] == []


def test_a_truncated_dump_says_so(dump):
    dump.write_bytes(dump.read_bytes()[:-40])
    with pytest.raises(SourceError, match="ends in the middle.*download it again"):
        read(f"dump:{dump}")


@pytest.mark.parametrize("content", [b"no bz2 at all", bz2.compress(b"<html></html>"), bz2.compress(b"<mediawiki>&&")])
def test_what_is_no_dump_is_refused(dump, content):
    dump.write_bytes(content)
    with pytest.raises(SourceError, match=r"damaged|no MediaWiki dump"):
        read(f"dump:{dump}")


def test_a_missing_dump_is_refused():
    with pytest.raises(SourceError, match=r"there is no dump /no/such.xml.bz2"):
        read("dump:/no/such.xml.bz2")


@pytest.mark.assets
def test_the_real_english_dump(dumps):
    passages, skipped = read(f"dump:{dumps['english']}")
    titles = {passage.title for passage in passages}
    assert not skipped and len(titles) == 98 and len(passages) > 4400
    assert {"Aristotle", "Albedo", "Apollo 11"} <= titles
    assert not {"AccessibleComputing", "Austin (disambiguation)", "Ada"} & titles
    ethics = [p for p in passages if p.title == "Aristotle" and p.section.endswith("Ethics")]
    assert ethics and all(p.url == "https://en.wikipedia.org/wiki/Aristotle#Ethics" for p in ethics)
    markup = re.compile(r"\[\[|\]\]|\{\{|\}\}|''|<[a-z/]|\|\||&[a-z]+;|==|thumb\||style=|File:|Category:")
    assert [passage.id for passage in passages if markup.search(passage.text)] == []
    assert len({passage.id for passage in passages}) == len(passages)


@pytest.mark.assets
def test_the_real_bulgarian_dump(dumps):
    passages, skipped = read(f"dump:{dumps['bulgarian']}")
    assert not skipped and {passage.title for passage in passages} == {"Григориански календар"}
    assert passages[0].text.startswith("Григорианският календар")
    assert passages[0].url.startswith("https://bg.wikipedia.org/wiki/%D0%93")


@pytest.mark.parametrize(
    ("main", "address"),
    [
        ("https://de.wikipedia.org/wiki/Hauptseite", "https://de.wikipedia.org/wiki/Tee_%26_Milch%3F#A_%26_b_2"),
        (
            "http://wiki.local/w/index.php?title=Main_Page",
            "http://wiki.local/w/index.php?title=Tee_%26_Milch%3F#A_%26_b_2",
        ),
        ("http://wiki.local/index.php/Main_Page", "http://wiki.local/index.php/Tee_%26_Milch%3F#A_%26_b_2"),
    ],
)
def test_addresses_follow_the_wikis_own(tmp_path, main, address):
    head = HEAD.replace("https://de.wikipedia.org/wiki/Hauptseite", main)
    text = "== A &amp;amp; b ==\nEins.\n== a &amp; B ==\nZwei."
    path = tmp_path / "x.xml"
    path.write_text(head + page(1, "Tee &amp; Milch?", text) + "</mediawiki>")
    passages, _ = read(f"dump:{path}")
    assert passages[1].url.casefold() == address.casefold()


def test_numbers_are_grouped_as_the_wikis_language_does(dump):
    dump.write_bytes(
        bz2.compress((HEAD + page(1, "Tee", "Es sind {{formatnum:12345}} Sorten.") + "</mediawiki>").encode())
    )
    assert read(f"dump:{dump}")[0][0].text == "Es sind 12.345 Sorten."


CAFE = (HEAD + page(1, "Tee", "Tee ist heiß.") + page(2, "Café", "Kaffee ist kalt.") + "</mediawiki>").replace(
    "ß", "\xdf"
)


@pytest.mark.parametrize("encoding", ["cp1252", "iso-8859-1", "utf-16", "utf-8", "utf-8-sig"])
def test_a_dump_that_names_its_encoding_is_read(tmp_path, encoding):
    path = tmp_path / "a.xml"
    path.write_bytes((f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>' + CAFE).encode(encoding))
    passages, skipped = read(f"dump:{path}")
    assert [(each.title, each.text) for each in passages] == [("Tee", "Tee ist heiß."), ("Café", "Kaffee ist kalt.")]
    assert not skipped


def test_of_a_dump_in_another_encoding_pages_are_refused_that_cannot_be_read(tmp_path):
    path = tmp_path / "a.xml"
    pages = CAFE.replace("</mediawiki>", page(3, "Milch", "Milch ist weiss.") + "</mediawiki>")
    path.write_bytes(pages.encode("cp1252"))
    source = open_source(f"dump:{path}")
    records = list(source.records())
    assert [record.title for record in records] == ["Tee", "Caf\ufffd", "Milch"]
    for record, byte, before in zip(records[:2], ("DF", "E9"), ("Tee ist hei", "Caf"), strict=True):
        with pytest.raises(PageError, match=f'byte 0x{byte} after "{before}".*iconv.*encoding="windows-1252"'):
            source.passages(record)
    assert [each.text for each in source.passages(records[2])] == ["Milch ist weiss."]
