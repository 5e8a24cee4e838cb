"""Take pictures of the page: every tab, 1280 and 360 px wide, light and dark, with a real answer.

    python app.py --port 7860 &
    python docs/make_screenshots.py http://127.0.0.1:7860

It drives Chromium through Playwright and knows the page only from outside.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import argparse
import os
import sys
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

QUESTION = "Why do flutes count as woodwinds when they are made of metal?"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
WIDTHS = (1280, 360)
TABS = {
    "compare": "Compare",
    "with-and-without": "With and without passages",
    "nearest": "Nearest written question",
    "run-card": "Run card",
    "history": "History",
}
_LONGEST_WAIT = 240_000  # milliseconds


def visit(browser: Browser, address: str, question: str, width: int, scheme: Scheme, folder: Path) -> None:
    """Ask the question at one width and in one colour scheme; a picture of the page, then one of each tab."""
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, has_touch=width < 500, reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(_LONGEST_WAIT)
    page.goto(address)
    page.locator("#question textarea").fill(question)
    page.locator("#ask").click()
    page.locator("#answer article[data-run]").wait_for()
    if width < 500:
        page.locator("#answer a.cite").first.click()
        page.locator("#passages summary").first.click()
    _take(page, folder / f"page-{width}-{scheme}.png")
    for name, title in TABS.items():
        _open(page, title)
        _use(page, name)
        _take(page, folder / f"{name}-{width}-{scheme}.png", "#tabs")
    context.close()


def _open(page: Page, title: str) -> None:
    """Open a tab, from the menu where it does not fit."""
    tab = page.get_by_role("tab", name=title)
    if tab.count() and tab.first.is_visible():
        tab.first.click()
    else:
        page.locator("#tabs .overflow-menu > button").click()
        page.locator("#tabs .overflow-dropdown button", has_text=title).click()


def _use(page: Page, name: str) -> None:
    """Do what the tab is for."""
    if name == "compare":
        for label, value in (("Generator of B", "extractive"), ("Retrieval of B", "sparse")):
            box = page.get_by_label(label, exact=True).first
            box.fill(value)
            box.press("Enter")
        page.locator("#compare-go").click()
        page.locator("#votes").wait_for()
        page.get_by_role("button", name="Answer 1 is better").click()
        page.locator("#compare-first .who").wait_for()
    elif name == "with-and-without":
        page.locator("#dependence-go").click()
        page.locator(".dependence").wait_for()
    elif name == "nearest":
        page.locator("#scores fieldset").first.get_by_text("4", exact=True).click()
        page.locator("#send").click()
        page.locator("#nearest .text").wait_for()


def _take(page: Page, path: Path, part: str = "") -> None:
    """A picture of the whole page or of a part, without pointer or focus."""
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    page.wait_for_timeout(500)
    if part:
        page.locator(part).screenshot(path=path)
    else:
        page.screenshot(path=path, full_page=True)
    sys.stderr.write(f"{path}\n")


def main() -> int:
    """Take all pictures, or those of one width and scheme."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", nargs="?", default="http://127.0.0.1:7860")
    parser.add_argument("--question", default=QUESTION)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, metavar="DIR")
    parser.add_argument("--width", type=int, choices=WIDTHS, help="only this one")
    parser.add_argument("--scheme", choices=SCHEMES, help="only this one")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for width in (options.width,) if options.width else WIDTHS:
            for scheme in (options.scheme,) if options.scheme else SCHEMES:
                visit(browser, options.address, options.question, width, scheme, options.output)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
