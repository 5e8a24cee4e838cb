"""The page's HTML: what is typed is shown and never run, scores keep their names, marks sit on the right sentences."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import pytest

from core.records import Answer, Found, Retrieved, Selection, Sentence
from core.settings import Settings
from data.passages import Passage
from ui import cards, passage_cards, status
from ui.asking import left_out
from ui.markup import safe_url
from ui.run_card import run_card
from ui.runs import Finished, RatingError, Runs, throttled

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "${alert(1)}",
    "\\u0041 \\x41 \\",
    "`${`${1}`}`",
    "{{value}} {{#each x}} @children",
    "\"' onmouseover=alert(1) x='",
    "</details></section><script>alert(1)</script>",
]


class Reader(HTMLParser):
    """What a browser would see: the text, the tags and their attributes."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.text, self.tags = "", []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def passage(number, title="Tide", text="One. Two.", url="https://en.wikipedia.org/wiki/Tide", section=""):
    return Passage(str(number), title, section, text, url)


def found(number=1, score=0.634, read_text=None, **fields):
    part = passage(number, **fields)
    return Found(number, part, score).as_read(part.text if read_text is None else read_text)


def judged(text, support, label, passage, evidence):
    kind = "lacking" if "passages don't" in text else "written"
    return Sentence(text, kind, (), support, label, passage, evidence)


def done(parts=(), question="Why?", score_name="cosine", low_scores=False, **fields):
    retrieved = Retrieved(question, tuple(parts), None, score_name, low_scores)
    return Answer(retrieved, stage="done", **{"text": "A b c.", "answerable": True} | fields)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_typed_everywhere(text):
    part = found(title=text, text=text, section=text)
    sentence = judged(text, 0.9, "supported", 1, text)
    shown = done([part], text, sentences=(sentence,), note=text, settings=Settings(generator=text))
    card = {"model": text, "source": text, "date": text, "passages": 3, "index": text}
    pieces = [
        cards.answer(shown),
        cards.answer(shown, "run"),
        run_card(shown, card, text),
        cards.answer(replace(shown, stage="writing")),
        cards.answer(replace(shown, stage="retrieving", retrieved=Retrieved(text))),
        cards.answer(shown, "run", withdrawn=text),
        passage_cards.more_passages(text, [part], text),
        status.status_kept(text, text),
        status.status("reading", heard=text),
        passage_cards.passages(shown),
        status.status_error(text),
        cards.header(card),
    ]
    for piece in pieces:
        reader = Reader(piece)
        assert text in reader.text
        assert not re.search(r"[$`\\{}]", piece)
        assert not [tag for tag, _ in reader.tags if tag in ("img", "script")]
        assert not [name for _, attributes in reader.tags for name in attributes if name.startswith("on")]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//host/x", "ftp://host/x", "", "http://["])
def test_only_web_addresses_become_links(url):
    assert safe_url(url) == ""
    assert "<a" not in passage_cards.passages(done(parts=(found(url=url),)))


def test_addresses_are_encoded_once():
    assert safe_url('https://host/a"b c<d>é') == "https://host/a%22b%20c%3Cd%3E%C3%A9"
    assert safe_url("https://host/AC%2FDC") == "https://host/AC%2FDC"


def test_scores_are_raw_and_named_and_cards_keep_the_search_order():
    parts = tuple(found(rank, score) for rank, score in [(1, 0.634), (2, 0.5), (3, -0.0123)])
    reader = Reader(passage_cards.passages(done(parts=parts)))
    assert [attributes["id"] for attributes in reader.all("details")] == ["passage-1", "passage-2", "passage-3"]
    assert re.findall(r"relevance (-?\d\.\d+)", reader.text) == ["0.63", "0.50", "-0.01"]
    assert re.findall(r"Relevance (-?\d\.\d+): cosine", reader.text) == ["0.634", "0.500", "-0.012"]
    assert [attributes["style"] for attributes in reader.all("i")] == ["width:63.4%", "width:50.0%", "width:0.0%"]


