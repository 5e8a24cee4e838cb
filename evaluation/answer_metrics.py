"""What can be said about an answer from its text, the passages read and the written answer: pure functions.

It knows text and numbers. It knows no files, no models and no command line. What each metric means is explained in
evaluation/README.md.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.errors import needing
from core.overlap import copied_words, ngrams
from core.sentences import is_complete, split_sentences
from core.words import folded_words
from data.questions import Nugget
from evaluation.errors import EvaluationError
from evaluation.names import Mention, mentions

REPEATED_WORDS = 4

Measures = dict[str, float | int | None]


@dataclass(frozen=True)
class CitedSentence:
    """A sentence of an answer.

    Attributes:
        text: the sentence.
        cited: the passages that it names, as numbers from 1 among those read.
        lacking: whether it only says what the passages lack.
    """

    text: str
    cited: tuple[int, ...] = ()
    lacking: bool = False


@dataclass(frozen=True)
class Item:
    """An answer beside what it is measured against.

    Attributes:
        id: of the question.
        question: as asked.
        answer: what the system wrote; may be "".
        answerable: whether the system says that the passages hold an answer.
        passages: (title, text as read) of each passage read, best first.
        reference: the written answer.
        reference_answerable: whether the passages hold an answer, by the question set.
        seconds: what the answer took, question to end; None when not known.
        confidence: the probability that the passages hold something of the answer, by the system; None where it gave
            none.
        sentences: of the answer, with the passages that each names.
        nuggets: the points that a good answer makes; none where the question set has none.
    """

    id: str
    question: str
    answer: str
    answerable: bool
    passages: tuple[tuple[str, str], ...]
    reference: str
    reference_answerable: bool = True
    seconds: float | None = None
    confidence: float | None = None
    sentences: tuple[CitedSentence, ...] = ()
    nuggets: tuple[Nugget, ...] = ()


@dataclass(frozen=True)
class MeasuredAnswer:
    """What was measured of one answer.

    Attributes:
        item: the answer.
        rouge_l: F1 to the written answer, 0 to 1.
        mentions: its names and numbers, found or not.
        copied: how many of its words lie in runs that a passage has too, and how many there are; see `copied_words`.
        stretches: lengths of the longest stretches that it shares with passages, in words; see `copied_stretches`.
        repeated: how many of its 4-grams it had already, and how many there are.
        repeated_sentences: how many of its sentences it had already.
        cut: whether it ends in mid-sentence.
        words: its length.
    """

    item: Item
    rouge_l: float
    mentions: tuple[Mention, ...] = ()
    copied: tuple[int, int] = (0, 0)
    stretches: tuple[int, ...] = ()
    repeated: tuple[int, int] = (0, 0)
    repeated_sentences: int = 0
    cut: bool = False
    words: int = 0

    def to_json(self) -> dict[str, Any]:
        """The answer's row of `--details`."""
        item = self.item
        return {
            "id": item.id,
            "question": item.question,
            "answer": item.answer,
            "answerable": item.answerable,
            "reference_answerable": item.reference_answerable,
            "rouge_l": round(self.rouge_l, 4),
            "unfound": [mention.text for mention in self.mentions if not mention.found],
            "names_and_numbers": len(self.mentions),
            "copied": _share(self.copied),
            "copied_stretch": _stretch([self]),
            "repeated": _share(self.repeated),
            "repeated_sentences": self.repeated_sentences,
            "cut": self.cut,
            "words": self.words,
            "seconds": item.seconds,
        }


@dataclass
class RougeL:
    """ROUGE-L F1 (Lin 2004, https://aclanthology.org/W04-1013) as the rouge-score package computes it, no stemming.

    Raises:
        EvaluationError: the package is not installed.
    """

    _scorer: Any = field(init=False)

    def __post_init__(self) -> None:
        """Load the package."""
        with needing("requirements-dev.txt", "ROUGE-L", EvaluationError):
            from rouge_score.rouge_scorer import RougeScorer
        self._scorer = RougeScorer(["rougeL"], use_stemmer=False)

    def __call__(self, reference: str, answer: str) -> float:
        """F1 of an answer to the written one, 0 to 1."""
        return float(self._scorer.score(reference, answer)["rougeL"].fmeasure)


def measure(item: Item, rouge_l: RougeL) -> MeasuredAnswer:
    """Measure one answer."""
    texts = [text for _, text in item.passages]
    titles = [title for title, _ in item.passages]
    words = folded_words(item.answer)
    sentences = split_sentences(item.answer)
    sources = [folded_words(text) for text in texts]
    plain = [" ".join(folded_words(sentence)) for sentence in sentences]
    return MeasuredAnswer(
        item,
        rouge_l(item.reference, item.answer),
        tuple(mentions(item.answer, [item.question, *titles, *texts])),
        copied_words(words, sources),
        tuple(copied_stretches(words, sources)),
        repeated_ngrams(words),
        len(plain) - len(set(plain)),
        bool(sentences) and not is_complete(sentences[-1]),
        len(item.answer.split()),
    )


