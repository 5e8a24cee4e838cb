import logging
import threading
import time

import pytest

from benchmarks.stand_in import ARTICLES, slow, small_wiki, status
from core.deadline import Deadline
from retriever.articles import ArticleCorpus
from retriever.cache import DAY, Cache
from retriever.live import library as library_module
from retriever.live.client import WikiClient
from retriever.live.library import WikiLibrary
from retriever.live.wiki import CONTACT, ContactError, WikiError, parse_wiki

QUESTION = "Who was the first to explain the tides by gravity?"


def found(library, question, until=None):
    candidates, note = library.find(question, len, until or Deadline(10))
    return {candidate.title: candidate for candidate in candidates}, note


def test_titles_are_asked_for_in_one_request_and_searches_are_at_most_three(library, server):
    candidates, note = found(library, QUESTION)
    first, *others = [parameters for parameters, _ in server.asked]
    assert "Tide" in first["titles"].split("|") and first["redirects"] == "1"
    assert 1 <= len(others) <= 3 and all(asked["gsrnamespace"] == "0" for asked in others)
    assert candidates["Tide"].matched == 1 and candidates["Tide"].revision == "101" and note == ""
    assert candidates["Tide"].introduction == "Tides are the rise and fall of sea levels caused by the Moon."


def test_a_search_with_fewer_words_finds_other_forms(library, server):
    candidates, _ = found(library, "Could tidal gravitation be explained by anyone?")
    assert candidates["Tide"].place == 0 and server.asked[-1][0]["gsrsearch"] != server.asked[1][0]["gsrsearch"]


def test_passages_have_sections_and_link_to_the_revision_that_was_read(corpus, server):
    hits = corpus.search(QUESTION, 4)
    by_section = {hit.passage.section: hit.passage for hit in hits if hit.passage.title == "Tide"}
    newton = by_section["History & Newton"]
    assert newton.text == "Isaac Newton was the first person to explain tides as the product of gravity."
    assert newton.url == f"{server.api.removesuffix('/api.php')}/index.php?title=Tide&oldid=101#Newton"
    assert "References" not in by_section and [hit.rank for hit in hits] == list(range(1, len(hits) + 1))


def test_asked_again_nobody_is_asked_for_a_day(corpus, server, monkeypatch):
    first = corpus.find(QUESTION)
    sent = len(server.asked)
    again = corpus.find(QUESTION)
    assert len(server.asked) == sent and again.note == ""
    assert [hit.passage for hit in again.found] == [hit.passage for hit in first.found]
    assert [hit.score for hit in again.found] == pytest.approx([hit.score for hit in first.found], abs=1e-3)
    later = time.time() + DAY + 60
    monkeypatch.setattr(time, "time", lambda: later)
    corpus.find(QUESTION)
    asked = [parameters for parameters, _ in server.asked[sent:]]
    # Candidates are looked for anew; pages whose revision is the same are not fetched again.
    assert asked and not any("pageids" in parameters for parameters in asked)


def test_offline_the_cache_answers_and_says_so(corpus, server, monkeypatch):
    first = corpus.find(QUESTION)
    later = time.time() + 2 * DAY
    monkeypatch.setattr(time, "time", lambda: later)
    server.answer = status(503, Retry_After="60")
    again = corpus.find(QUESTION)
    assert [hit.passage for hit in again.found] == [hit.passage for hit in first.found]
    assert again.note.startswith("From the cache: ") and "overloaded" in again.note
    with pytest.raises(WikiError, match="wait"):
        corpus.find("What do bees make of nectar?")


def test_a_contact_is_needed_even_where_the_cache_could_answer_nothing(corpus, server, monkeypatch):
    monkeypatch.delenv(CONTACT)
    with pytest.raises(ContactError, match=CONTACT):
        corpus.find(QUESTION)
    assert not server.asked


def test_time_that_is_up_leaves_what_has_come(tiny_encoder, library, cache, server):
    answer = small_wiki()

    def late_texts(exchange):
        if exchange.parameters.get("pageids") not in (None, "1"):
            time.sleep(60)
        answer(exchange)

    server.answer = late_texts
    began = time.monotonic()
    result = ArticleCorpus(tiny_encoder, library, cache, seconds=4).find("How does the Moon cause the tide?")
    assert time.monotonic() - began < 40
    assert {hit.passage.title for hit in result.found} == {"Tide"}
    assert result.note.startswith("Not all was read: ") and "4 s" in result.note


def test_a_wiki_that_hangs_from_the_start_is_an_error(tiny_encoder, library, cache, server):
    server.answer = slow(30, small_wiki())
    with pytest.raises(WikiError, match="did not answer within 0.5 s"):
        ArticleCorpus(tiny_encoder, library, cache, seconds=0.5).find(QUESTION)


def test_a_page_deleted_between_search_and_fetch(library, corpus, server):
    answer = small_wiki()

    def gone(exchange):
        if "pageids" in exchange.parameters:
            exchange.json({"query": {"pages": [{"pageid": 1, "missing": True}]}})
        else:
            answer(exchange)

    server.answer = gone
    with pytest.raises(WikiError, match='the article ".*" is no longer there'):
        corpus.find(QUESTION)


