"""A study of twelve questions and two files of answers: alpha quotes the passage, beta makes things up."""

import json

import pytest

from evaluation.study.__main__ import main
from evaluation.study.folder import open_study

PASSAGES = [
    {
        "rank": 1,
        "title": "Honey",
        "url": "",
        "text": "Honey is a sweet food made by bees from nectar. Bees keep it in wax combs.",
        "read": True,
    }
]
TEXTS = {
    "alpha": ["Honey is a sweet food made by bees from nectar.", "Bees keep it in wax combs."],
    "beta": [
        "Honey is <b>blue</b> ${window.ran=1}.",
        "It comes from the moon, as everybody there knows and often says it.",
    ],
}
LABELS = {"alpha": "supported", "beta": "not supported"}
NUGGETS = [{"text": "bees make it", "importance": "vital"}, {"text": "it is sweet", "importance": "okay"}]


def question(number):
    return {"id": f"q{number}", "question": f"What is the number {number} of honey?", "answer": f"Honey {number}."}


def answer(name, asked):
    cited = {"alpha": lambda text: {"passage": 1, "evidence": text}, "beta": lambda text: {"passage": None}}[name]
    sentences = [{"text": t, "kind": "written", "label": LABELS[name]} | cited(t) for t in TEXTS[name]]
    row = {"answer": " ".join(TEXTS[name]), "answerable": True, "passages": PASSAGES, "sentences": sentences}
    return {"id": asked["id"], "question": asked["question"]} | row


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(*arguments):
    return main([str(argument) for argument in arguments])


@pytest.fixture
def files(tmp_path):
    """The questions, and both files of answers."""
    asked = [question(number) for number in range(12)]
    return {"questions": write(tmp_path / "q.jsonl", asked)} | {
        name: write(tmp_path / f"{name}.jsonl", [answer(name, each) for each in asked]) for name in TEXTS
    }


@pytest.fixture
def new(files, tmp_path):
    """Makes the study with further arguments; its exit status."""

    def make(*more, systems=None, questions=None, folder=tmp_path / "study"):
        named = systems or [f"{name}={files[name]}" for name in TEXTS]
        return run("new", folder, "--questions", questions or files["questions"], "--systems", *named, *more)

    return make


@pytest.fixture
def study(new, tmp_path):
    assert new() == 0
    return open_study(tmp_path / "study")


def said(shown, preference, better=("supported", "supported"), worse=("not supported", "partly"), **more):
    """A judgement of one question as the import takes it: alpha's sentences as `better`, beta's as `worse`."""
    sides = {
        side: {"sentences": list(better if system == "alpha" else worse), "coverage": 4 if system == "alpha" else 2}
        | {"coherence": 5 if system == "alpha" else 3}
        for side, system in shown.sides.items()
    }
    where = {system: side for side, system in shown.sides.items()}
    return {"question": shown.asked.id, "preference": where.get(preference, preference), **sides} | more
