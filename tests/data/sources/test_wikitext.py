import pytest

from data.sources.wikitext import is_disambiguation, read_sections


def prose(text: str) -> str:
    return " ".join(" ".join(words for _, words in read_sections(text)).split())


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("'''Tea''' is a ''drink''.", "Tea is a drink."),
        ("A [[cup of tea|cup]] of [[tea]].", "A cup of tea."),
        ("See [https://example.org the page] now.", "See the page now."),
        ('Hot.<ref name="a">{{cite|x}}</ref> Cold.<ref name="a" /> Warm.', "Hot. Cold. Warm."),
        ("Old {{citation needed|date=May 2016}} tea.", "Old tea."),
        ("It is {{convert|160|cm|in|abbr=on}} tall.", "It is 160 cm tall."),
        ("The word {{lang|fr|thé}} is French.", "The word thé is French."),
        ('Before.\n{| class="wikitable"\n! a\n|-\n| b\n|}\nAfter.', "Before. After."),
        ("[[File:Tea.jpg|thumb|A [[cup]] of tea]]Tea is hot.", "Tea is hot."),
        ("Tea is hot.\n[[Category:Drinks]]", "Tea is hot."),
        ("Tea is <!-- very --> hot.", "Tea is hot."),
        ("Milk &amp; tea&nbsp;leaves &ndash; hot.", "Milk & tea leaves – hot."),
        ("* Tea is grown in many warm countries\n* Green", "Tea is grown in many warm countries."),
        ("Density: 10<sup>3</sup> kg and H<sub>2</sub>O.", "Density: 10^3 kg and H2O."),
        ("''Unclosed italics.\n\nThey end with the line.", "Unclosed italics. They end with the line."),
        ("<gallery>\nA.jpg|One\n</gallery>Done.", "Done."),
        ("<math>x^2</math>", ""),
        ("__NOTOC__\n{{Infobox|name=[[x]]}}", ""),
        ("{{broken|[[text", "broken|text."),
    ],
)
def test_markup_becomes_the_words_that_a_reader_sees(markup, words):
    assert prose(markup) == words


def test_sections_carry_the_path_of_their_headings():
    text = "Lead.\n== Use ==\nDaily.\n=== In ''Asia'' ===\nGreen.\n==== Japan ====\nPowder.\n=== Europe ===\nBlack."
    text += "\n== Trade ==\nShips."
    assert [path for path, _ in read_sections(text)] == [
        "",
        "Use",
        "Use & In Asia",
        "Use & In Asia & Japan",
        "Use & Europe",
        "Trade",
    ]


def test_sections_that_list_sources_go_with_all_below_them():
    text = "Lead.\n==Notes==\nOne long note here.\n===Details===\nAnother long note here.\n==Use==\nDaily."
    assert [path for path, _ in read_sections(text)] == ["", "Use"]


def test_a_quote_that_never_closes_swallows_no_heading():
    text = "A ''title\n==Use==\nDaily.\n==Trade''==\nShips."
    assert [path for path, _ in read_sections(text)] == ["", "Use", "Trade"]


def test_files_are_hidden_in_the_wikis_own_language():
    text = "[[Файл:Чай.jpg|мини|Чаша]]Чаят е напитка."
    assert list(read_sections(text, {"файл"})) == [("", "Чаят е напитка.")]


@pytest.mark.parametrize(
    ("text", "title", "answer"),
    [
        ("A may be: {{disambiguation}}", "A", True),
        ("A may be: {{Geodis}}", "A", True),
        ("{{Пояснение}}", "А", True),
        ("Anything", "Austin (disambiguation)", True),
        ("__DISAMBIG__", "A", True),
        ("{{For|others|A (disambiguation)}} A is a letter.", "A", False),
    ],
)
def test_disambiguation_pages_are_told(text, title, answer):
    assert is_disambiguation(text, title) is answer
