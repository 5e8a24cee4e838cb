"""The real page in a real browser: ask, read, stop, hostile strings, a narrow screen.

Needs the assets and Chromium (Debian's package; another path can be given in the variable CHROMIUM).
"""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.interrupting import interruptible

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 240_000  # milliseconds; a slow machine is no failure
pytestmark = [pytest.mark.browser, pytest.mark.assets]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers_on(address):
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE / 1000):
            return True
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    port, log = free_port(), tmp_path_factory.mktemp("page") / "log"
    with log.open("w") as output:
        command = interruptible([sys.executable, "app.py", "--port", str(port)])
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
    try:
        address = f"http://127.0.0.1:{port}"
        while not answers_on(address) and process.poll() is None:
            time.sleep(0.5)
        assert process.poll() is None, f"the page did not start:\n{log.read_text()}"
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE / 1000)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert "Traceback" not in log.read_text()
    assert process.returncode == 0, f"Ctrl-C did not end the page quietly:\n{log.read_text()}"


@pytest.fixture
def page(browser, address):
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.elsewhere = []
    page.on("request", lambda request: page.elsewhere.append(request.url) if "//127.0.0.1" not in request.url else None)
    page.goto(address)
    page.locator("#question textarea").wait_for()
    yield page
    context.close()


def ask(page, question):
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")


def wait_for_end(page):
    page.locator("#status .past", has_text=re.compile("Done|Stopped")).wait_for()
    page.locator('#answer .answer[aria-busy="false"]').wait_for()


def choose_generator(page, name):
    page.locator("#settings .toggle-button").click()
    box = page.get_by_label("Generator", exact=False).first
    box.fill(name)
    box.press("Enter")
    page.locator("#settings .toggle-button").click()


def test_a_question_gives_passages_scores_and_a_traced_answer(page):
    ask(page, "How do mirrors work?")
    wait_for_end(page)
    titles = page.locator("#passages .title").all_text_contents()
    assert len(titles) == 4 and any("irror" in title for title in titles)
    cards = zip(
        *(page.locator(f"#passages .{part}").all_text_contents() for part in ("card .number", "score b")), strict=True
    )
    scores = [float(score) for _, score in sorted(cards)]
    assert scores == sorted(scores, reverse=True) and scores[0] > 0
    assert "cosine" in page.locator("#passages .how").first.text_content()
    sentences = page.locator("#answer .sentence").all_inner_texts()
    assert re.search(r"supported|partly", sentences[0])
    assert all(re.search(r"supported|partly|says what is missing", text) for text in sentences)
    assert re.search(r"nswered\. The passages", page.locator("#answer .verdict").inner_text())
    assert "mirror" in page.locator("#answer .text").inner_text().lower()
    assert page.locator("#status").inner_text().count(" s") >= 4
    assert page.locator("#passages mark").count() >= 1
    assert page.elsewhere == []


def test_a_sentence_number_leads_to_its_passage(page):
    ask(page, "How do bees make honey?")
    wait_for_end(page)
    cite = page.locator("#answer a.cite").first
    cite.click()
    number = cite.get_attribute("data-passage")
    assert "lit" in page.locator(f"#passage-{number}").get_attribute("class")
    assert page.locator("#passages mark.lit").count() >= 1
    assert page.locator("#passages .used[open]").count() == page.locator("#passages .used").count() >= 1


def test_an_example_asks_itself(page):
    page.get_by_role("button", name="Why is the sky blue?").click()
    wait_for_end(page)
    assert page.locator("#question textarea").input_value() == "Why is the sky blue?"
    assert page.locator("#answer h2").inner_text() == "Why is the sky blue?"


def test_stop_ends_a_long_answer_and_the_page_answers_again(page, address):
    # So long that Stop comes before its end, however busy the machine.
    page.goto(f"{address}?q=How+do+vaccines+work%3F&generator=fused&decoding=greedy&min_words=1000&max_words=1000")
    page.locator("#answer .caret").wait_for()
    shown = page.locator("#answer .text").inner_text()
    page.locator("#stop").click()
    page.locator("#status .past", has_text="Stopped").wait_for()
    assert "Stopped" in page.locator("#answer .notice").inner_text()
    kept = page.evaluate("JSON.parse(document.querySelector('#answer article').dataset.json).answer")
    assert shown.strip() and kept.startswith(shown.strip())
    assert page.locator("#question textarea").input_value() == "How do vaccines work?"
    assert page.locator("#stop").is_disabled()
    choose_generator(page, "extractive")
    ask(page, "Why is the sky blue?")
    page.locator("#status .past", has_text="Done").wait_for()


@pytest.mark.parametrize(
    "hostile",
    [
        '<img src=x onerror="window.ran=1"> is this a tag?',
        "${window.ran=1} why ${alert(1)}?",
        r"why \u0041 and \x3cscript\x3e and C:\new?",
        "why `${window.ran=1}` and {{window}} @children?",
        "</h2><script>window.ran=1</script> why?",
    ],
)
def test_hostile_questions_are_shown_as_typed_and_never_run(page, hostile):
    dialogs, errors = [], []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: errors.append(str(error)))
    ask(page, hostile)
    wait_for_end(page)
    assert page.locator("#answer h2").inner_text() == " ".join(hostile.split())
    assert page.evaluate("window.ran") is None
    assert dialogs == [] and errors == []
    assert page.locator("#answer h2 *").count() == 0


@pytest.mark.parametrize(("question", "message"), [("", "empty"), ("?!", "no words"), ("a" * 10_000, "10,000")])
def test_what_cannot_be_asked_is_said_and_nothing_is_lost(page, question, message):
    ask(page, question)
    page.locator("#status .problem", has_text=message).wait_for()
    assert page.locator("#question textarea").input_value() == question


def test_an_unknown_generator_is_said_and_the_question_stays(page, tmp_path):
    choose_generator(page, str(tmp_path / "nothing"))
    ask(page, "Why is the sky blue?")
    page.locator("#status .problem").wait_for()
    assert "nothing" in page.locator("#status .problem").inner_text()
    assert page.locator("#question textarea").input_value() == "Why is the sky blue?"


def test_a_phone_has_one_column_closed_cards_and_no_sideways_scroll(page):
    page.set_viewport_size({"width": 360, "height": 740})
    width = "[document.documentElement.scrollWidth, document.body.scrollWidth]"
    assert max(page.evaluate(width)) <= 360
    ask(page, "How do mirrors work?")
    wait_for_end(page)
    assert max(page.evaluate(width)) <= 360
    assert page.locator("#passages details[open]").count() == 0
    cite = page.locator("#answer a.cite").first
    box = cite.bounding_box()
    assert box["height"] >= 44 and box["width"] >= 44
    cite.click()
    page.locator("#evidence-1").wait_for()
    assert cite.get_attribute("aria-expanded") == "true"
    page.locator("#evidence-1 a.whole").click()
    page.locator("#passages details[open] mark").first.wait_for()
    answer, found = page.locator("#answer").bounding_box(), page.locator("#passages").bounding_box()
    assert found["y"] > answer["y"] and found["x"] == answer["x"]


def test_a_taken_port_is_told_in_one_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run([sys.executable, "app.py", "--port", str(port)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: port {port}") and done.stderr.count("\n") == 1
