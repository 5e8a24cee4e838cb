"""Examples for the selector: questions beside passages, with what of them belongs into the answer.

Written evidence says which sentences do, or, for close answers, shared word pairs. Of each example others are drawn
that have no answer: without the sentences that hold it, beside the passages found next, or beside first sentences
alone. It knows questions, passages and words, and no model.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from tqdm import tqdm

from core.records import Passage
from core.sentences import split_sentences
from data.questions import Place, Question
from generator.grounding import word_list, word_pairs
from retriever.search import Retriever

READ = 4
# Passages found for each question: those that are read, and the next ones.
FOUND = 8
# A sentence that a close answer has so much of (its share of word pairs) belongs into it, one with less than the first
# figure does not; between them in proportion.
_FROM, _TO = 0.2, 0.6
# Behind the id of a question that was judged again without its evidence.
LESS = "-less"
# From here on a sentence is taken to belong, and its passage to hold something.
_HOLDS = 0.5


@dataclass(frozen=True)
class ExamplePassage:
    """A passage of an example.

    Attributes:
        title: of its article.
        section: its path, or "".
        sentences: its text.
        targets: how far each belongs into the answer, 0 to 1.
        score: of the search.
    """

    title: str
    section: str
    sentences: tuple[str, ...]
    targets: tuple[float, ...]
    score: float


@dataclass(frozen=True)
class Example:
    """A question beside passages.

    Attributes:
        id: of the question.
        source: "real", "more" (real ones too), "deep", "own" (documents) or "close".
        question: as asked.
        holds: "full", "part" or "no".
        passages: those that are read, best first.
        steps: for each sentence of the answer, in order, the (passage, sentence) numbers that it rests on; () unknown.
        next: the passages found next, none of which is known to hold anything.
        less: whether the evidence of the same question was taken out before this was judged.
    """

    id: str
    source: str
    question: str
    holds: str
    passages: tuple[ExamplePassage, ...]
    steps: tuple[tuple[tuple[int, int], ...], ...] = ()
    next: tuple[ExamplePassage, ...] = ()
    less: bool = False

    @classmethod
    def of(cls, row: dict[str, Any]) -> Example:
        """An example from the dictionary that `asdict` made, read back from JSON."""
        passages, following = (
            tuple(
                ExamplePassage(p["title"], p["section"], tuple(p["sentences"]), tuple(p["targets"]), p["score"])
                for p in row[name]
            )
            for name in ("passages", "next")
        )
        steps = tuple(tuple((int(a), int(b)) for a, b in step) for step in row["steps"])
        return cls(row["id"], row["source"], row["question"], row["holds"], passages, steps, following, row["less"])


def judged_examples(questions: Sequence[Question], retriever: Retriever, source: str) -> list[Example]:
    """Questions whose evidence was noted, beside the passages that were read for them.

    A passage that was read and is not found any more takes the place of the last one that was found. What was noted for
    questions that the passages do not answer is what comes nearest, and nothing that belongs into an answer.
    """
    at: dict[tuple[str, str], list[Passage]] = {}
    for passage in retriever.index.passages:
        at.setdefault((passage.title, passage.section), []).append(passage)
    made = []
    for question in tqdm(questions, desc=f"finding passages ({source})", unit="question", mininterval=1):
        evidence = [place for sentence in question.sentences for place in sentence.evidence]
        held = [_holding(place, at) for place in (*evidence, *question.without)]
        rows = _found(question.question, retriever, [passage for passage in held if passage])
        places = {place: found for place in evidence if (found := _position(place, rows)) is not None}
        answered = question.holds != "no"
        read, following = _read(rows, dict.fromkeys(places.values(), 1.0) if answered else {})
        steps = [
            tuple(places[place] for place in sentence.evidence if place in places) for sentence in question.sentences
        ]
        example = Example(
            question.id,
            source,
            question.question,
            question.holds,
            read,
            tuple(filter(None, steps)) if answered else (),
            following,
        )
        taken = {found for place in question.without if (found := _position(place, rows)) is not None}
        made.append(replace(_left(example, taken), less=True) if question.without else example)
    return made


def close_examples(questions: Sequence[Question], retriever: Retriever, with_gold: bool = True) -> list[Example]:
    """Questions with close answers; those whose answer is not in what is read are left out.

    Args:
        questions: with close answers and the titles that they rest on.
        retriever: finds passages.
        with_gold: whether supporting passages that were not found take the place of the last ones.
    """
    titles: dict[str, Passage] = {}
    for passage in retriever.index.passages:
        titles.setdefault(passage.title, passage)
    found = []
    for question in tqdm(questions, desc="finding passages (close)", unit="question", mininterval=1):
        gold = [titles[title] for title in question.titles if title in titles] if with_gold else []
        rows = _found(question.question, retriever, gold if question.answerable else [])
        said = word_pairs(word_list(question.answer))
        targets = {
            (number, position): value
            for number, (passage, _) in enumerate(rows[:READ] if question.answerable else [])
            for position, text in enumerate(split_sentences(passage.text))
            if (value := share(text, said)) > 0
        }
        read, following = _read(rows, targets)
        if question.answerable and sum(targets.values()) < 1:
            continue
        holds = "full" if question.answerable else "no"
        kept = [p for p in following if p.title not in question.titles]
        found.append(Example(question.id, "close", question.question, holds, read, (), tuple(kept)))
    return found


def share(sentence: str, said: set[tuple[str, str]]) -> float:
    """How far a sentence belongs into an answer that has these word pairs, 0 to 1."""
    pairs = word_pairs(word_list(sentence))
    return min(1.0, max(0.0, (len(pairs & said) / max(1, len(pairs)) - _FROM) / (_TO - _FROM)))


def _holding(place: Place, at: dict[tuple[str, str], list[Passage]]) -> Passage | None:
    """The passage that has a piece of evidence."""
    passages = at.get((place.title, place.section), [])
    return next((p for p in passages if any(text.startswith(place.begins) for text in split_sentences(p.text))), None)


def _position(place: Place, rows: Sequence[tuple[Passage, float]]) -> tuple[int, int] | None:
    """The (passage, sentence) numbers of a piece of evidence among what is read; the last of several."""
    found = [
        (number, position)
        for number, (passage, _) in enumerate(rows[:READ])
        if (place.title, place.section) == (passage.title, passage.section)
        for position, text in enumerate(split_sentences(passage.text))
        if text.startswith(place.begins)
    ]
    return found[-1] if found else None


def _found(question: str, retriever: Retriever, wanted: Sequence[Passage]) -> list[tuple[Passage, float]]:
    """What search finds, with scores, the first `READ` of it with what is wanted in the place of the last ones."""
    rows = [(hit.passage, hit.score) for hit in retriever.search(question, FOUND)]
    wanted = list(dict.fromkeys(wanted))[:READ]
    read = rows[:READ]
    lacking = [passage for passage in wanted if passage not in [p for p, _ in read]]
    for passage in lacking:
        place = max((i for i, (p, _) in enumerate(read) if p not in wanted), default=None)
        if place is not None:
            read[place] = (passage, read[place][1])
    return read + [row for row in rows[READ:] if row[0] not in [p for p, _ in read]]


def _read(
    rows: Sequence[tuple[Passage, float]], targets: dict[tuple[int, int], float]
) -> tuple[tuple[ExamplePassage, ...], tuple[ExamplePassage, ...]]:
    """Passages split into sentences: those read, with their targets, and the next."""
    passages = []
    for number, (passage, score) in enumerate(rows):
        sentences = tuple(split_sentences(passage.text))
        wanted = tuple(targets.get((number, position), 0.0) for position in range(len(sentences)))
        passages.append(ExamplePassage(passage.title, passage.section, sentences, wanted, float(score)))
    return tuple(passages[:READ]), tuple(passages[READ:])


def parent(example: Example) -> str:
    """The id of the question that an example comes from: its own, without what marks it as judged again."""
    return example.id.removesuffix(LESS)


def without_answer(example: Example) -> Example:
    """The same passages without the sentences that hold the answer."""
    passages = tuple(
        _only(p, [place for place, target in enumerate(p.targets) if target == 0]) for p in example.passages
    )
    return replace(example, holds="no", passages=passages, steps=())


def beside_next(example: Example) -> Example:
    """The question beside the passages found next."""
    return replace(example, holds="no", passages=example.next, steps=(), next=())


def definitions_only(example: Example) -> Example:
    """The passages' first sentences alone, where they do not belong into the answer."""
    passages = tuple(_only(p, [0] if p.targets and p.targets[0] == 0 else []) for p in example.passages)
    return replace(example, holds="no", passages=passages, steps=())


