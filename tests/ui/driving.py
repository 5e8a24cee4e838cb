"""What a visitor does in the browser tests."""

from __future__ import annotations


def ask(page, question="What are tides?"):
    """Ask and wait for the end."""
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")
    page.locator("#answer h2", has_text=question).wait_for()
    page.locator("#answer article[data-run]").wait_for()


def open_tab(page, name):
    """A tab, or its entry in the menu of those that do not fit."""
    page.get_by_role("tab", selected=True).wait_for()
    tab = page.get_by_role("tab", name=name)
    if tab.count() and tab.first.is_visible():
        tab.first.click()
    else:
        page.locator("#tabs .overflow-menu > button").click()
        page.locator("#tabs .overflow-dropdown button", has_text=name).click()


def choose(page, label, value):
    """Type a value into a dropdown that allows it."""
    box = page.get_by_label(label, exact=True).first
    box.fill(value)
    box.press("Enter")
