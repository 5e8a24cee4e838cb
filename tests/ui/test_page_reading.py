"""The page in a real browser, over the tiny corpus: reading, evidence, keyboard, phone, dark, hostile text, axe."""

from __future__ import annotations

import pytest

from tests.ui.conftest import HOSTILE
from tests.ui.driving import ask, open_tool

pytestmark = pytest.mark.browser
TOOLS = ("History", "Compare", "With and without passages", "Nearest written question", "Run card")
WIDTH = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"


def focused(page, attribute):
    return page.evaluate(f"document.activeElement.getAttribute('{attribute}')")


def test_a_sentence_leads_to_its_mark_and_the_mark_back_by_mouse(open_page):
    page = open_page()
    ask(page)
    page.locator("#sentence-2 .words").first.hover()
    assert "lit" in page.locator("#sentence-2").get_attribute("class")
    assert page.locator('#passages mark.lit[data-sentences~="2"]').count() == 1
    page.locator("#sentence-1 a.cite").click()
    assert page.locator('#passages mark.lit[data-sentences~="1"]').count() == 1
    page.locator('#passages mark[data-sentences~="2"]').click()
    assert "lit" in page.locator("#sentence-2").get_attribute("class")
    assert "lit" not in page.locator("#sentence-1").get_attribute("class")


def test_everything_works_by_keyboard_alone(open_page):
    page = open_page()
    page.locator("#question textarea").focus()
    page.keyboard.type("What are tides?")
    page.keyboard.press("Enter")
    page.locator("#answer article[data-run]").wait_for()
    for _ in range(40):
        page.keyboard.press("Tab")
        if focused(page, "class") and "cite" in focused(page, "class"):
            break
    assert "cite" in focused(page, "class")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    number = focused(page, "data-sentence")
    page.keyboard.press("Enter")
    assert focused(page, "class") == "back" and focused(page, "data-sentence") == number
    page.keyboard.press("Enter")
    assert "cite" in focused(page, "class") and focused(page, "data-sentence") == number
    page.locator("#tools > button").focus()
    page.keyboard.press("Enter")
    page.locator("#dependence-tool > button").focus()
    page.keyboard.press("Enter")
    page.locator("#dependence-go").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_with_any_tool(open_page, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = open_page(scheme=scheme, reduced_motion="reduce")
    assert ("dark" in page.evaluate("document.body.className")) == (scheme == "dark")

    def serious():
        found = axe.run(page).response["violations"]
        return [
            (row["id"], [node["html"][:160] for node in row["nodes"]])
            for row in found
            if row["impact"] in ("serious", "critical")
        ]

    assert serious() == []
    ask(page)
    for tab in TOOLS:
        open_tool(page, tab)
        page.wait_for_timeout(300)
        assert serious() == [], tab
    page.locator("#settings .toggle-button").click()
    page.wait_for_timeout(500)
    assert serious() == []


def test_a_phone_has_no_sideways_scroll_with_any_tool_and_large_targets(open_page):
    page = open_page(width=360)
    assert page.evaluate(WIDTH) <= 360
    ask(page)
    assert page.locator("#passages details[open]").count() == 0
    cite = page.locator("#sentence-1 a.cite")
    cite.tap()
    assert cite.get_attribute("aria-expanded") == "true"
    assert page.locator("#evidence-1").is_visible()
    evidence, sentence = page.locator("#evidence-1").bounding_box(), page.locator("#sentence-1").bounding_box()
    assert sentence["y"] <= evidence["y"] <= sentence["y"] + sentence["height"]
    cite.tap()
    assert not page.locator("#evidence-1").is_visible()
    answer, rating, passages = (page.locator(name).bounding_box()["y"] for name in ("#answer", "#rating", "#passages"))
    assert answer < passages < rating
    for tab in TOOLS:
        open_tool(page, tab)
        page.wait_for_timeout(300)
        assert page.evaluate(WIDTH) <= 360, tab
    small = page.evaluate(
        """[...document.querySelectorAll('main button, a.cite, a.back, summary, #rating fieldset label')]
        .filter((one) => one.checkVisibility({visibilityProperty: true}) && !one.closest('[aria-hidden=true]'))
        .map((one) => [one.outerHTML.slice(0, 90), one.getBoundingClientRect()])
        .filter(([_, box]) => box.width > 1 && (box.height < 43.5 || box.width < 39)).map(([html, _]) => html)"""
    )
    assert small == []


@pytest.mark.parametrize(("width", "most"), [(1280, 44), (360, 48)])
def test_the_bar_of_own_documents_is_one_line_under_the_examples_and_arrows_point_aside(open_page, width, most):
    page = open_page(width=width)
    bar = page.locator("#own").bounding_box()
    assert bar["height"] <= most
    chip = page.locator("#examples .chip").first.bounding_box()
    assert page.locator("#question").bounding_box()["y"] < chip["y"] < bar["y"]
    arrow = "getComputedStyle(document.querySelector('#own .label-wrap .icon')).transform"
    assert page.evaluate(arrow) == "matrix(0, -1, 1, 0, 0, 0)"
    page.locator("#own > button").click()
    page.locator("#own-files").wait_for()
    page.wait_for_timeout(500)
    assert page.evaluate(arrow) in ("none", "matrix(1, 0, 0, 1, 0, 0)")


def test_motion_stops_for_those_who_ask(open_page):
    page = open_page(reduced_motion="reduce")
    page.locator("html.built").wait_for()  # until then the style waits to show the page, which is no motion
    ask(page)
    moving = "document.getAnimations().filter((one) => one.playState === 'running').length"
    assert page.evaluate(moving) == 0
    assert page.locator("#answer .words").first.evaluate("(one) => getComputedStyle(one).transitionDuration") == "0s"


def test_hostile_question_title_section_and_text_are_shown_as_typed_and_never_run(open_page):
    page = open_page("?retrieval=sparse")
    ask(page, HOSTILE)
    tidy = " ".join(HOSTILE.split())
    assert page.locator("#answer h2").inner_text() == tidy
    for group in page.locator("#passages .unused:not([open]) > summary").all():
        group.click()
    card = page.locator("#passages .card", has_text="onerror").first
    assert card.locator(".title").inner_text() == f"{tidy} › {tidy}"
    assert tidy in card.locator(".body").inner_text()
    assert card.locator(".body a:not(.back)").count() == 0, "javascript: is no address"
    for tab in TOOLS:
        open_tool(page, tab)
    assert page.locator("#history-list a").first.inner_text() == tidy
    page.reload()
    page.locator("#status .kept").wait_for()
    assert page.locator("#answer h2").inner_text() == tidy
    assert page.evaluate("window.ran") is None
    assert page.locator("main img[src=x], main script").count() == 0
