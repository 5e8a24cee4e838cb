"""The page in a real browser, over the tiny corpus: queueing, stopping, rating, voting, links, files, history."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from gradio_client import Client

from tests.ui.driving import ask, choose, open_tool
from ui.feedback import read_records

pytestmark = pytest.mark.browser


def records(store, kind):
    return [record for record in read_records(store.path) if record["kind"] == kind] if store.path.exists() else []


def test_a_second_question_waits_with_its_place_and_stop_frees_the_model(open_page):
    first = open_page("?q=Why+do+tides+rise%3F&generator=slow")
    first.locator("#answer .caret").wait_for()
    second = open_page("?q=What+is+honey%3F&retrieval=sparse&generator=extractive")
    second.locator("#line", has_text="Place 1 of 1").wait_for()
    third = open_page("?q=What+is+bread%3F&generator=slow")
    third.locator("#line", has_text="Place 2 of 2").wait_for()
    third.locator("#stop").click()
    third.locator("#status .past", has_text="Stopped").wait_for()
    assert "Stopped before it began" in third.locator("#answer").inner_text()
    first.locator("#stop").click()
    first.locator("#status .past", has_text="Stopped").wait_for()
    second.locator("#answer article[data-run]").wait_for()
    assert "Honey" in second.locator("#passages .title").first.inner_text()


def test_one_tap_is_stored_at_once_and_scales_can_follow(open_page, page_store):
    page = open_page()
    ask(page)
    page.locator("#helped-no").click()
    page.locator("#tapped", has_text="Thank you").wait_for()
    record = records(page_store, "rating")[-1]
    assert record["helpful"] is False and record["scores"] == {} and record["answer"]["question"] == "What are tides?"
    assert page.locator("#helped-yes").is_disabled()
    page.locator("#detail > button").click()
    page.locator("#scores fieldset").nth(1).get_by_text("2", exact=True).click()
    page.locator("#send").click()
    page.locator("#rated", has_text="Thank you").wait_for()
    last = records(page_store, "rating")[-1]
    assert last["scores"] == {"complete": 2} and last["answer"]["run"] == record["answer"]["run"]


def test_an_answer_is_rated_once_and_then_the_written_answer_is_shown(open_page, page_store):
    page = open_page()
    ask(page)
    open_tool(page, "Nearest written question")
    assert "once you have rated" in page.locator("#nearest").inner_text()
    page.locator("#detail > button").click()
    page.locator("#send").click()
    page.locator("#rated", has_text="Nothing is rated yet").wait_for()
    page.locator("#scores fieldset").nth(0).get_by_text("4", exact=True).click()
    page.locator("#scores fieldset").nth(3).get_by_text("2", exact=True).click()
    page.locator("#went-wrong").get_by_text("Retrieval").click()
    page.locator("#reason textarea").fill("The second passage is beside the point.")
    page.locator("#send").click()
    page.locator("#rated", has_text="Thank you").wait_for()
    page.locator("#nearest .text").wait_for()
    assert page.locator("#send").is_disabled()
    record = records(page_store, "rating")[-1]
    assert record["scores"] == {"factual": 4, "grounded": 2} and record["went_wrong"] == "retrieval"
    assert record["reason"].startswith("The second") and record["answer"]["question"] == "What are tides?"
    count = len(records(page_store, "rating"))
    ask(page, "What is honey?")
    assert page.locator("#send").is_enabled() and page.locator("#rated").inner_text() == ""
    assert page.locator("#rating input:checked").count() == 0
    assert len(records(page_store, "rating")) == count


def test_two_settings_are_compared_blind_voted_on_once_and_revealed(open_page, page_store):
    page = open_page()
    page.locator("#question textarea").fill("What are tides?")
    open_tool(page, "Compare")
    choose(page, "Generator of B", "extractive")
    page.locator("#compare-go").click()
    page.locator("#compare-status", has_text="same settings").wait_for()
    choose(page, "Retrieval of B", "random")
    page.locator("#compare-go").click()
    page.locator("#votes").wait_for()
    blind = page.locator("#compare-first").inner_text() + page.locator("#compare-second").inner_text()
    assert "Answer 1" in blind and "extractive" not in blind and "supported" not in blind
    page.get_by_role("button", name="Answer 2 is better").click()
    page.locator("#compare-second .mark", has_text="your vote").wait_for()
    assert not page.locator("#votes").is_visible()
    vote = records(page_store, "vote")[-1]
    assert vote["winner"] == vote["order"][1]
    winner = vote["answers"][vote["winner"]]["settings"]["retrieval"]
    assert winner in page.locator("#compare-second .who").inner_text()


def test_three_ways_stand_side_by_side(open_page):
    page = open_page()
    page.locator("#question textarea").fill("What are tides?")
    open_tool(page, "With and without passages")
    page.locator("#dependence-go").click()
    page.locator(".dependence tbody tr").nth(2).wait_for()
    top = "document.querySelector('#dependence-retrieved').offsetTop"
    before = page.evaluate(top)
    page.locator(".dependence .verdict", has_text="no answer").wait_for()
    assert page.locator("#dependence-random .who").inner_text().startswith("extractive · random")
    assert abs(page.evaluate(top) - before) < 5


def test_copy_link_and_json_give_the_answer_and_the_link_asks_it_again(open_page):
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.locator("#settings .toggle-button").click()
    choose(page, "Retrieval", "sparse")
    page.locator("#settings .toggle-button").click()
    ask(page)
    page.get_by_role("button", name="Copy", exact=True).first.click()
    page.locator("#answer .said", has_text="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("What are tides?\n\n")
    assert re.search(r"\n\[\d\] Tide https://en\.wikipedia\.org/wiki/Tide\n", copied)
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON").click()
    saved = json.loads(download.value.path().read_text())
    assert saved["question"] == "What are tides?" and saved["settings"]["retrieval"] == "sparse"
    page.get_by_role("button", name="Link", exact=True).click()
    page.locator("#answer .said", has_text="Link copied").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    again = open_page(link[link.index("?") :])
    again.locator("#answer article[data-run]").wait_for()
    assert again.locator("#question textarea").input_value() == "What are tides?"
    assert "BM25" in again.locator("#passages .how").first.text_content()
    repeated = json.loads(again.locator("#answer article").get_attribute("data-json"))
    assert (repeated["answer"], repeated["settings"]) == (saved["answer"], saved["settings"])


def test_why_a_question_cannot_be_asked_stays_on_the_page(open_page):
    page = open_page()
    page.locator("#question textarea").fill("?!")
    page.locator("#question textarea").press("Enter")
    page.locator("#status .problem").wait_for()
    # The events behind the question come to their end, too, before the page is looked at: they blanked it once.
    page.wait_for_timeout(2000)
    assert "holds no words" in page.locator("#status .problem").inner_text()


def test_a_link_that_cannot_be_asked_says_why(open_page):
    page = open_page("?q=Why%3F&passages=99")
    page.locator("#status .problem", has_text="allowed is 1 to 20").wait_for()
    assert page.locator("#question textarea").input_value() == "Why?"


def test_history_stays_in_this_browser_until_it_is_cleared(open_page, served):
    page = open_page()
    ask(page)
    ask(page, "What is honey?")
    page.goto(served)
    open_tool(page, "History")
    page.locator("#history-list li").nth(1).wait_for()
    assert page.locator("#history-list a").all_inner_texts() == ["What is honey?", "What are tides?"]
    assert page.locator("#history-list a").first.get_attribute("href").startswith("?q=What+is")
    page.get_by_role("button", name="Clear history").click()
    assert page.locator("#history-list li").count() == 0
    other = open_page()
    open_tool(other, "History")
    assert other.locator("#history-list li").count() == 0


def test_a_random_question_asks_itself(open_page):
    page = open_page()
    page.locator("#random").click()
    page.locator("#answer article[data-run]").wait_for()
    assert page.locator("#question textarea").input_value() == page.locator("#answer h2").inner_text()


def test_twenty_questions_at_once_are_each_answered_or_clearly_refused(open_page, served):
    page = open_page()
    # Without the client's own five seconds for every request: a slow machine is no failure.
    clients = [Client(served, verbose=False, httpx_kwargs={"timeout": None}) for _ in range(4)]

    def outcome(number):
        try:
            client = clients[number % len(clients)]
            return client.predict(f"What are tides, {number}?", generator="extractive", api_name="/ask")["answer"]
        except Exception as error:
            return str(error)

    outcome(0)
    before = psutil.Process().memory_info().rss
    with ThreadPoolExecutor(24) as pool:
        waiting = [pool.submit(outcome, number) for number in range(24)]
        page.locator("#random").click()  # the page stays usable, whether its own question is taken or refused
        outcomes = [one.result() for one in waiting]
    # Now nobody is in the line before it.
    page.locator("#answer article[data-run], #status .problem").first.wait_for()
    refused = [text for text in outcomes if "Queue is full" in text]
    assert all(text.endswith(".") for text in outcomes) and len(refused) < 12
    assert psutil.Process().memory_info().rss - before < 200_000_000
    ask(page)
