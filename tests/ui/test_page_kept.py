"""The page in a real browser: what stays in place, what is kept, addresses, shared answers, more passages."""

from __future__ import annotations

import json

import pytest

from tests.ui.conftest import HOSTILE
from tests.ui.driving import ask, open_tool

pytestmark = pytest.mark.browser
# Cumulative layout shift: https://wicg.github.io/layout-instability/
SHIFTS = """window.shift = 0; new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
}).observe({type: "layout-shift", buffered: true});"""
FORBIDDEN = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }});"
FULL = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };"


def shown(page):
    return page.locator("#answer h2").inner_text()


@pytest.mark.parametrize("width", [1280, 360])
def test_nothing_moves_from_ask_to_the_end(open_page, width):
    page = open_page(width=width)
    page.evaluate(SHIFTS)
    page.wait_for_timeout(500)
    page.evaluate("window.shift = 0")
    ask(page, "Do the Moon and the Sun pull the water of the tides?")
    page.locator("#rating").wait_for()
    page.wait_for_timeout(500)
    assert page.evaluate("window.shift") <= 0.05
    tops = {name: page.locator(f"#{name}").bounding_box()["y"] for name in ("answer", "passages", "rating")}
    if width == 360:
        assert tops["answer"] < tops["passages"] < tops["rating"]
    else:
        assert abs(tops["answer"] - tops["passages"]) < 40 < tops["rating"] - tops["answer"]


@pytest.mark.parametrize("width", [1280, 360])
def test_nothing_moves_when_the_page_is_opened(open_page, width):
    """Empty, with an answer that the browser kept, with one that was shared."""
    page = open_page(width=width, permissions=["clipboard-read", "clipboard-write"])

    def still(page):
        page.evaluate(SHIFTS)
        page.locator("html.built").wait_for()
        page.wait_for_timeout(500)
        assert page.evaluate("getComputedStyle(document.querySelector('gradio-app')).opacity") == "1"
        assert page.evaluate("window.shift") <= 0.05

    still(page)
    assert page.evaluate("document.activeElement.matches('#question textarea')")
    ask(page)
    page.reload()
    page.locator("#status .kept").wait_for()
    still(page)
    ask(page, "Do the Moon and the Sun pull the water of the tides?")
    page.get_by_role("button", name="Share").click()
    page.locator("#answer .said", has_text="Link to this very answer copied").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    other = open_page(link[link.index("?") :], width=width)
    other.locator("#status .kept").wait_for()
    still(other)


@pytest.mark.parametrize("width", [1280, 360])
def test_a_follow_up_is_seen_from_the_top_and_nothing_moves(open_page, width):
    page = open_page(width=width)
    ask(page)
    box = page.locator("#follow-box textarea")
    box.fill("And why do they repeat?")
    page.wait_for_timeout(500)
    page.evaluate(SHIFTS)
    page.wait_for_timeout(200)
    page.evaluate("window.shift = 0")
    box.press("Enter")
    page.locator("#answer h2", has_text="And why").wait_for()
    page.locator("#answer article[data-run]").wait_for()
    page.wait_for_timeout(500)
    assert page.evaluate("window.shift") <= 0.05
    assert 0 <= page.locator("#status").bounding_box()["y"] < 400
    page.locator("#follow-ask").scroll_into_view_if_needed()
    page.evaluate("document.querySelector('#follow-box textarea').value = ''")
    page.locator("#follow-ask").click()
    page.locator("#status .problem").wait_for()
    assert 0 <= page.locator("#status").bounding_box()["y"] < 400


def test_the_first_view_asks_and_says_what_is_searched(open_page):
    page = open_page()
    assert page.title() == page.locator("h1").inner_text()
    facts = page.locator("#header .facts").inner_text()
    assert "13 passages" in facts and "may be wrong" in facts and "RetriBERT" not in facts
    assert not page.locator("#columns").is_visible() and not page.locator("#history-list").is_visible()