def test_a_title_with_odd_characters(corpus, server):
    hits = corpus.search("Which programming language has odd characters?", 1)
    assert hits[0].passage.title == 'What "is" C++ / AC·DC?'
    assert hits[0].passage.url.endswith("/index.php?title=What_%22is%22_C%2B%2B_/_AC%C2%B7DC%3F&oldid=104")


def test_redirects_lead_to_the_article_and_disambiguation_pages_are_passed_over(library, server):
    def answer(exchange):
        pages = [
            {"pageid": 9, "ns": 0, "title": "Quicksilver", "extract": "Mercury.", "lastrevid": 5},
            {"pageid": 8, "ns": 0, "title": "Mercury", "pageprops": {"disambiguation": ""}, "lastrevid": 6},
            {"pageid": 7, "ns": 4, "title": "Wikipedia:Mercury", "lastrevid": 6},
            {"ns": 0, "title": "Nothing", "missing": True},
        ]
        steps = {"redirects": [{"from": "Liquid silver metal", "to": "Quicksilver"}]}
        exchange.json({"query": {"pages": pages if "titles" in exchange.parameters else []} | steps})

    server.answer = answer
    candidates, _ = found(library, "liquid silver metal?")
    assert list(candidates) == ["Quicksilver"] and candidates["Quicksilver"].matched == 3


def test_a_wiki_without_extracts_is_read_as_html(client, cache, server, tiny_encoder):
    html = (
        '<div class="mw-parser-output"><p>Tides are the rise of the sea.<sup class="reference">[1]</sup></p>'
        '<h2><span class="mw-headline" id="Cause_2">Cause</span></h2><p>The Moon pulls the water.</p></div>'
    )

    def answer(exchange):
        asked = exchange.parameters
        if asked["action"] == "parse":
            exchange.json({"parse": {"title": "Tide", "pageid": 1, "revid": 77, "text": html}})
            return
        page = {"pageid": 1, "ns": 0, "title": "Tide", "lastrevid": 77, "index": 1}
        warning = {"module": "query", "text": 'Unrecognized value for parameter "prop": extracts'}
        exchange.json({"warnings": [warning], "query": {"pages": [page]}})

    server.answer = answer
    corpus = ArticleCorpus(tiny_encoder, WikiLibrary(client.wiki, client, cache), cache)
    passages = {hit.passage.section: hit.passage for hit in corpus.search("How does the Moon pull a tide?", 4)}
    assert passages[""].text == "Tides are the rise of the sea."
    assert passages["Cause"].url.endswith("/index.php?title=Tide&oldid=77#Cause_2")


def test_a_very_long_article_is_read_in_part_and_that_is_logged(client, cache, tiny_encoder, server, caplog):
    server.answer = small_wiki({"Tide": "Tides rise and fall each day. " * 180_000})  # 5.4 MB
    corpus = ArticleCorpus(tiny_encoder, WikiLibrary(client.wiki, client, cache), cache, seconds=60)
    with caplog.at_level(logging.WARNING):
        hits = corpus.search("Why does the tide rise?", 4)
    assert hits and f"the first {library_module.LONGEST_ARTICLE} are read" in caplog.text


def test_only_what_the_cache_may_hold_is_held(tmp_path, server, client, tiny_encoder):
    small = Cache(tmp_path / "small.sqlite", largest=500)
    corpus = ArticleCorpus(tiny_encoder, WikiLibrary(client.wiki, client, small), small)
    assert [hit.passage.title for hit in corpus.search(QUESTION, 1)] == ["Tide"]


def test_the_card_names_the_wiki_and_its_size_once_that_is_known(corpus, server):
    before = corpus.card()
    assert before["index"] == f"mediawiki:{server.api}" and "articles" not in before["source"]
    corpus.find(QUESTION)
    assert f"live, {len(ARTICLES)} articles" in corpus.card()["source"]
    assert corpus.card()["licence"] == "CC BY-SA 4.0" and corpus.card()["passages"] == 0


@pytest.mark.parametrize("question", ["?", "…", "the of and", "😀", "x" * 900, "|#<>[]{}"])
def test_odd_questions_are_asked_without_complaint(corpus, question):
    assert isinstance(corpus.search(question, 4), list)


def test_many_visitors_at_once(corpus, server):
    results: list[str] = []

    def ask(question):
        results.append(corpus.search(question, 1)[0].passage.title)

    questions = ["What is honey?", "Where is the Moon?", "What is a tide?"] * 3
    threads = [threading.Thread(target=ask, args=(question,)) for question in questions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["Honey"] * 3 + ["Moon"] * 3 + ["Tide"] * 3 and server.most_at_once == 1


def test_another_wiki_has_its_own_cache(library, cache, server):
    found(library, QUESTION)
    other = parse_wiki("mediawiki:http://127.0.0.1:9/api.php")
    with pytest.raises(WikiError, match="cannot be reached"):
        found(WikiLibrary(other, WikiClient(other), cache), QUESTION)
