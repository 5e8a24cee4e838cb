"""The blind sheet: what it shows, what it hides, and the same sheet for the same seed."""

import json
import re

import pytest

from evaluation.answer_metrics import Item
from evaluation.errors import EvaluationError
from evaluation.sheet import make_sheet


def item(number, answer, passages=(("Honey", "Bees make honey. They keep it."),)):
    return Item(f"q{number}", f"Question {number}?", answer, True, passages, f"Written {number}.")


def systems(count=10, first="First says so. It ends.", second="Second says so too."):
    one = [item(number, f"{first} {number}.") for number in range(count)]
    other = [item(number, f"{second} {number}.") for number in range(count)]
    return {"runs/alpha.jsonl": one, "runs/beta.jsonl": other}


def content(page):
    """What the page holds, found without the code that put it there."""
    held = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(held[1])


def test_the_key_tells_which_answer_is_whose():
    page, key = make_sheet(systems(), seed=5, number=6)
    shown = content(page)
    assert shown["sheet"] == key["sheet"] and key["systems"] == {"A": "runs/alpha.jsonl", "B": "runs/beta.jsonl"}
    assert [row["id"] for row in shown["questions"]] == list(key["left"])
    for row in shown["questions"]:
        says = {"A": "First says so.", "B": "Second says so too."}
        left = key["left"][row["id"]]
        assert row["left"][0] == says[left] and row["right"][0] == says["B" if left == "A" else "A"]
        number = row["id"][1:]
        assert (row["question"], row["written"]) == (f"Question {number}?", f"Written {number}.")


def test_the_page_holds_no_name_of_a_system():
    page, _ = make_sheet(systems())
    assert "alpha" not in page and "beta" not in page


def test_each_system_stands_left_half_of_the_time():
    _, key = make_sheet(systems(30), number=30)
    sides = list(key["left"].values())
    assert sides.count("A") == sides.count("B") == 15
    assert sides != ["A", "B"] * 15 and sides != ["B", "A"] * 15


def test_a_seed_gives_the_same_sheet_and_another_one_another():
    first, again, other = (make_sheet(systems(40), seed=seed, number=10) for seed in (1, 1, 2))
    assert first == again
    assert other[1]["left"].keys() != first[1]["left"].keys()


def test_at_most_the_questions_that_both_answer():
    both = systems(10)
    both["runs/beta.jsonl"] = both["runs/beta.jsonl"][4:]
    _, key = make_sheet(both, number=40)
    assert sorted(key["left"]) == [f"q{number}" for number in range(4, 10)]


def test_passages_are_shown_once_and_those_that_one_read_alone_are_marked():
    shared, own = ("Honey", "Bees make honey. They keep it."), ("Wax", "Wax is soft.")
    cut = ("Honey", "Bees make honey.")
    page, key = make_sheet({"a": [item(0, "So.", (shared,))], "b": [item(0, "No.", (own, cut))]})
    reader = 2 if key["left"]["q0"] == "A" else 1
    rows = {row["title"]: row for row in content(page)["questions"][0]["passages"]}
    assert rows == {
        "Honey": {"title": "Honey", "text": shared[1], "readBy": 0},
        "Wax": {"title": "Wax", "text": own[1], "readBy": reader},
    }


@pytest.mark.parametrize(
    "hostile", ["</script><script>window.ran=1</script>", "<!-- <script>", "__DATA__ ${1} \\u003c"]
)
def test_text_cannot_leave_the_element_that_holds_it(hostile):
    plain, _ = make_sheet(systems(1))
    page, _ = make_sheet(systems(1, first=hostile))
    assert page.count("<") == plain.count("<") and page.count("</script>") == plain.count("</script>")
    held = content(page)["questions"][0]
    assert hostile in " ".join(held["left"] + held["right"])


def test_what_cannot_be_compared_is_said():
    both = systems(2)
    with pytest.raises(EvaluationError, match="not 1"):
        make_sheet({"a": both["runs/alpha.jsonl"]})
    with pytest.raises(EvaluationError, match="no question in common"):
        make_sheet({"a": both["runs/alpha.jsonl"][:1], "b": both["runs/beta.jsonl"][1:]})
    with pytest.raises(EvaluationError, match="allowed is 1 and more"):
        make_sheet(both, number=0)
