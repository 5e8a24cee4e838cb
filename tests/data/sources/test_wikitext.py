import pytest

from data.sources.wikitext import is_disambiguation, read_page, read_sections


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
        ("Tea is hot. {{broken|[[text", "Tea is hot."),
        ("Tea is hot. {{Infobox\n|a={{b\n|c=d}}\n\nMilk is white.", "Tea is hot. Milk is white."),
        ("Tea is hot. [[Fájl:a.jpg|thumb|Never closed\n\nMilk is white.", "Tea is hot. Milk is white."),
        ("[[Tea (drink)|]], [[wikt:cup|]] and [[milk|]] are words.", "Tea, cup and milk are words."),
        ("The method __init__ is Python. __NOTOC__ __INHALTSVERZEICHNIS__", "The method __init__ is Python."),
        ("<poem>\nRoses are red,\nviolets are blue.\n</poem>", "Roses are red, violets are blue."),
        ("A so&shy;ft hy\u00adphen and a\ufeff mark.", "A soft hyphen and a mark."),
        ("Half &#xD83D; a sign and <s>no</s> <strike>none</strike>.", "Half \ufffd a sign and."),
        ("A rise of 10<sup>3n</sup> and 2<sup>1/2</sup>, Ca<sup>2+</sup>.", "A rise of 10^(3n) and 2^(1/2), Ca^2+."),
        ("The 4<sup>th</sup> M<sup>lle</sup> Roe<sup>[1]</sup>, ''e''<sup>x</sup>.", "The 4th Mlle Roe, e^x."),
        ("It is 101<sub>2</sub>, log<sub>2</sub>8 of H<sub>2</sub>O.", "It is 101_2, log_2 8 of H2O."),
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


def test_the_address_of_a_heading_has_no_mark_of_what_is_raised():
    assert [(part.path, part.anchor) for part in read_page("== The CO<sup>2</sup> ==\nIt is.")] == [
        ("The CO^2", "The_CO2")
    ]


def test_items_among_sources_stay_where_they_tell_something():
    text = (
        "== Sources ==\n* The first source lies in a cave and gives cold water.\n"
        "* Roe, Ada. The rivers of the whole world in pictures. London.\n"
        "* ''The rivers of the world'' is a book about the rivers of all lands.\n"
        "* The rivers were drawn on maps by many people in 1901.\n"
        "* Une source très longue qui parle de tout\n* [http://a.b A site that tells of all the rivers there are.]"
    )
    assert prose(text) == "The first source lies in a cave and gives cold water."


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


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("The ''Hood'''s guns and ''Ark'''s planes.", "The Hood's guns and Ark's planes."),
        ("L'''Été'' et l'''Hiver'' sont.", "L'Été et l'Hiver sont."),
        ("'''B'''lue '''W'''hale, '''''both''''' and rock 'n' roll.", "Blue Whale, both and rock 'n' roll."),
        ("''''quoted'''' words.", "'quoted' words."),
        ("The &lt;br&gt; tag and <code>Map&lt;K,V&gt;</code>.", "The <br> tag and Map<K,V>."),
        ("Write &amp;lt; or <nowiki>[[x]] ''y''</nowiki> and {{=}}.", "Write &lt; or [[x]] ''y'' and =."),
        ("Read [[A&nbsp;b]] now.", "Read A b now."),
        ("Tea.<ref>A book</ref It is hot.", "Tea. It is hot."),
        ('Tea.<ref name="a" group=b/ {{cite book|x}} It is hot.', "Tea. It is hot."),
        ("Tea is hot.<ref>A book without an end\nMilk is white.", "Tea is hot. Milk is white."),
        ("Tea is hot.\n{| class=x\n! a\n| b || c\n\nMilk is white.", "Tea is hot. Milk is white."),
        ("Tea is hot.<!-- libel\n\nSecret.", "Tea is hot."),
        ("Tea is hot.\n[[nl:Thee]]\n[[zh-min-nan:Tê]]", "Tea is hot."),
        ("お茶は熱い。\n牛乳は白い", "お茶は熱い。 牛乳は白い。"),
    ],
)
def test_broken_and_shown_markup(markup, words):
    assert prose(markup) == words


def test_sections_within_a_block_are_sections():
    text = (
        "<center>\nLead.\n== Use ==\nDaily.\n</center>\n<div class='x'>\n== References ==\n* one source of it all here"
    )
    assert [path for path, _ in read_sections(text + "\n</div>\n== End ==\nOver.")] == ["", "Use", "End"]


@pytest.mark.parametrize(
    "heading",
    ["Ligações externas", "Przypisy", "Zie ook", "Notes et références", "Externí odkazy", "関連項目", "参考资料",
     "Viitteet", "External links and references", "Referencias y notas", "Ссылки"],
)  # fmt: skip
def test_lists_of_sources_go_in_other_languages_too(heading):
    text = f"Lead.\n== {heading} ==\n* a very long list entry with many words\n== Use ==\nDaily."
    assert [path for path, _ in read_sections(text)] == ["", "Use"]


@pytest.mark.parametrize("heading", ["Literature", "Sources", "Quellen", "Literatura", "Bibliographie"])
def test_prose_under_a_name_that_may_mean_sources_is_kept(heading):
    text = f"== {heading} ==\nThe river rises from two springs.\n* Roe, A. (2001). Tea in the Alps of the north.\n"
    assert list(read_sections(text)) == [(heading, "The river rises from two springs.")]


def test_links_to_elsewhere_in_a_list_go_whatever_the_heading():
    assert list(read_sections("== Whatever ==\n* [http://x.y A site with many words in its name]")) == []


def test_anchors_are_as_mediawiki_makes_them():
    text = "== R & D ==\nOne.\n== References ==\n== Uses ==\nTwo.\n== uses ==\nThree.\n=== [[Tea]] ''x'' ===\nFour."
    assert [section.anchor for section in read_page(text)] == ["R_&_D", "Uses", "uses_2", "Tea_x"]


@pytest.mark.parametrize(
    "name",
    ["disambiguation cleanup|date=May 2020", "Hndis|name=x", "Letter–number combination disambiguation", "Homonymie",
     "Desambiguación", "многозначность", "Airport disambiguation", "geodis", "曖昧さ回避"],
)  # fmt: skip
def test_kinds_of_disambiguation(name):
    assert is_disambiguation(f"A may be:\n* one\n{{{{{name}}}}}")


def test_a_note_that_a_link_is_ambiguous_is_no_disambiguation():
    assert not is_disambiguation("Tea{{disambiguation needed|date=May 2020}} is hot.")


@pytest.mark.parametrize(
    "unit", ["x{{a}} ", "<ref>", "<nowiki>", "<!--", "-{a:b;", "(", "''a'''", "&lt;", "[[", "<div>", "<ref a=b/ "]
)
def test_broken_markup_takes_no_more_time_than_its_length_asks_for(unit):
    list(read_sections(unit * (20_000 // len(unit)) + " end."))
