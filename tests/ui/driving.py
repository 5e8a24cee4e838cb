"""What a visitor does in the browser tests."""

from __future__ import annotations


def ask(page, question="What are tides?"):
    """Ask and wait for the end."""
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")
    page.locator("#answer h2", has_text=question).wait_for()
    page.locator("#answer article[data-run]").wait_for()


def open_tool(page, name):
    """One of the tools under the answer, in the place that holds them all; what is open stays open."""
    for button in (page.locator("#tools > button"), page.locator(".one-tool > button", has_text=name).first):
        button.wait_for()
        if "open" not in button.get_attribute("class").split():
            button.click()


def choose(page, label, value):
    """Type a value into a dropdown that allows it."""
    box = page.get_by_label(label, exact=True).first
    box.fill(value)
    box.press("Enter")
