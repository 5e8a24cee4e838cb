"""The splitter of sentences beside libraries for the purpose: share of hard cases right, and sentences a second.

    python -m benchmarks.sentences                 # ours, and each library that is installed

The cases stand in tests/core/sentences_cases.json. The libraries are in no requirements file; docs/sentences.md names
the versions that were compared. It knows the cases and how each library is called.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from core.sentences import split_sentences

Splitter = Callable[[str, str], list[str]]
_CASES = Path(__file__).parent.parent / "tests" / "core" / "sentences_cases.json"


def splitters() -> dict[str, Splitter]:
    """Each splitter that is installed: a function of a text and its language, which ours and some others ignore."""
    makers: dict[str, Callable[[], Splitter]] = {
        "blingfire": _blingfire, "nupunkt": _nupunkt, "pysbd": _pysbd, "spacy": _spacy, "syntok": _syntok,
    }  # fmt: skip
    others = {name: make() for name, make in makers.items() if find_spec(name) is not None}
    return {"ours": lambda text, language: split_sentences(text)} | others


def right(split: Splitter, cases: list[dict[str, Any]]) -> Counter[str]:
    """How many cases of each language a splitter gets right."""
    found: Counter[str] = Counter()
    for case in cases:
        sentences = split(case["joiner"].join(case["sentences"]), case["language"])
        tidy = [" ".join(sentence.split()) for sentence in sentences if sentence.strip()]
        found[case["language"]] += tidy == case["sentences"]
    return found


def speed(split: Splitter, texts: list[str]) -> float:
    """Sentences a second of processor time."""
    start = time.process_time()
    count = sum(len(split(text, "en")) for text in texts)
    return count / (time.process_time() - start)


def _blingfire() -> Splitter:
    from blingfire import text_to_sentences

    return lambda text, language: text_to_sentences(text).split("\n")


def _nupunkt() -> Splitter:
    from nupunkt import sent_tokenize

    return lambda text, language: list(sent_tokenize(text))


def _pysbd() -> Splitter:
    import pysbd

    kept: dict[str, Any] = {}

    def split(text: str, language: str) -> list[str]:
        if language not in kept:
            kept[language] = pysbd.Segmenter(language=language, clean=False)
        return kept[language].segment(text)

    return split


def _spacy() -> Splitter:
    import spacy

    kept: dict[str, Any] = {}

    def split(text: str, language: str) -> list[str]:
        if language not in kept:
            kept[language] = spacy.blank(language)
            kept[language].add_pipe("sentencizer")
        return [sentence.text for sentence in kept[language](text).sents]

    return split


def _syntok() -> Splitter:
    from syntok import segmenter

    def split(text: str, language: str) -> list[str]:
        return [
            "".join(token.spacing + token.value for token in sentence)
            for paragraph in segmenter.process(text)
            for sentence in paragraph
        ]

    return split


def main() -> int:
    """Print a line a splitter."""
    cases = json.loads(_CASES.read_text(encoding="utf-8"))
    texts = [case["joiner"].join(case["sentences"]) for case in cases if case["language"] == "en"] * 20
    for name, split in splitters().items():
        found = right(split, cases)
        languages = ", ".join(f"{language} {count}" for language, count in found.items())
        line = f"{name}: {found.total()} of {len(cases)} right ({languages}), {speed(split, texts):,.0f} sentences/s"
        sys.stdout.write(f"{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