def test_what_says_only_that_there_is_no_answer_is_neither_counted_nor_traced_and_its_passages_are_closed():
    told = judged("The passages don't answer the question “Why?”", 0.0, "not supported", None, "")
    shown = done([found()], sentences=(told,), text=told.text, answerable=False)
    shown = replace(shown, retrieved=replace(shown.retrieved, selection=Selection("no", 0.1, 0.1, 0.1, ())))
    card = cards.answer(shown, "run")
    assert "Not answered." in card and 'class="tally"' not in card and "says what is missing" not in card
    for stage in ("reading", "done"):
        assert 'class="passages closed"' in passage_cards.passages(replace(shown, stage=stage))
    partly = replace(shown, sentences=(judged("A b.", 0.9, "supported", 1, "One."), told))
    card = cards.answer(partly, "run")
    assert 'class="tally"' in card and "says what is missing" in card
    assert 'class="passages"' in passage_cards.passages(partly)


def test_bars_of_scores_above_one_are_shares_of_the_best():
    parts = (found(1, 20.0), found(2, 5.0))
    page = passage_cards.passages(done(parts, score_name="BM25"))
    assert [attributes["style"] for attributes in Reader(page).all("i")] == ["width:100.0%", "width:25.0%"]
    assert "relevance 20.00" in Reader(page).text and "Relevance 20.000: BM25." in Reader(page).text
    assert "share of the best score here, 20.000" in page


def test_supporting_sentences_are_marked_with_the_numbers_they_support():
    part = found(text="One. Two. Three.")
    sentences = (
        judged("x", 0.9, "supported", 1, "Two."),
        judged("y", 0.1, "not supported", None, ""),
        judged("z", 0.7, "partly", 1, "Two."),
    )
    page = passage_cards.passages(done(parts=(part,), sentences=sentences))
    assert [(a["data-sentences"]) for a in Reader(page).all("mark")] == ["1 3"]
    assert re.findall(r"<mark[^>]*>(.*?)</mark>", page) == ["Two."]
    assert "used: sentences 1, 3" in page


def test_what_is_used_comes_first_and_what_is_not_is_folded_away():
    parts = (found(1, text="One."), found(2, text="Two."), found(3, text="Three."))
    sentences = (judged("x", 0.9, "supported", 2, "Two."),)
    page = passage_cards.passages(done(parts, sentences=sentences))
    assert [a["id"] for a in Reader(page).all("details") if "id" in a] == ["passage-2", "passage-1", "passage-3"]
    used, unused = page.split('<details class="unused">')
    assert "1 source used" in used and "2 more found, not used" in unused and 'id="passage-1"' in unused
    lacking = (judged("The passages don't say.", 0.1, "not supported", None, ""),)
    none = passage_cards.passages(done(parts, sentences=lacking))
    assert "3 passages found, none used" in none and "unused" not in none
    early = passage_cards.passages(replace(done(parts), stage="writing"))
    assert "3 passages found" in early and "not used" not in early


def test_only_what_stays_is_shown_while_an_answer_is_written():
    first = Sentence("It is so. ".strip())
    growing = replace(done((found(1),)), stage="writing", text="It is so. It may be. It mi", sentences=(first,))
    assert cards.written(growing) == "It is so."
    drafted = replace(growing, text="A draft that may give way.", sentences=())
    assert cards.written(drafted) == "" and "Writing the first sentence" in cards.answer(drafted)
    assert cards.written(replace(growing, text="One is. Two are. Three", sentences=())) == "One is."


def test_what_was_shown_and_is_no_part_of_the_answer_stays_readable():
    before = replace(
        done((found(1),)), stage="writing", text="It is so. It was. Mo", sentences=(Sentence("It is so."),)
    )
    before = replace(before, sentences=(Sentence("It is so."), Sentence("It was.")))
    after = done((found(1),), text="It is so.", sentences=(judged("It is so.", 0.9, "supported", 1, "x"),))
    assert left_out(before, after) == "It was." and left_out(before, before) == ""
    assert "left out:</b> It was." in cards.answer(after, "run", left_out(before, after))


