"""Plain evidence for a claim: what of it stands in the passages, counted without a trained model.

It knows words and vectors of claims and passages. It does not judge.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np

from core.words import NEGATIONS, Words
from generator.support.reading import Claim, Reader, Source

_PAIRS = (
    "largest smallest; large small; larger smaller; biggest smallest; big small; highest lowest; high low; higher "
    "lower; longest shortest; long short; longer shorter; oldest youngest; older younger; old new; older newer; "
    "early late; earlier later; earliest latest; first last; before after; above below; over under; more less; "
    "most least; many few; increase decrease; increases decreases; increased decreased; rise fall; rises falls; "
    "rising falling; north south; northern southern; east west; eastern western; hot cold; hotter colder; warm "
    "cool; warmer cooler; fast slow; faster slower; strong weak; stronger weaker; heavy light; heavier lighter; "
    "thick thin; wide narrow; deep shallow; rich poor; hard soft; wet dry; open closed; public private; internal "
    "external; inner outer; inside outside; positive negative; male female; men women; man woman; left right; "
    "upper lower; begin end; began ended; begins ends; start stop; win lose; won lost; gain lose; accept reject; "
    "allow forbid; allowed forbidden; include exclude; includes excludes; attract repel; ancient modern; natural "
    "artificial; common rare; commonly rarely; often rarely; usually seldom; always never; all none; some all; "
    "same different; similar different; simple complex; safe dangerous; urban rural; major minor; majority "
    "minority; maximum minimum; active passive; direct indirect; visible invisible; possible impossible; known "
    "unknown; able unable; alive dead; birth death; born died; create destroy; built destroyed; cause prevent; "
    "causes prevents; caused prevented; help harm; helps hinders; solid liquid; liquid gas; acid base; plant "
    "animal; plants animals; day night; summer winter; spring autumn; sun moon; land sea; import export; imports "
    "exports; buy sell; supply demand; expand shrink; expands contracts; contract expand; attack defence; victory "
    "defeat; war peace; friend enemy; true false; formal informal; legal illegal; domestic foreign; local global; "
    "national international; single multiple; odd even; vertical horizontal; front back; top bottom; near far; "
    "nearest farthest; closer farther; empty full; raw cooked; sweet bitter; loud quiet; bright dark; smooth "
    "rough; flat steep; fresh salt; young old; child adult; children adults; teacher student; parent child; cheap "
    "expensive; with without; toward away; into out; up down; together apart; easily hardly; quickly slowly; "
    "partly entirely; mainly only; typically always; generally never; almost exactly; only also; both neither; "
    "century decade; million billion; thousand million; hundred thousand; years months; days weeks; hours days; "
    "century millennium"
)
_EXTREME = frozenset(
    "all any always each entire entirely every exclusively first largest least main most never no none oldest only "
    "smallest sole solely".split()
)

NAMES = (
    "words found", "words in nearest sentence", "words in nearest two", "gain of second sentence",
    "words in nearest passage", "gain of other passages", "words missing", "rarest word missing",
    "names missing", "numbers missing", "names missing in nearest", "numbers missing in nearest",
    "pairs found", "longest copy", "copied share", "titles named", "words in named passage",
    "words outside named passage", "words in named sentence", "denials", "denials differ", "extremes",
    "extremes new", "extremes new in nearest", "order", "opposites", "length", "content words", "cosine",
    "second cosine", "cosine of passage", "quoted",
)  # fmt: skip


@functools.cache
def opposites() -> dict[str, list[str]]:
    """Each word with its opposites, both ways.

    >>> opposites()["largest"]
    ['smallest']
    """
    table: dict[str, list[str]] = {}
    for pair in _PAIRS.split(";"):
        first, second = pair.split()
        table.setdefault(first, []).append(second)
        table.setdefault(second, []).append(first)
    return table


def plain_features(claim: Claim, source: Source, reader: Reader) -> np.ndarray:
    """The features of one claim, float32 (len(NAMES),), in the order of `NAMES`; zeros when nothing was read.

    Words are compared by stem and weighted by their rarity in the corpus. "Nearest" is the sentence (with its
    passage's title) that holds most of the claim's words; "named" are passages whose title the claim holds.
    """
    if not source.sentences:
        return np.zeros(len(NAMES), np.float32)
    words = claim.words
    table = _Table(words, source, reader)
    by_sentence, by_passage = table.cover(table.sentences), table.cover(table.passages)
    nearest = int(by_sentence.argmax())
    top = np.argsort(-by_sentence, kind="stable")[:6]
    two = float(table.cover(table.sentences[top][:, None] | table.sentences[top][None]).max())
    found = np.asarray(table.passages.any(0))
    missing = table.rarity[~found]
    near, held, every = (
        source.sentences[nearest].words,
        source.stems_of(nearest),
        frozenset().union(*source.stems.values()),
    )
    copy = max(_longest_copy(words.stems, sentence.words.stems) for sentence in source.sentences)
    pairs = frozenset().union(*(sentence.words.pairs for sentence in source.sentences))
    lower, near_words = words.lower, near.lower
    extremes = lower & _EXTREME
    far_words = frozenset().union(*(sentence.words.lower for sentence in source.sentences))
    cosines = np.sort(source.vectors @ claim.vector)[::-1]
    values = (
        float(table.cover(found)), by_sentence[nearest], two, two - by_sentence[nearest], by_passage.max(),
        float(table.cover(found)) - by_passage.max(), len(missing), max(missing, default=0.0), len(words.names - every),
        len(words.numbers - every), len(words.names - held), len(words.numbers - held),
        len(words.pairs & pairs) / max(1, len(words.pairs)), copy, copy / max(1, len(words.stems)),
        *table.named(), words.negations,
        abs(words.negations - near.negations), len(extremes), len(extremes - far_words), len(extremes - near_words),
        _disorder(words, near), _opposed(lower, near_words), len(words.stems),
        len(words.content), cosines[0], cosines[min(1, len(cosines) - 1)], _passage_cosine(claim, source),
        float(any(sentence.text == claim.text for sentence in source.sentences)),
    )  # fmt: skip
    return np.array(values, np.float32)


class _Table:
    """Which of a claim's content words stand where.

    Attributes:
        rarity: of each content word, (words,).
        sentences: whether each sentence, with its passage's title, holds the word, bool (sentences, words).
        passages: likewise for passages.
    """

    def __init__(self, words: Words, source: Source, reader: Reader) -> None:
        self.words, self.source = words, source
        self.rarity = np.array([reader.rarity(word) for word in words.content])
        self.sentences = self._held([source.stems_of(row) for row in range(len(source.sentences))])
        self.passages = self._held(list(source.stems.values()))

    def cover(self, held: np.ndarray | np.bool, columns: np.ndarray | slice = slice(None)) -> np.ndarray:
        """The rarity-weighted share of the words that is held: bool (…, words) → (…,), 0 to 1."""
        weights = self.rarity[columns]
        return np.asarray(held)[..., columns] @ weights / (weights.sum() + 1e-6)

    def named(self) -> tuple[int, float, float, float]:
        """Passages named by title; the words besides the titles found there, only elsewhere, and in one sentence."""
        source = self.source
        titles = list(source.titles.values())
        named = [row for row, title in enumerate(titles) if title.content and set(title.content) <= self.words.stem_set]
        in_title = frozenset().union(*(titles[row].stem_set for row in named))
        rest = np.array([word not in in_title for word in self.words.content], bool)
        if not named or not rest.any():
            return len(named), float(self.cover(self.passages).max()), 0.0, float(self.cover(self.sentences).max())
        there = float(self.cover(self.passages[named].any(0), rest))
        numbers = list(source.titles)
        rows = [row for row, s in enumerate(source.sentences) if numbers.index(s.passage) in named]
        best = float(self.cover(self.sentences[rows], rest).max())
        return len(named), there, float(self.cover(self.passages.any(0), rest)) - there, best

    def _held(self, sets: Sequence[frozenset[str]]) -> np.ndarray:
        return np.array([[word in stems for word in self.words.content] for stems in sets], bool).reshape(len(sets), -1)


def _longest_copy(first: Sequence[str], second: Sequence[str]) -> int:
    """The longest run of words that two texts share.

    >>> _longest_copy("a b c d".split(), "x b c y".split())
    2
    """
    return SequenceMatcher(None, first, second, autojunk=False).find_longest_match().size


def _disorder(words: Words, near: Words) -> float:
    """How often the claim's content words stand in another order than in the nearest sentence, 0 to 1."""
    places = [near.stems.index(word) for word in words.content if word in near.stem_set]
    return sum(a > b for a, b in zip(places, places[1:], strict=False)) / max(1, len(places) - 1)


def _opposed(claim: frozenset[str], near: frozenset[str]) -> int:
    """How many words of the claim stand in the nearest sentence only as their opposite."""
    return sum(not near.isdisjoint(opposites().get(word, ())) for word in claim - near - NEGATIONS)


def _passage_cosine(claim: Claim, source: Source) -> float:
    """The best cosine of the claim with a passage's mean vector."""
    best = -1.0
    for number in source.titles:
        rows = [row for row, sentence in enumerate(source.sentences) if sentence.passage == number]
        mean = source.vectors[rows].mean(0)
        best = max(best, float(mean @ claim.vector / (np.linalg.norm(mean) + 1e-9)))
    return best
