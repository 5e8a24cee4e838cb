"""The study's page in Chromium: twelve questions judged by clicks and keys, the server killed in between."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from evaluation.study.judgements import read_judges
from tests.evaluation.study.conftest import run

ROOT = Path(__file__).parents[3]
PATIENCE = 120_000  # milliseconds; a slow machine is no failure
pytestmark = pytest.mark.browser


@pytest.fixture
def serve(study, tmp_path):
    """Serves the study; the process and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = []

    def begin():
        command = [sys.executable, "app.py", "--study", str(study.folder), "--port", str(port)]
        with (tmp_path / "log").open("w") as log:
            running.append(subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log))
        end = time.monotonic() + PATIENCE / 1000
        while time.monotonic() < end and running[-1].poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=10).close()
                return running[-1], f"http://127.0.0.1:{port}"
            except OSError:
                time.sleep(0.2)
        pytest.fail((tmp_path / "log").read_text())

    yield begin
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture
def open_page(browser):
    """Opens a page that fails the test on any error or request elsewhere."""
    contexts, problems = [], []

    def opened(address, width=1280, scheme="light"):
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.append(request.url) if "//127.0.0.1" not in request.url else None)
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert problems == []


def begin(page, name):
    page.locator("#name :is(input, textarea)").fill(name)
    page.locator("#begin").click()
    page.locator("#sheet").wait_for()


def alpha_stands(page):
    """The side of the answer that quotes the passage."""
    first = page.locator("#sheet .side").first.inner_text()
    return "left" if "made by bees" in first else "right"


def choose(page, field, value):
    page.locator(f'input[name="{field}"][value="{value}"]').dispatch_event("click")


def judge(page, winner, by_keys=False):
    """Judge the question shown: alpha's sentences supported, 4 and 5; beta's not and partly, 2 and 3."""
    question, side = page.locator("#sheet h2").inner_text(), alpha_stands(page)
    other = {"left": "right", "right": "left"}[side]
    preference = {"alpha": side, "beta": other}.get(winner, winner)
    if by_keys:
        keys = {side: "1145", other: "3223"}
        for key in keys["left"] + keys["right"] + "1234"[["left", "right", "tie", "both bad"].index(preference)] + "n":
            page.keyboard.press(key)
    else:
        for where, values in ((side, ("supported", "supported", 4, 5)), (other, ("not supported", "partly", 2, 3))):
            for field, value in zip(("s1", "s2", "coverage", "coherence"), values, strict=True):
                choose(page, f"{where}.{field}", value)
        choose(page, "preference", preference)
        page.locator("#next").click()
    page.locator("#sheet h2").filter(has_not_text=question).wait_for()


def test_twelve_questions_judged_killed_continued_and_reported(serve, open_page, study, tmp_path):
    server, address = serve()
    page = open_page(address)
    begin(page, "Ada")
    page.locator("#said", has_text="0 of 12 judged").wait_for()
    for number in range(5):
        judge(page, "alpha", by_keys=number % 2 == 1)
    # In the middle of the sixth question, three choices made and stored.
    side = alpha_stands(page)
    choose(page, f"{side}.s1", "supported")
    choose(page, f"{side}.coherence", 5)
    page.locator('textarea[name="reason"]').fill("it quotes the passage")
    page.wait_for_function("() => document.querySelector('#said').innerText.includes('stored')")
    drafts = lambda: list(read_judges(study)[0].drafts.values())  # noqa: E731
    end = time.monotonic() + PATIENCE / 1000
    while drafts()[-1].get("reason") != "it quotes the passage" and time.monotonic() < end:
        time.sleep(0.1)
    question = page.locator("#sheet h2").inner_text()
    os.kill(server.pid, signal.SIGKILL)
    server.wait()
    back = page.url
    assert re.search(r"\?judge=Ada&key=[\w-]+$", back)

    serve()
    page = open_page(back)
    page.locator("#said", has_text="5 of 12 judged").wait_for()
    page.locator("#sheet h2", has_text=question).wait_for()
    assert page.locator("input:checked").count() == 2
    assert page.locator('textarea[name="reason"]').input_value() == "it quotes the passage"
    # What is missing is said, and nothing is lost by it.
    page.keyboard.press("n")
    page.locator("#said .problem", has_text="Not yet judged: sentence").wait_for()
    judge(page, "alpha")
    judge(page, "beta")
    # The last one is taken back, looked at again, and changed.
    page.keyboard.press("u")
    page.locator("#said", has_text="6 of 12 judged").wait_for()
    page.locator('input[name="preference"]:checked').wait_for(state="attached")
    judge(page, "tie")
    skipped = page.locator("#sheet h2").inner_text()
    page.keyboard.press("s")
    page.locator("#said", has_text="1 skipped").wait_for()
    for winner in ("beta", "both bad", "alpha", "alpha"):
        judge(page, winner, by_keys=True)
    page.locator("#sheet", has_text="All are judged but 1 that you skipped").wait_for()
    page.locator("#again").click()
    page.locator("#sheet h2", has_text=skipped).wait_for()
    judge(page, "beta")
    page.locator("#sheet", has_text="All are judged. Thank you!").wait_for()

    assert run("report", study.folder, "--output", tmp_path / "report") == 0
    found = json.loads((tmp_path / "report/report.json").read_text())
    (pair,) = found["pairs"]
    assert [pair[name] for name in ("wins", "losses", "tie", "both bad")] == [8, 2, 1, 1]
    assert pair["share"]["value"] == round(8.5 / 11, 4) and pair["p"] == round(2 * (1 + 10 + 45) / 2**10, 4)
    alpha, beta = found["systems"]["alpha"], found["systems"]["beta"]
    assert [alpha[name]["value"] for name in ("supported", "coverage", "coherence")] == [1, 4, 5]
    assert [beta[name]["value"] for name in ("supported", "partly", "not supported", "coverage", "coherence")] == [
        0, 0.5, 0.5, 2, 3
    ]  # fmt: skip
    assert found["judges"] == [{"judge": "Ada", "is": "person", "judgements": 12}]


def test_a_taken_name_a_phone_and_text_that_would_run(serve, open_page):
    _, address = serve()
    page = open_page(address, 360, "dark")
    begin(page, "Ada")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    heights = page.locator("#sheet .choices span, #acts button").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().height)"
    )
    assert min(heights) >= 44
    assert "<b>blue</b> ${window.ran=1}" in page.locator("#sheet").inner_text()
    assert page.evaluate("window.ran") is None
    assert not re.search("alpha|beta", page.locator("#sheet").evaluate("one => one.outerHTML"))
    other = open_page(address)
    other.locator("#name :is(input, textarea)").fill("ada")
    other.locator("#begin").click()
    other.locator("#said .problem", has_text="Ada is judging this study already").wait_for()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: folder / "nowhere", "is no study"),
        (lambda folder: (folder / "answers/beta.jsonl").unlink() or folder, "there is no file"),
    ],
)
def test_what_is_no_study_is_said_in_a_line(study, spoil, told):
    command = [sys.executable, "app.py", "--study", str(spoil(study.folder)), "--port", "7999"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1 and told in ended.stderr and "Traceback" not in ended.stderr
