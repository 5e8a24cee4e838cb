"""The choice of what is read: a small index and a live wiki (a stand-in on loopback) on one page."""

from __future__ import annotations

import gradio as gr
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from app import offered_indexes
from benchmarks.stand_in import small_wiki, standing_in, status
from core.records import Draft, Sentence
from core.settings import Settings
from qa import LongFormQA
from retriever.articles import ArticleCorpus
from retriever.cache import Cache
from retriever.live.client import WikiClient
from retriever.live.library import WikiLibrary
from retriever.live.wiki import CONTACT, ContactError, parse_wiki
from retriever.registry import EMBEDDED
from retriever.search import Retriever
from tests.ui.conftest import SlowGenerator, parts_of
from tests.ui.driving import ask
from ui.asking import Asking
from ui.controls import control_values, to_settings
from ui.corpora import EXAMPLES, Corpora
from ui.feedback import FeedbackStore
from ui.links import from_query, to_query
from ui.nearest import load_nearest
from ui.offer import Offer
from ui.page import build_page, serve
from ui.rating import RatingStrip

ARTICLES = {
    "Coral": "Corals are animals of the sea. They live with algae. Without their algae corals starve and turn white.",
    "Tide": "Tides are the rise and fall of sea levels. The Moon causes them.",
}


class Declining(SlowGenerator):
    """Says of everything but corals that the passages lack it."""

    name = "declining"

    def stream(self, retrieved, settings, stop=None):
        held = any(part.passage.title == "Coral" for part in retrieved.found)
        told = Sentence("Corals starve.") if held else Sentence("The passages do not say.", "lacking")
        yield Draft((told,), done=True)


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    """No contact, and a cache's folder for each test."""
    monkeypatch.setenv("LFQA_CACHE", str(tmp_path / "cache"))
    for name in (CONTACT, "SPACE_ID", "GRADIO_SHARE", "GRADIO_ROOT_PATH", "LFQA_GENERATORS", "LFQA_INDEX"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server():
    with standing_in(small_wiki(ARTICLES)) as state:
        yield state


@pytest.fixture
def wiki(server):
    """The name of the live index."""
    return f"mediawiki:{server.api}"


class Plan:
    """A live wiki that is not opened yet; notes when it is."""

    def __init__(self, name, encoder, folder):
        self.opened, parsed = 0, parse_wiki(name)
        self.cache = Cache(folder / "articles.sqlite")
        self.corpus = ArticleCorpus(encoder, WikiLibrary(parsed, WikiClient(parsed), self.cache), self.cache, 60.0)

    def card(self):
        return self.corpus.card()

    def open(self):
        self.opened += 1
        return self.corpus


@pytest.fixture
def plan(wiki, tiny_encoder, tmp_path):
    return Plan(wiki, tiny_encoder, tmp_path)


@pytest.fixture
def both(tiny_retriever, plan):
    return LongFormQA(tiny_retriever, {"declining": Declining()}, others=[plan])


@pytest.fixture
def page(both, tmp_path):
    """Builds and serves the page for its operator or for others."""
    pages = []

    def served(public=False):
        offer = Offer.of(["declining", "extractive"], public, both.indexes)
        pages.append(build_page(both, store=FeedbackStore(tmp_path / "ratings.jsonl"), offer=offer))
        return serve(pages[-1], "127.0.0.1")

    yield served
    for each in pages:
        each.close(verbose=False)


@pytest.fixture
def asking(both, tmp_path, tiny_retriever):
    with gr.Blocks():
        strip = RatingStrip(FeedbackStore(tmp_path / "ratings.jsonl"))
        strip.build()
        corpora = Corpora(both, Offer.of(["declining"], indexes=both.indexes))
        choice = corpora.build_choice()
        corpora.build_examples()
        controls = [gr.HTML() for _ in control_values({})][:-1] + [choice]
        parts = parts_of(strip, controls)
    return Asking(both, parts, load_nearest(lambda: tiny_retriever), lambda session: None, corpora)


def asked(asking, request, index, question="Why do corals starve?"):
    """The last view of an answer."""
    first = asking.begin(request, question, *control_values({"index": index}, "declining").values())
    views = list(asking.answer(request))
    return views[-1] if len(views) > 1 or asking.parts.answer in views[-1] else first


def test_what_is_chosen_is_read_and_opened_only_then(both, plan, server, monkeypatch):
    monkeypatch.setenv(CONTACT, "ada@example.org")
    here = both.ask("What are tides?", Settings(generator="declining", retrieval="sparse"))
    assert plan.opened == 0 and server.asked == [] and here.found[0].passage.url.startswith("https://en.wikipedia.org")
    there = [both.ask("Why do corals starve?", Settings(generator="declining", index=plan.card()["index"]))] * 2
    assert plan.opened == 1 and server.asked
    assert there[0].found[0].passage.title == "Coral" and there[0].text == "Corals starve."
    assert both.corpus(plan.card()["index"]) is plan.corpus


def test_models_are_shared_where_the_encoder_is_the_same(both, plan, tiny_encoder, corpus):
    wiki = plan.card()["index"]
    assert both.generator("extractive") is both.generator("extractive", wiki)
    plan.corpus.encoder = replace_identity(tiny_encoder)
    assert both.generator("extractive") is not both.generator("extractive", wiki)


def replace_identity(encoder):
    from retriever.encode import Encoder

    return Encoder(encoder.model, encoder.tokenizer, "another", "another")


@pytest.mark.parametrize("index", ["/etc", "wikipedia:de", "zim:/tmp/a.zim", "mediawiki:http://127.0.0.1:1/api.php"])
@pytest.mark.parametrize("public", [True, False])
def test_only_what_the_operator_offered_is_read(both, wiki, index, public):
    offer = Offer.of([], public, both.indexes)
    with pytest.raises(Exception, match="is not offered here; allowed are embedded, mediawiki:http") as told:
        to_settings(control_values({"index": index}), offer)
    with pytest.raises(type(told.value), match="is not offered here"):
        both.ask("Why?", Settings(index=index))


def test_settings_and_links_name_the_index_where_there_are_several(both, wiki):
    offer = Offer.of([], indexes=both.indexes)
    assert to_settings({"index": ""}, offer).index == EMBEDDED
    assert to_settings({}, Offer()).index == "" == to_settings({"index": EMBEDDED}, Offer()).index
    settings = Settings(index="wikipedia:simple")
    question, named = from_query(dict(pair.split("=") for pair in to_query("Why?", settings)[1:].split("&")))
    assert named["index"] == "wikipedia%3Asimple" and "index" not in to_query("Why?", Settings())


def test_without_a_contact_a_live_wiki_is_refused_with_the_reason(asking, both, wiki, server, request_of, monkeypatch):
    view = asked(asking, request_of(), wiki)
    assert "operators ask for a contact" in view[asking.parts.status] and server.asked == []
    monkeypatch.setenv(CONTACT, "ada@example.org")
    assert "Corals starve." in asked(asking, request_of(), wiki)[asking.parts.answer]


def test_a_contact_is_kept_for_the_page_of_ones_own_and_never_for_a_public_one(asking, both, wiki, monkeypatch):
    corpora = asking.corpora
    assert corpora.chosen(wiki)[corpora.contact_row].visible is True
    assert "“nobody” is no contact: give" in corpora.kept("nobody", wiki)[corpora.said]
    assert "is no contact: give" in corpora.kept("a" * 300 + "@example.org", wiki)[corpora.said]
    assert "Kept" in corpora.kept(" ada@example.org ", wiki)[corpora.said]
    assert corpora.chosen(wiki)[corpora.contact_row].visible is False
    at_home, public = (Offer.of([], public, both.indexes) for public in (False, True))
    assert to_settings({"index": wiki}, at_home).index == wiki
    with pytest.raises(ContactError, match="set LFQA_CONTACT"):
        to_settings({"index": wiki}, public)
    monkeypatch.setenv(CONTACT, "ada@example.org")
    assert to_settings({"index": wiki}, public).index == wiki


def test_where_the_words_go_is_said_before_any_is_sent(asking, wiki, server):
    corpora = asking.corpora
    note = corpora.chosen(wiki)[corpora.note]
    assert parse_wiki(wiki).host in note and "words of your question go to" in note
    assert corpora.chosen(EMBEDDED)[corpora.note] == "" and server.asked == []


def test_a_link_asks_no_live_wiki_by_itself(asking, wiki, server, request_of, monkeypatch):
    monkeypatch.setenv(CONTACT, "ada@example.org")
    view = asking.open(request_of(q="Why do corals starve?", index=wiki, generator="declining"))
    assert view[asking.parts.opened] == "" and view[asking.parts.box] == "Why do corals starve?"
    assert view[asking.parts.controls[-1]] == wiki and parse_wiki(wiki).host in view[asking.parts.status]
    assert asking.runs.newest("me") is None and server.asked == []
    assert asking.open(request_of(q="Why?", index=EMBEDDED, generator="declining"))[asking.parts.opened]


def test_a_declined_question_is_offered_to_the_larger_index(asking, wiki, request_of, monkeypatch):
    monkeypatch.setenv(CONTACT, "ada@example.org")
    parts = asking.parts
    last = asked(asking, request_of(), EMBEDDED)
    assert last[parts.target] == wiki and "words go to 127.0.0.1" in last[parts.elsewhere].value
    again = asking.ask_elsewhere(request_of(), last[parts.target])
    assert again == {parts.box: "Why do corals starve?", asking.corpora.choice: wiki}
    last = asked(asking, request_of(), wiki)
    assert last[parts.target] == "" and "Corals starve." in last[parts.answer]


def test_what_own_documents_do_not_answer_is_first_offered_to_what_is_read_here(asking, wiki):
    corpora = asking.corpora
    asking.qa.hold("own:mine", asking.qa.corpus(EMBEDDED))
    assert corpora.larger("own:mine") == EMBEDDED and corpora.larger(EMBEDDED) == wiki
    live = Corpora(asking.qa, Offer.of([], indexes=[wiki]))
    assert live.larger("own:mine") == wiki


def test_the_largest_has_nowhere_to_send_to(asking, wiki, request_of, monkeypatch):
    monkeypatch.setenv(CONTACT, "ada@example.org")
    assert asked(asking, request_of(), wiki, "What are tides?")[asking.parts.target] == ""


def test_where_a_wiki_fails_the_page_offers_what_it_has_itself(asking, wiki, server, request_of, monkeypatch):
    monkeypatch.setenv(CONTACT, "ada@example.org")
    server.answer = status(503, Retry_After="60")
    last = asked(asking, request_of(), wiki)
    assert "asks to wait 60 s" in last[asking.parts.status] and last[asking.parts.target] == EMBEDDED


def test_the_header_and_the_run_card_name_what_is_read(asking, wiki, request_of, monkeypatch):
    monkeypatch.setenv(CONTACT, "ada@example.org")
    corpora = asking.corpora
    assert "127.0.0.1" in corpora.chosen(wiki)[corpora.header] and ", live" in corpora.chosen(wiki)[corpora.header]
    assert "12 passages (twelve passages)" in corpora.chosen("")[corpora.header]
    card = asked(asking, request_of(), wiki)[asking.parts.run_card]
    assert card.count("--index") == 1 and f"--index {wiki}" in card.replace("&#x27;", "")
    assert "--index" not in asked(asking, request_of(), EMBEDDED)[asking.parts.run_card]


def test_examples_suit_what_is_chosen(asking, tiny_encoder, tiny_index):
    corpora = asking.corpora
    assert [chip.value for chip in corpora.chips] == list(EXAMPLES)
    own = LongFormQA(Retriever(tiny_encoder, tiny_index, "my-index"))
    with gr.Blocks():
        of_own = Corpora(own, Offer.of([], indexes=own.indexes))
        of_own.build_choice()
        of_own.build_examples()
    assert [chip.visible for chip in of_own.chips] == [False] * 5 and of_own.dice.visible is False
    shown = of_own.with_examples("")
    texts = [shown[chip].value for chip in of_own.chips]
    assert len(set(texts)) == 5 and all(any(passage.title in text for passage in tiny_index.passages) for text in texts)
    assert of_own.chosen("")[of_own.chips[0]].value == texts[0]


@pytest.mark.parametrize(
    ("given", "variable", "offered"),
    [
        ([], "", [EMBEDDED]),
        (["wikipedia"], "", ["wikipedia", EMBEDDED]),
        (["my-index", "wikipedia"], "", ["my-index", "wikipedia"]),
        ([], "embedded, wikipedia", [EMBEDDED, "wikipedia"]),
        (["zim:a.zim"], "wikipedia", ["zim:a.zim"]),
    ],
)
def test_what_is_offered(monkeypatch, given, variable, offered):
    monkeypatch.setenv("LFQA_INDEX", variable)
    assert offered_indexes(given) == offered


def test_the_api_carries_the_index(page, wiki, server):
    client = Client(page(public=True), verbose=False, httpx_kwargs={"timeout": None})
    with pytest.raises(AppError, match="set LFQA_CONTACT"):
        client.predict("Why do corals starve?", index=wiki, api_name="/retrieve")
    with pytest.raises(AppError, match="allowed are embedded, mediawiki"):
        client.predict("Why do corals starve?", index="/etc", api_name="/ask")
    assert server.asked == []
    answer = client.submit("What are tides?", index=EMBEDDED, generator="declining", api_name="/ask").result()
    assert answer["settings"]["index"] == EMBEDDED


@pytest.mark.browser
def test_a_visitor_chooses_a_live_wiki_is_told_names_a_contact_and_asks_there(browser, page, wiki, server, tmp_path):
    from tests.ui.conftest import PATIENCE

    context = browser.new_context(viewport={"width": 1280, "height": 800})
    shown = context.new_page()
    shown.set_default_timeout(PATIENCE)
    shown.goto(page())
    shown.locator("#question textarea").wait_for()
    ask(shown, "Why do corals starve?")
    shown.locator("#elsewhere").wait_for()
    assert not shown.locator("#index-note .privacy").is_visible() and not shown.locator("#contact").is_visible()
    shown.locator("#elsewhere").click()
    shown.locator("#status .problem", has_text="operators ask for a contact").wait_for()
    shown.locator("#index-note .privacy", has_text="The words of your question go to 127.0.0.1").wait_for()
    assert server.asked == []
    shown.locator("#contact-box textarea, #contact-box input").first.fill("ada@example.org")
    shown.locator("#contact-keep").click()
    shown.locator("#contact-said", has_text="Kept").wait_for()
    shown.locator("#ask").click()
    shown.locator("#answer .sentence", has_text="Corals starve.").wait_for()
    assert shown.locator("#question textarea").input_value() == "Why do corals starve?"
    assert "live" in shown.locator("#header .facts").inner_text() and server.asked
    assert all("ada@example.org" in headers["User-Agent"] for _, headers in server.asked)
    assert not shown.locator("#elsewhere").is_visible()
    assert "index=mediawiki" in shown.locator("#answer article").get_attribute("data-link")
    context.close()


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_the_choice_can_be_used_by_everybody_on_any_screen(browser, page, wiki, width, scheme):
    from tests.ui.conftest import PATIENCE

    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
    )
    shown = context.new_page()
    shown.set_default_timeout(PATIENCE)
    shown.goto(page())
    shown.locator("#index input").click()
    shown.get_by_role("option", name="live").click()
    shown.locator("#index-note .privacy").wait_for()
    shown.locator("#contact-keep").wait_for()
    assert shown.evaluate("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)") <= width
    found = [row for row in axe.run(shown).response["violations"] if row["impact"] in ("serious", "critical")]
    assert [(row["id"], [node["html"][:160] for node in row["nodes"]]) for row in found] == []
    context.close()