def test_a_question_in_another_language_than_the_passages_is_told():
    parts = (found(1, text="The sea rises twice a day because of the Moon, and that is known to all of us."),)
    asked = "Warum steigt das Meer zweimal am Tag und wie ist das mit dem Mond?"
    text = Reader(cards.answer(done(parts, asked))).text
    assert "in German, the passages are in English" in text
    assert "in English" not in Reader(cards.answer(done(parts, "Why does the sea rise twice a day?"))).text


def test_each_sentence_carries_number_and_word():
    sentences = (
        judged("First one.", 0.9, "supported", 2, "x"),
        judged("Second one.", 0.7, "partly", 1, "y"),
        judged("Third one.", 0.0, "not supported", None, ""),
    )
    page = cards.answer(done(parts=(found(1), found(2)), sentences=sentences))
    reader = Reader(page)
    assert "First one. 2 supported" in reader.text
    assert "Second one. 1 partly" in reader.text
    assert "Third one. not supported" in reader.text
    cites = [attributes for attributes in reader.all("a") if "cite" in attributes["class"]]
    assert [attributes["href"] for attributes in cites] == ["#passage-2", "#passage-1"]
    assert "sentence 2 is partly supported by passage 1" in cites[1]["aria-label"]


def test_a_sentence_about_what_the_passages_lack_is_no_claim_without_support():
    sentences = (
        judged("The passages don't say why bees hum.", 0.2, "not supported", None, ""),
        judged("Bees hum in green.", 0.1, "not supported", None, ""),
        judged("Bees live in hives.", 0.9, "supported", 1, "x"),
    )
    text = "The passages don't say why bees hum. Bees hum in green. Bees live in hives."
    shown = replace(done(parts=(found(1),), sentences=sentences), text=text, answerable=False)
    text = Reader(cards.answer(shown)).text
    assert "why bees hum. says what is missing" in text and "in green. not supported" in text
    assert "No answer. The passages do not seem to hold it." in text and "Unbacked" not in text
    assert "1 of 3 sentences not found in a source" in Reader(cards.tally(shown)).text


@pytest.mark.parametrize(
    ("holds", "words"), [("full", "Answered."), ("part", "Partly answered."), ("no", "Not answered.")]
)
def test_whether_the_question_is_answered_is_said_apart_from_what_each_passage_says(holds, words):
    supported = (judged("Bees hum.", 0.9, "supported", 1, "Bees hum."),)
    shown = done(parts=(found(1),), sentences=supported, text="Bees hum.", low_scores=True)
    assert "answered." not in cards.answer(shown), "no selector was asked"
    shown = replace(shown, retrieved=replace(shown.retrieved, selection=Selection(holds, 0.42, 0.3, 0.5, ())))
    text = Reader(cards.answer(shown)).text
    assert f"{words} The passages" in text and "42%" in text and "supported" in text
    assert "Low scores" not in text, "the selector knows better"


def test_each_sentence_carries_its_evidence_hidden_and_each_mark_leads_back():
    sentence = judged("First one.", 0.9, "supported", 1, "Two.")
    shown = done(parts=(found(1, title="Tide", text="One. Two."),), sentences=(sentence,))
    reader = Reader(cards.answer(shown))
    (hidden,) = [attributes for attributes in reader.all("span") if attributes.get("class") == "evidence"]
    assert hidden["id"] == "evidence-1" and "hidden" in hidden
    assert "1 · Tide “Two.”" in reader.text
    (back,) = [a for a in Reader(passage_cards.passages(shown)).all("a") if a.get("class") == "back"]
    assert back["href"] == "#sentence-1" and "sentence 1" in back["aria-label"]


def test_a_finished_answer_carries_its_json_and_its_link():
    shown = done([found(1)], 'Why "so"? \\ ${x}')
    (article,) = Reader(cards.answer(shown, "abc")).all("article")
    kept = json.loads(article["data-json"])
    assert datetime.fromisoformat(kept.pop("time")).tzinfo and kept == {"run": "abc"} | shown.to_json()
    query = parse_qs(urlsplit(article["data-link"]).query)
    assert query["q"] == [shown.question] and query["retrieval"] == [shown.settings.retrieval]
    assert "data-json" not in cards.answer(replace(shown, stage="writing"), "abc")