def test_the_address_follows_what_is_asked_and_back_forward_and_reload_show_what_was_answered(open_page):
    page = open_page()
    ask(page)
    first = page.url
    assert "?q=What+are+tides" in first
    ask(page, "What is honey?")
    assert "?q=What+is+honey" in page.url
    # Asked anew they would never end.
    page.evaluate("document.getElementById('ask').remove()")
    page.go_back()
    page.locator("#answer h2", has_text="What are tides?").wait_for()
    page.locator("#status .kept", has_text="kept in this browser").wait_for()
    assert page.url == first and page.locator("#question textarea").input_value() == "What are tides?"
    assert page.locator("#passages mark").count() >= 1
    page.go_forward()
    page.locator("#answer h2", has_text="What is honey?").wait_for()
    page.reload()
    page.locator("#status .kept").wait_for()
    assert shown(page) == "What is honey?"
    run = page.locator("#answer article").get_attribute("data-run")
    page.get_by_role("button", name="Ask again").click()
    page.locator(f'#answer article[data-run]:not([data-run="{run}"])').wait_for()
    open_tool(page, "History")
    page.locator("#history-list a").nth(1).wait_for()
    assert page.locator("#history-list a").all_inner_texts() == ["What is honey?", "What are tides?"]


def test_the_history_shows_whole_answers_and_asks_nothing(open_page):
    page = open_page()
    ask(page)
    text = page.evaluate("JSON.parse(document.querySelector('#answer article').dataset.json).answer")
    ask(page, "What is honey?")
    open_tool(page, "History")
    page.locator("#history-list li").nth(1).wait_for()
    assert page.locator("#history-list .text").nth(1).inner_text() == text
    page.locator("#history-list a", has_text="tides").click()
    page.locator("#status .kept").wait_for()
    assert shown(page) == "What are tides?" and "?q=What+are+tides" in page.url
    assert page.locator("#passages .card").count() == 4


@pytest.mark.parametrize("storage", [FORBIDDEN, FULL])
def test_a_browser_that_keeps_nothing_is_told_so_and_the_page_works(browser, served, storage):
    context = browser.new_context()
    context.add_init_script(storage)
    page = context.new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(served)
    ask(page)
    ask(page, "What is honey?")
    page.go_back()
    page.locator("#answer h2", has_text="What are tides?").wait_for()
    open_tool(page, "History")
    page.locator(".history .refused").wait_for()
    assert page.locator("#history-list li").count() == 2 and wrong == []
    context.close()


def test_what_a_browser_kept_is_checked_and_shown_as_text(open_page):
    page = open_page()
    ask(page)
    page.evaluate(
        """(hostile) => {
            const items = JSON.parse(localStorage.getItem("lfqa-answers"));
            for (const passage of items[0].answer.passages) passage.text = passage.title = hostile;
            items[0].answer.answer = hostile;
            items[0].answer.sentences = [];
            localStorage.setItem("lfqa-answers", JSON.stringify(items));
        }""",
        HOSTILE,
    )
    page.reload()
    page.locator("#status .kept").wait_for()
    assert page.locator("#answer .text").inner_text() == HOSTILE and page.evaluate("window.ran") is None
    page.evaluate(
        """() => {
            const items = JSON.parse(localStorage.getItem("lfqa-answers"));
            items[0].answer.passages = "many";
            localStorage.setItem("lfqa-answers", JSON.stringify(items));
        }"""
    )
    page.reload()
    page.locator("#status .past", has_text="Done").wait_for()  # asked anew


def test_passages_that_answer_nothing_are_closed_until_somebody_opens_them(open_page):
    page = open_page()
    ask(page)
    assert page.locator("#passages .card[open]").count() >= 1
    page.evaluate(
        """() => {
            const items = JSON.parse(localStorage.getItem("lfqa-answers"));
            Object.assign(items[0].answer, {holds: "no", confidence: 0.1, sentences: [], answerable: false});
            localStorage.setItem("lfqa-answers", JSON.stringify(items));
        }"""
    )
    page.reload()
    page.locator("#status .kept").wait_for()
    page.wait_for_timeout(500)
    assert page.locator("#passages .card").count() == 4 and page.locator("#passages .card[open]").count() == 0
    page.locator("#passages summary").first.click()
    page.locator("#passages .card[open]").wait_for()


