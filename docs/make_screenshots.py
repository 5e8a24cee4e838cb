"""Take the README's pictures of the page: 1280 and 360 px wide, light and dark, with a real answer.

    python app.py --port 7860 &
    python docs/make_screenshots.py http://127.0.0.1:7860

It drives Chromium through Playwright and knows the page only from outside.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, sync_playwright

QUESTION = "Why do flutes count as woodwinds when they are made of metal?"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def take(
    browser: Browser, address: str, question: str, width: int, scheme: Literal["light", "dark"], path: Path
) -> None:
    """Ask the question at one width and in one colour scheme, and keep a picture of the whole page."""
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, has_touch=width < 500, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(address)
    page.locator("#question textarea").fill(question)
    page.locator("#ask").click()
    page.locator("#status .past", has_text="Done").wait_for(timeout=120_000)
    page.locator("#answer .tally").wait_for()
    if width < 500:
        page.locator("#passages summary").first.click()
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    page.wait_for_timeout(300)
    page.screenshot(path=path, full_page=True)
    context.close()


def main() -> int:
    """Take four pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", nargs="?", default="http://127.0.0.1:7860")
    parser.add_argument("--question", default=QUESTION)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, metavar="DIR")
    options = parser.parse_args()
    chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for width in (1280, 360):
            for scheme in schemes:
                path = options.output / f"page-{width}-{scheme}.png"
                take(browser, options.address, options.question, width, scheme, path)
                sys.stderr.write(f"{path}\n")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