def thinned(example: Example, random: np.random.Generator, share: float = 0.3) -> Example:
    """Some of the sentences that do not belong left out, so that what is left out does not tell of an answer."""
    taken = {
        (number, place)
        for number, passage in enumerate(example.passages)
        for place, value in enumerate(random.random(len(passage.sentences)))
        if value < share and passage.targets[place] == 0
    }
    return _left(example, taken)


def _left(example: Example, taken: Collection[tuple[int, int]]) -> Example:
    """An example without sentences, (passage, sentence) numbers, none of which its steps name."""
    passages: list[ExamplePassage] = []
    moved: dict[tuple[int, int], tuple[int, int]] = {}
    for number, passage in enumerate(example.passages):
        kept = [place for place in range(len(passage.sentences)) if (number, place) not in taken]
        moved |= {(number, place): (number, new) for new, place in enumerate(kept)}
        passages.append(_only(passage, kept))
    steps = tuple(tuple(moved[place] for place in step) for step in example.steps)
    return replace(example, passages=tuple(passages), steps=steps)


def fewer(example: Example, random: np.random.Generator) -> Example:
    """Two passages, at times three, of those that are read; those that hold something stay.

    Most of what a question has to teach is in few passages, and reading is what training costs.
    """
    most = 2 + int(random.random() < 0.3)
    holding = [place for place, p in enumerate(example.passages) if max(p.targets, default=0.0) >= _HOLDS]
    others = [place for place in range(len(example.passages)) if place not in holding]
    drawn = random.permutation(others)[: max(0, most - len(holding))].tolist()
    kept = sorted([*holding, *drawn])
    moved = {old: new for new, old in enumerate(kept)}
    steps = tuple(tuple((moved[passage], place) for passage, place in step) for step in example.steps)
    return replace(example, passages=tuple(example.passages[place] for place in kept), steps=steps)


def shuffled(example: Example, random: np.random.Generator) -> Example:
    """The passages in another order: the search is not always right about the first."""
    order = random.permutation(len(example.passages)).tolist()
    moved = {old: new for new, old in enumerate(order)}
    steps = tuple(tuple((moved[passage], place) for passage, place in step) for step in example.steps)
    return replace(example, passages=tuple(example.passages[place] for place in order), steps=steps)


def _only(passage: ExamplePassage, places: Sequence[int]) -> ExamplePassage:
    """A passage with these of its sentences alone."""
    return replace(
        passage,
        sentences=tuple(passage.sentences[place] for place in places),
        targets=tuple(passage.targets[place] for place in places),
    )
