"""A whole blind comparison in a real browser: write the sheet, vote by keys and by mouse, download, tally."""

import json

import pytest

from evaluation.answers import main

pytestmark = pytest.mark.browser

HOSTILE = '</script><script>window.ran=1</script> <img src=x onerror="window.ran=1"> ${window.ran=1} `\\u0041` \'"'
QUESTIONS = [
    {"id": name, "question": f"Why {name}? {HOSTILE}", "answer": f"Because. {HOSTILE}", "titles": []} for name in "abc"
]


@pytest.fixture
def sheet(tmp_path, capsys):
    """The sheet's path and its key, of systems that tell themselves by their first word."""
    passages = [{"title": HOSTILE, "text": f"A passage. {HOSTILE}", "read": True}]
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS))
    for name in ("alpha", "beta"):
        rows = [
            {
                "question": row["question"],
                "answer": f"The {name[0].upper()} is so. {HOSTILE}.",
                "answerable": True,
                "passages": passages,
            }
            for row in QUESTIONS
        ]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    files = [str(tmp_path / name) for name in ("alpha.jsonl", "beta.jsonl")]
    path = tmp_path / "sheet.html"
    asked = ["--questions", str(tmp_path / "questions.jsonl"), "--sheet", str(path), "--seed", "1"]
    assert main(["--compare", *files, *asked]) == 0
    assert "3 questions" in capsys.readouterr().out
    return path, json.loads((tmp_path / "sheet.key.json").read_text())


@pytest.fixture
def open_sheet(browser, sheet):
    """A function that opens the sheet; all pages share one browser profile, and fail on any error or request."""
    contexts, problems = {}, []

    def opened(width=1280, scheme="light", profile="one"):
        if profile not in contexts:
            contexts[profile] = browser.new_context(color_scheme=scheme, accept_downloads=True)
        page = contexts[profile].new_page()
        page.set_viewport_size({"width": width, "height": 740})
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: problems.append(request.url) if "http" in request.url[:4] else None)
        page.goto(sheet[0].as_uri())
        return page

    yield opened
    for context in contexts.values():
        context.close()
    assert problems == []


def saved_votes(page, path):
    with page.expect_download() as download:
        page.get_by_role("button", name="Download votes").click()
    download.value.save_as(path)
    return path


def prefer(page, key, identity, system):
    """The key that prefers a system on the question shown."""
    return "1" if key["left"][identity] == system else "2"


def test_votes_by_key_reach_the_tally_of_the_right_system(open_sheet, sheet, tmp_path, capsys):
    """System A: both sentences supported, right, preferred; B: one contradicted, one absent, wrong."""
    key, page = sheet[1], open_sheet()
    for number, identity in enumerate(key["left"], 1):
        assert f"Question {number} of 3 · {number - 1} judged" in page.locator("#progress").inner_text()
        good, bad = "111", "233"
        sides = good + bad if key["left"][identity] == "A" else bad + good
        for pressed in sides + prefer(page, key, identity, "A"):
            page.keyboard.press(pressed)
        page.keyboard.press("n")
    assert "3 judged in full" in page.locator("#progress").inner_text()
    votes = saved_votes(page, tmp_path / "votes.json")
    assert "3 of 3" in page.locator("#said").inner_text()
    assert main(["--votes", str(votes), "--key", str(tmp_path / "sheet.key.json"), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    alpha, beta = row["systems"][key["systems"]["A"]], row["systems"][key["systems"]["B"]]
    count = len(json.loads(votes.read_text())["votes"]["a"]["left"]["sentences"])
    assert count == 2
    assert (alpha["claims"]["supported"]["count"], alpha["verdicts"]["right"]["count"]) == (6, 3)
    assert (beta["claims"]["contradicted"]["count"], beta["claims"]["not in the passages"]["count"]) == (3, 3)
    assert beta["verdicts"]["wrong"]["count"] == 3
    assert row["preference"][key["systems"]["A"]] == 3 and row["preference"]["p"] == 0.25
    assert main(["--votes", str(votes), "--key", str(tmp_path / "sheet.key.json")]) == 0
    assert "100% (100 to 100)" in capsys.readouterr().out


def test_votes_by_mouse_are_kept_when_the_page_is_opened_again(open_sheet, tmp_path):
    page = open_sheet()
    first = page.get_by_role("group", name="Answer 1, sentence 1")
    first.get_by_role("button", name="not in the passages").click()
    page.get_by_role("group", name="Which answer is better?").get_by_role("button", name="both bad").click()
    page.get_by_label("Your name").fill("Ada 12")
    page.close()
    page = open_sheet()
    assert page.get_by_label("Your name").input_value() == "Ada 12"
    pressed = page.locator('button[aria-pressed="true"]')
    assert pressed.evaluate_all("all => all.map(one => one.dataset.value)") == ["not in the passages", "both bad"]
    saved = json.loads(saved_votes(page, tmp_path / "votes.json").read_text())
    assert saved["judge"] == "Ada 12"
    assert next(iter(saved["votes"].values()))["left"]["sentences"][0] == "not in the passages"


def test_a_vote_can_be_taken_back_and_arrows_move(open_sheet):
    page = open_sheet()
    page.keyboard.press("2")
    page.keyboard.press("ArrowUp")
    assert page.locator('button[aria-pressed="true"]').count() == 1
    page.keyboard.press("2")
    assert page.locator('button[aria-pressed="true"]').count() == 0
    assert page.locator(".group.now").get_attribute("aria-label") == "Answer 1, sentence 1"


def test_hostile_text_is_shown_as_written_and_never_run(open_sheet, sheet):
    page = open_sheet()
    shown = " ".join(page.locator("h1").inner_text().split())
    assert shown.endswith(" ".join(HOSTILE.split()))
    assert "</script><script>window.ran=1</script>" in page.locator("#answers").inner_text()
    assert "</script><script>window.ran=1</script>" in page.locator("#passages").inner_text()
    page.locator("#written summary").click()
    assert "${window.ran=1}" in page.locator("#written").inner_text()
    assert page.evaluate("window.ran") is None and page.locator("img").count() == 0
    assert "alpha" not in page.content() and "beta" not in page.content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_sideways_scroll_and_has_large_targets(open_sheet, scheme):
    page = open_sheet(width=360, scheme=scheme, profile=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    heights = page.locator("button").evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")
    assert min(heights) >= 44
    page.get_by_role("group", name="Answer 1, sentence 1").get_by_role("button", name="supported").first.click()
    colours = "one => [getComputedStyle(one).color, getComputedStyle(one).backgroundColor]"
    assert contrast(*page.locator('button[aria-pressed="true"]').evaluate(colours)) > 4.5
    assert contrast(*page.locator("body").evaluate(colours)) > 7


def contrast(first, second):
    """WCAG's contrast ratio of two colours written rgb(r, g, b)."""
    lights = []
    for colour in (first, second):
        parts = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        lights.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(lights) + 0.05) / (min(lights) + 0.05)