def test_the_tally_counts_words_copies_and_sentences_without_support():
    sentences = (
        judged("x", 0.9, "supported", 1, "One."),
        judged("y", 0.7, "partly", 1, "One."),
        judged("z", 0.1, "not supported", None, ""),
    )
    part = found(1, text="the sea rises twice a day here")
    shown = replace(done(parts=(part,), sentences=sentences), text="So the sea rises twice a day. Yes we know.")
    text = Reader(cards.tally(shown)).text
    assert text.startswith("10 words · 60% copied · 1 of 3 sentences not found in a source · 1 in part")
    shown = replace(shown, sentences=sentences[:1])
    assert "every sentence found in its source" in Reader(cards.tally(shown)).text


def test_what_was_not_read_is_said_in_words():
    cut = found(1, text="Read this. Not this.", read_text="Read this.")
    unread = found(2, read_text="")
    text = Reader(passage_cards.passages(done(parts=(cut, unread)))).text
    assert "[not read:] Not this." in text
    assert "The generator read its beginning." in text and "The generator did not read it." in text


def test_the_status_line_names_every_step_with_its_seconds():
    seconds = {"queued": 0.0, "retrieve": 0.02, "encode": 0.4, "first_token": 0.5, "total": 2.9}
    text = Reader(status.status("done", seconds)).text
    assert text == "Queued 0.00 sSearching 0.02 sReading 0.40 sWriting 2.48 sDone 2.90 sDone"
    assert Reader(status.status("done", seconds, heard="The answer.")).text.endswith("The answer.")
    assert "Stopped" in status.status("done", seconds, stopped=True)
    for stage in ("queued", "retrieving", "reading", "writing", "judging"):
        assert status.status(stage).count('aria-current="step"') == 1


def test_low_scores_and_notes_are_shown():
    assert "Low scores." in cards.answer(done(low_scores=True, note="Every score is low."))
    assert "Stopped before its end." in cards.answer(done(stopped=True, note="Stopped before its end."))
    assert "No passages were retrieved" in passage_cards.passages(done())


def test_text_that_grows_too_fast_is_thinned_but_stages_and_the_end_pass():
    times = iter([0.0, 0.01, 0.02, 0.03, 0.3, 0.31, 0.32])
    stages = ["retrieving", "reading", "writing", "writing", "writing", "writing", "done"]
    answers = [Answer(Retrieved("Why?"), stage=stage, text=str(number)) for number, stage in enumerate(stages)]
    assert [a.text for a in throttled(iter(answers), 0.2, lambda: next(times))] == ["0", "1", "2", "4", "6"]


def test_a_newer_question_stops_the_older_and_only_it_is_answered():
    runs = Runs()
    first = runs.begin("me", "First?", Settings())
    assert runs.take("me") is first
    second = runs.begin("me", "Second?", Settings())
    other = runs.begin("you", "Other?", Settings())
    assert first.stop.is_set() and not second.stop.is_set()
    assert runs.take("me") is second and runs.take("me") is None
    assert runs.is_newest("me", second) and not runs.is_newest("me", first)
    runs.leave("me")
    assert second.stop.is_set() and not other.stop.is_set()


def test_an_answer_is_rated_once_and_only_while_it_is_held():
    finished = Finished(most=2)
    for run in ("a", "b", "c"):
        finished.add(run, run.upper())
    assert finished.claim("b") == "B" and finished.is_rated("b") and not finished.is_rated("c")
    with pytest.raises(RatingError, match="rated already"):
        finished.claim("b")
    assert finished.find("b") == "B" == finished.claim("b", "tap") and finished.find("a") is None
    with pytest.raises(RatingError, match="not held any more"):
        finished.claim("a")
    finished.release("b")
    assert finished.claim("b") == "B"
