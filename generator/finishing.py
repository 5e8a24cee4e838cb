"""From what was written to the sentences of an answer: whole, each said once, within the longest answer.

It knows words only. What a model wrote as one text is split here, once.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.records import Sentence
from core.sentences import is_complete, split_sentences
from core.settings import Settings
from generator.abstention import says_lacking


def finished(sentences: Iterable[Sentence], settings: Settings) -> tuple[Sentence, ...]:
    """The sentences up to the first that is not whole or does not fit, each once; the first stays even when longer."""
    kept: list[Sentence] = []
    said: set[str] = set()
    words = 0
    for sentence in sentences:
        if sentence.text in said:
            continue
        words += len(sentence.text.split())
        if not is_complete(sentence.text) or (kept and words > settings.max_words):
            break
        said.add(sentence.text)
        kept.append(sentence)
    return tuple(kept)


def split_answer(text: str, settings: Settings) -> tuple[Sentence, ...]:
    """The answer that a model's text holds.

    >>> [each.text for each in split_answer("One two. One two. Three four. Five", Settings(min_words=0))]
    ['One two.', 'Three four.']
    """
    return finished(as_written(text), settings)


def as_written(text: str) -> list[Sentence]:
    """Every sentence of a text, as written by a model that gives no more than the text."""
    return [Sentence(part, "lacking" if says_lacking(part) else "written") for part in split_sentences(text)]
