"""A visitor drops documents on the real page and asks them, on; another visitor cannot."""

from __future__ import annotations

import re

import pytest
from fpdf import FPDF
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.ui.conftest import HOSTILE
from tests.ui.driving import ask, open_tool
from ui.offer import Offer
from ui.page import build_page, serve
from ui.visits import bytes_waiting

pytestmark = pytest.mark.browser
TEXT = "The Quillfeather is a bird of the northern marshes. It builds its nest of reeds and lays four blue eggs."


@pytest.fixture
def documents(tmp_path):
    """A small PDF, a hostile text and a picture that is called a PDF."""
    file = FPDF()
    file.add_page()
    file.set_font("Helvetica", size=11)
    file.multi_cell(0, 6, TEXT)
    file.output(str(tmp_path / "birds.pdf"))
    (tmp_path / "hostile.txt").write_text(f"{HOSTILE} is a quillfeather.")
    (tmp_path / "photo.pdf").write_bytes(b"\x89PNG" + bytes(100))
    return tmp_path


def drop(page, *paths):
    """Open the place for files, drop some, and wait until they can be asked."""
    if not page.locator("#own-files").is_visible():
        page.locator("#own > button").click()
    page.locator("#own-files input[type=file]").set_input_files([str(path) for path in paths])
    page.locator("#own-said .good, #own-said .warn").first.wait_for()
    page.locator("#own-said .progress").wait_for(state="detached")


def test_a_dropped_pdf_is_asked_at_once_and_asked_on(open_page, documents):
    page = open_page()
    drop(page, documents / "birds.pdf")
    assert "birds.pdf: 1 passage" in page.locator("#own-said").inner_text()
    page.locator("#header", has_text="your own: birds.pdf").wait_for()
    ask(page, "Where does the quillfeather live?")
    assert "northern marshes" in page.locator("#answer .text").inner_text()
    page.locator("#own-files").wait_for(state="hidden")  # what was asked has the room now
    assert page.locator("#passages .title").first.inner_text().startswith("birds")
    assert page.locator("#passages .source").count() == 0  # they lead nowhere
    assert not page.locator("#rating").is_visible()
    page.locator("#follow-box textarea").fill("And its eggs?")
    page.locator("#follow-box textarea").press("Enter")
    page.locator("#answer h2", has_text="And its eggs?").wait_for()
    page.locator("#answer article[data-run]").wait_for()
    assert "Where does the quillfeather live?" in page.locator("#answer .follows").inner_text()
    assert page.locator("#passages .kept").count() == 1
    assert bytes_waiting() == 0


def test_a_bad_file_is_told_and_the_rest_can_be_asked(open_page, documents):
    page = open_page()
    drop(page, documents / "photo.pdf", documents / "hostile.txt")
    said = page.locator("#own-said").inner_text()
    assert "photo.pdf: it is no pdf file: it begins as a PNG picture does" in said
    assert "hostile.txt: 1 passage" in said
    ask(page, "What is a quillfeather?")
    assert page.evaluate("window.ran") is None


def test_the_button_deletes_and_the_choice_goes_back(open_page, documents):
    page = open_page()
    drop(page, documents / "birds.pdf")
    page.locator("#own-delete").click()
    page.locator("#own-said", has_text="Your documents are deleted.").wait_for()
    page.locator("#index").wait_for(state="hidden")
    ask(page, "What are tides?")
    assert not re.search("birds", page.locator("#passages").inner_text())


def test_nobody_else_can_ask_them(open_page, documents, served):
    mine = open_page()
    drop(mine, documents / "birds.pdf")
    ask(mine, "Where does the quillfeather live?")
    link = mine.locator("#answer article").get_attribute("data-link")
    name = re.search(r"index=own%3A([\w-]+)", link)[1]
    other = open_page(link)
    other.locator("#status .problem", has_text="a visitor's own documents").wait_for()
    assert not other.locator("#index").is_visible()
    assert "birds" not in other.locator("body").inner_text()
    client = Client(served, verbose=False, httpx_kwargs={"timeout": None})
    for endpoint in ("/ask", "/retrieve"):
        with pytest.raises(AppError, match="a visitor's own documents"):
            client.predict("Where does the quillfeather live?", index=f"own:{name}", api_name=endpoint)
    assert "own" not in str(client.view_api(return_format="dict")["named_endpoints"]["/ask"]["parameters"]).split()


def test_a_closed_page_takes_its_documents_along(open_page, documents, served):
    page = open_page()
    drop(page, documents / "birds.pdf")
    ask(page, "Where does the quillfeather live?")
    link = page.locator("#answer article").get_attribute("data-link")
    page.goto(served + link)  # another visit, in the same browser
    page.locator("#status .problem", has_text="a visitor's own documents").wait_for()


def test_what_own_documents_say_is_kept_for_this_page_alone(open_page, documents, served):
    page = open_page()
    ask(page, "What is honey?")
    drop(page, documents / "birds.pdf")
    ask(page, "Where does the quillfeather live?")
    page.go_back()
    page.locator("#status .kept").wait_for()
    page.go_forward()
    page.locator("#answer h2", has_text="quillfeather").wait_for()
    open_tool(page, "History")
    page.locator("#history-list a", has_text="quillfeather").wait_for()
    stored = page.evaluate("JSON.stringify(localStorage)")
    assert "honey" in stored and "quillfeather" not in stored.lower() and "marshes" not in stored
    page.goto(served)
    open_tool(page, "History")
    page.locator("#history-list a").first.wait_for()
    assert page.locator("#history-list a").all_inner_texts() == ["What is honey?"]


def test_a_written_question_that_the_index_answers_is_suggested(open_page):
    page = open_page()
    ask(page, "What are tides?")
    chips = page.locator("#suggested button")
    chips.first.wait_for()
    question = chips.first.inner_text()
    chips.first.click()
    page.locator("#answer h2", has_text=question).wait_for()
    assert page.locator("#question textarea").input_value() == question


def test_an_operator_may_switch_it_off(tiny_qa, store, browser):
    page = build_page(tiny_qa, store=store, offer=Offer.of(uploads=False))
    try:
        view = browser.new_page()
        view.goto(serve(page, "127.0.0.1"))
        view.locator("#question textarea").wait_for()
        assert view.locator("#own").count() == 0
        view.close()
    finally:
        page.close(verbose=False)