def test_an_answer_is_shared_as_it_was_until_it_is_gone(open_page, served):
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    ask(page)
    page.get_by_role("button", name="Share").click()
    page.locator("#answer .said", has_text="Link to this very answer copied").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    query = link[link.index("?") :]
    other = open_page(query)
    other.locator("#status .kept", has_text="shared as it was").wait_for()
    assert other.locator("#answer .text").inner_text() == page.locator("#answer .text").inner_text()
    assert not other.locator("#rating").is_visible() and other.url.endswith(query)
    kept = json.loads(other.locator("#answer article").get_attribute("data-json"))
    assert kept["run"] not in (page.locator("#answer article").get_attribute("data-run"), "")
    gone = open_page(query[:-32] + "0" * 32)
    gone.locator("#status .problem", has_text="not kept any more").wait_for()
    assert gone.locator("#question textarea").input_value() == "What are tides?"


def test_more_passages_are_found_without_asking_anew(open_page):
    page = open_page()
    ask(page)
    before = page.locator("#answer").inner_html()
    titles = set(page.locator("#passages .title").all_text_contents())
    page.locator("#further").click()
    page.locator("#more .card").nth(3).wait_for()
    assert page.locator("#more .card .number").all_inner_texts() == ["5", "6", "7", "8"]
    page.locator("#further").click()
    page.locator("#more .card").nth(7).wait_for()
    more = page.locator("#more .title").all_text_contents()
    assert len(set(more)) == 8 and titles.isdisjoint(more)
    assert page.locator("#answer").inner_html() == before


def test_stop_keeps_what_stands_there_and_asks_for_no_rating_of_nothing(open_page):
    page = open_page("?q=Why+do+tides+rise%3F&generator=slow")
    page.locator("#answer .caret").wait_for()
    seen = page.locator("#answer .text").inner_text()
    page.locator("#stop").click()
    page.locator("#status .past", has_text="Stopped").wait_for()
    kept = page.evaluate("JSON.parse(document.querySelector('#answer article').dataset.json).answer")
    assert seen.startswith("Word 1 comes.") and kept.startswith(seen.strip())
    assert page.locator("#answer .sentence").count() == kept.count("comes.") and page.locator("#rating").is_visible()
    page.locator("#answer .notice", has_text="Unfinished. Stopped before its end.").wait_for()
    failed = open_page("?q=Why+do+tides+rise%3F&generator=broken")
    failed.locator("#status .problem").wait_for()
    assert not failed.locator("#rating").is_visible() and failed.locator("#passages .card").count() == 4


def test_the_keyboard_is_soon_at_the_rating_and_escape_closes_the_settings(open_page):
    page = open_page()
    page.keyboard.press("Shift+Tab")
    page.locator("a.skip").focus()
    page.keyboard.press("Enter")
    ask(page)
    page.locator("a.skip").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "ARTICLE"
    stops = 0
    while not page.evaluate("document.activeElement.closest('#rating') !== null"):
        page.keyboard.press("Tab")
        stops += 1
        assert stops <= 10
    toggle = page.get_by_role("button", name="Open the settings")
    toggle.click()
    page.locator("#settings.open").wait_for()
    page.get_by_role("button", name="Close the settings").wait_for()
    page.keyboard.press("Escape")
    page.locator("#settings:not(.open)").wait_for()


def test_the_answer_is_announced_once(open_page):
    page = open_page()
    page.evaluate(
        """() => { window.heard = []; new MutationObserver(() => {
            const text = document.querySelector("#status .heard")?.textContent;
            if (text && text !== window.heard.at(-1)) window.heard.push(text);
        }).observe(document.getElementById("status"), {subtree: true, childList: true, characterData: true}); }"""
    )
    ask(page)
    page.wait_for_timeout(500)
    heard = page.evaluate("window.heard")
    answer = page.evaluate("JSON.parse(document.querySelector('#answer article').dataset.json).answer")
    assert sum(answer in text for text in heard) == 1 and answer in heard[-1]
    assert page.locator("#answer [aria-live], #answer [role=status]:not(.said)").count() == 0


def test_a_question_in_another_language_than_the_passages_is_told(open_page):
    page = open_page()
    ask(page, "Warum ist der Mond nicht aus Brot und wie ist das mit den Tides?")
    page.locator("#answer .notice", has_text="in German, the passages are in English").wait_for()