def summarize(measured: Sequence[MeasuredAnswer]) -> dict[str, Any]:
    """The row of a file of answers; shares are of all names, words and 4-grams of all answers together."""
    found = [mention for one in measured for mention in one.mentions]
    seconds = [one.item.seconds for one in measured if one.item.seconds is not None]
    told = [one.item.answerable for one in measured], [one.item.reference_answerable for one in measured]
    return {
        "questions": len(measured),
        "rouge_l": round(statistics.fmean(one.rouge_l for one in measured), 4),
        "unfound": _share((sum(not mention.found for mention in found), len(found))),
        "names_and_numbers": len(found),
        "unanswerable": unanswerable_told(*told),
        "copied": _share(_total(one.copied for one in measured)),
        "copied_stretch": _stretch(measured),
        "repeated": _share(_total(one.repeated for one in measured)),
        "repeated_sentences": sum(one.repeated_sentences for one in measured),
        "cut": sum(one.cut for one in measured),
        "empty": sum(not one.item.answer.strip() for one in measured),
        "words": round(statistics.fmean(one.words for one in measured), 1),
        "seconds": round(statistics.fmean(seconds), 3) if seconds else None,
        "seconds_median": round(statistics.median(seconds), 3) if seconds else None,
    }


def worst_unfound(measured: Iterable[MeasuredAnswer], most: int = 20) -> list[dict[str, Any]]:
    """The answers with the most names and numbers that no source has, with these."""
    rows = [(one.item.id, [mention.text for mention in one.mentions if not mention.found]) for one in measured]
    rows = sorted((row for row in rows if row[1]), key=lambda row: -len(row[1]))[:most]
    return [{"id": identity, "unfound": texts} for identity, texts in rows]


def copied_stretches(words: Sequence[str], sources: Sequence[Sequence[str]]) -> list[int]:
    """The lengths of the stretches that an answer shares with its sources, from left to right, each the longest.

    These are the extractive fragments of Grusky et al. 2018 (https://aclanthology.org/N18-1065), whose density is the
    sum of their squares divided by the answer's words.

    >>> copied_stretches("bees make honey and wax".split(), ["where bees make honey".split(), "of wax and wax".split()])
    [3, 2]
    """
    places: dict[str, list[tuple[int, int]]] = {}
    for number, source in enumerate(sources):
        for place, word in enumerate(source):
            places.setdefault(word, []).append((number, place))
    lengths, start = [], 0
    while start < len(words):
        longest = max((_shared(words[start:], sources[n][at:]) for n, at in places.get(words[start], [])), default=0)
        if longest:
            lengths.append(longest)
        start += max(1, longest)
    return lengths


def repeated_ngrams(words: Sequence[str], n: int = REPEATED_WORDS) -> tuple[int, int]:
    """How many of the n-grams of an answer it had already, and how many it has.

    >>> repeated_ngrams("a b a b a".split(), n=2)
    (2, 4)
    """
    own = ngrams(words, n)
    return len(own) - len(set(own)), len(own)


def unanswerable_told(answerable: Sequence[bool], reference: Sequence[bool]) -> Measures:
    """Precision, recall and F1 of telling that the passages hold no answer; None where there is nothing to divide by.

    >>> unanswerable_told([False, False, True], [False, True, True])
    {'precision': 0.5, 'recall': 1.0, 'f1': 0.6667, 'told': 2, 'unanswerable': 1}
    """
    right = sum(not said and not true for said, true in zip(answerable, reference, strict=True))
    told, there = sum(not said for said in answerable), sum(not true for true in reference)
    return {
        "precision": _share((right, told)),
        "recall": _share((right, there)),
        "f1": _share((2 * right, told + there)),
        "told": told,
        "unanswerable": there,
    }


def _shared(left: Sequence[str], right: Sequence[str]) -> int:
    """How many words two lists have in common at their beginnings."""
    length = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        length += 1
    return length


def _stretch(measured: Iterable[MeasuredAnswer]) -> float | None:
    """The density: how long the copied stretch is in which a word stands, on average over all words."""
    kept = list(measured)
    words = sum(len(folded_words(one.item.answer)) for one in kept)
    return round(sum(length**2 for one in kept for length in one.stretches) / words, 2) if words else None


def _total(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """The sums of the first and of the second numbers."""
    kept = list(pairs)
    return sum(first for first, _ in kept), sum(second for _, second in kept)


def _share(counts: tuple[int, int]) -> float | None:
    """Part of whole; None when there is no whole."""
    part, whole = counts
    return round(part / whole, 4) if whole else None
