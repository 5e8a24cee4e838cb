"""Take pictures of the page, 1280 and 360 px wide, light and dark, of its tools, and a moving one, with a real answer.

    python app.py --port 7860 &
    python -m docs.make_screenshots http://127.0.0.1:7860
    python app.py --study my-study --port 7870 &
    python -m docs.make_screenshots http://127.0.0.1:7870 --study --width 1280 --scheme light

It drives Chromium through Playwright and knows the page only from outside.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import io
import os
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from core.command import Parser

QUESTION = "How do mirrors work?"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
WIDTHS = (1280, 360)
TOOLS = {"compare": "compare", "with-and-without": "dependence"}
_FILM = (1000, 760)  # pixels of the moving picture
_LAST = 2500  # milliseconds for which its last frame stays
_LONGEST_WAIT = 240_000  # milliseconds


def visit(browser: Browser, address: str, question: str, width: int, scheme: Scheme, folder: Path) -> None:
    """Ask the question at one width and in one colour scheme; a picture of the page, at first also of tools."""
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
    if (width, scheme) == (WIDTHS[0], SCHEMES[0]):
        page.locator("#tools > button").click()
        for name, tool in TOOLS.items():
            page.locator(f"#{tool}-tool > button").click()
            _use(page, name)
            _take(page, folder / f"{name}-{width}-{scheme}.png", f"#{tool}-tool")
            page.locator(f"#{tool}-tool > button").click()
    context.close()


def judge(browser: Browser, address: str, question: str, width: int, scheme: Scheme, folder: Path) -> None:
    """A picture of a study's question, of which some is judged already."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(_LONGEST_WAIT)
    page.goto(address)
    page.locator("#name input, #name textarea").first.fill(f"Ada {width} {scheme}")
    page.locator("#begin").click()
    page.locator("#sheet").wait_for()
    while question not in page.locator("#sheet h2").inner_text():
        before = page.locator("#sheet h2").inner_text()
        page.keyboard.press("s")
        page.locator("#sheet h2").filter(has_not_text=before).wait_for()
    for key in "11":
        page.keyboard.press(key)
    page.locator("#said", has_text="stored").wait_for()
    _take(page, folder / f"study-{width}-{scheme}.png")
    context.close()


def film(browser: Browser, address: str, question: str, path: Path) -> None:
    """One question from Ask to its evidence, as it went, as a moving WebP picture."""
    width, height = _FILM
    # Without the blinking of what is under way, which would make every frame another one.
    page = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce").new_page()
    page.set_default_timeout(_LONGEST_WAIT)
    page.goto(address)
    page.locator("#question textarea").fill(question)
    frames: list[tuple[float, bytes]] = []

    def take() -> None:
        frames.append((time.perf_counter(), page.screenshot()))

    take()
    page.locator("#ask").click()
    while not page.locator("#answer article[data-run]").count():
        take()
    for number in range(1, page.locator("#answer .sentence").count() + 1):
        take()
        page.locator(f"#sentence-{number} .words").first.hover()
        page.wait_for_timeout(800)
        take()
    _save_film([(at, Image.open(io.BytesIO(picture)).convert("RGB")) for at, picture in frames], path)


def _save_film(frames: list[tuple[float, Image.Image]], path: Path) -> None:
    """Frames with their seconds as one picture; those that are like the one before only make that one longer."""
    kept = [frame for before, frame in pairwise([(0.0, None), *frames]) if frame[1] != before[1]]
    times = [round(1000 * (later - at)) for (at, _), (later, _) in pairwise(kept)]
    first, *others = (picture for _, picture in kept)
    first.save(path, save_all=True, append_images=others, duration=[*times, _LAST], loop=0, quality=60, method=4)
    sys.stderr.write(f"{path}, {path.stat().st_size:,} bytes\n")


def _use(page: Page, name: str) -> None:
    """Do what a tool is for."""
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
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("address", nargs="?", default="http://127.0.0.1:7860")
    parser.add_argument("--question", default=QUESTION)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, metavar="DIR")
    parser.add_argument("--width", type=int, choices=WIDTHS, help="only this one")
    parser.add_argument("--scheme", choices=SCHEMES, help="only this one")
    parser.add_argument("--study", action="store_true", help="the address is that of a study: a question of it instead")
    parser.add_argument("--film", action="store_true", help="only the moving picture")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for width in () if options.film else (options.width,) if options.width else WIDTHS:
            for scheme in (options.scheme,) if options.scheme else SCHEMES:
                taken = judge if options.study else visit
                taken(browser, options.address, options.question, width, scheme, options.output)
        if options.film or not (options.width or options.scheme or options.study):
            film(browser, options.address, options.question, options.output / "page.webp")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
