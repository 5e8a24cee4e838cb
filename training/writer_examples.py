"""Examples for the writer: answers sentence by sentence, each beside the passage sentences that it rests on.

Where evidence was noted it is found again by its first words; close answers are aligned to the passages that they were
written from by shared word pairs. It knows questions, passages and words, and no model.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.records import Passage
from core.sentences import split_sentences
from data.questions import Question, find_sentence
from generator.grounding import word_list, word_pairs
from generator.writer.layout import Fact, Form, WriterRequest

# A close answer's sentence rests on the passage sentence that has most of its word pairs, and on a second one that adds
# at least so many; one of which less is found is not aligned. Shares of the sentence's pairs.
_ADDS, _ALIGNED = 0.2, 0.2
# How often a paragraph's facts have others among them, of the same passages, and how many facts there are then at most.
_DISTRACTED, _MOST_FACTS = 0.3, 6


@dataclass(frozen=True, slots=True)
class WrittenSentence:
    """A sentence of an answer with its evidence; none where it says what is lacking."""

    text: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class WrittenAnswer:
    """A question with an answer, sentence by sentence.

    Attributes:
        id: of the question.
        question: as asked.
        sentences: of the answer.
        others: further sentences of the same passages.
        about: the passages' titles.
    """

    id: str
    question: str
    sentences: tuple[WrittenSentence, ...]
    others: tuple[Fact, ...]
    about: tuple[str, ...]

    @classmethod
    def of(cls, row: dict[str, Any]) -> WrittenAnswer:
        """An answer from the dictionary that `asdict` made, read back from JSON."""
        sentences = tuple(
            WrittenSentence(sentence["text"], tuple(Fact(**fact) for fact in sentence["facts"]))
            for sentence in row["sentences"]
        )
        others = tuple(Fact(**fact) for fact in row["others"])
        return cls(row["id"], row["question"], sentences, others, tuple(row["about"]))


@dataclass(frozen=True, slots=True)
class WriterExample:
    """A request and what is to be written."""

    request: WriterRequest
    target: str


def noted_answers(questions: Sequence[Question], titles: Mapping[str, Sequence[Passage]]) -> list[WrittenAnswer]:
    """Answers whose evidence was noted; those of which a piece is not found any more are left out.

    Args:
        questions: with `sentences` and `read`.
        titles: passages by title.
    """
    made = []
    for question in questions:
        passages: dict[str, Passage] = {}
        sentences = []
        for sentence in question.sentences:
            found = [
                find_sentence(titles.get(place.title, ()), place.begins, place.section, sentence.text)
                for place in sentence.evidence
            ]
            facts = tuple(fact_of(*pair) for pair in found if pair)
            if len(facts) < len(found):
                break
            passages |= {pair[0].id: pair[0] for pair in found if pair}
            sentences.append(WrittenSentence(sentence.text, facts))
        if sentences and len(sentences) == len(question.sentences):
            about = tuple(dict.fromkeys(place.title for place in question.read))
            made.append(_answer(question, sentences, passages.values(), about))
    return made


def close_answers(questions: Sequence[Question], titles: Mapping[str, Sequence[Passage]]) -> list[WrittenAnswer]:
    """Close answers, aligned; those with a sentence that rests on nothing are left out, unless nothing is to be had.

    Args:
        questions: with close answers, and the titles that they rest on.
        titles: passages by title.
    """
    made = []
    for question in questions:
        passages = [passage for title in question.titles for passage in titles.get(title, ())[:1]]
        facts = [fact_of(passage, text) for passage in passages for text in split_sentences(passage.text)]
        sentences = [WrittenSentence(text, aligned(text, facts)) for text in split_sentences(question.answer)]
        gaps = sum(not sentence.facts for sentence in sentences)
        if sentences and bool(gaps) == (not question.answerable):
            made.append(_answer(question, sentences, passages, question.titles))
    return made


def aligned(sentence: str, facts: Sequence[Fact]) -> tuple[Fact, ...]:
    """The one or two facts that have most of a sentence's word pairs, in the order given; none where few are found.

    >>> tide, moon = Fact("Tide", "The sea rises twice a day."), Fact("Moon", "The Moon pulls the sea.")
    >>> [fact.title for fact in aligned("The Moon pulls the sea strongly.", [tide, moon])]
    ['Moon']
    """
    left = word_pairs(word_list(sentence))
    count = len(left)
    chosen: list[int] = []
    pairs = [word_pairs(word_list(fact.text)) for fact in facts]
    while facts and count and len(chosen) < 2:
        best = max(range(len(facts)), key=lambda number: len(left & pairs[number]))
        if len(left & pairs[best]) < (_ADDS if chosen else _ALIGNED) * count:
            break
        left = left - pairs[best]
        chosen.append(best)
    return tuple(facts[number] for number in sorted(chosen))


def fact_of(passage: Passage, text: str) -> Fact:
    """A sentence of a passage, under its article's and section's titles."""
    return Fact(f"{passage.title}, {passage.section}" if passage.section else passage.title, text)


def examples(answer: WrittenAnswer, form: Form, seed: int = 0) -> list[WriterExample]:
    """What an answer teaches: each sentence after those before it, or the paragraph at once.

    Args:
        answer: with its evidence.
        form: see `generator.writer.layout`.
        seed: of the facts put among a paragraph's.
    """
    if form == "paragraph":
        return [_paragraph(answer, random.Random(f"{seed} {answer.id}"))]
    made = []
    for number, sentence in enumerate(answer.sentences):
        said = " ".join(before.text for before in answer.sentences[:number])
        about = () if sentence.facts else answer.about
        made.append(WriterExample(WriterRequest(answer.question, sentence.facts, form, said, about), sentence.text))
    return made


def _paragraph(answer: WrittenAnswer, drawn: random.Random) -> WriterExample:
    """The whole answer from all its evidence, with other facts among it at times."""
    facts = list(dict.fromkeys(fact for sentence in answer.sentences for fact in sentence.facts))
    others = [fact for fact in answer.others if fact not in facts]
    if facts and drawn.random() < _DISTRACTED:
        count = min(drawn.randint(1, 2), len(others), max(0, _MOST_FACTS - len(facts)))
        for fact in drawn.sample(others, count):
            facts.insert(drawn.randint(0, len(facts)), fact)
    partly = bool(facts) and not all(sentence.facts for sentence in answer.sentences)
    about = () if facts else answer.about
    request = WriterRequest(answer.question, tuple(facts), "paragraph", about=about, partly=partly)
    return WriterExample(request, " ".join(sentence.text for sentence in answer.sentences))


def _answer(
    question: Question, sentences: Sequence[WrittenSentence], passages: Iterable[Passage], about: Sequence[str]
) -> WrittenAnswer:
    """The record of an aligned answer."""
    others = tuple(fact_of(passage, text) for passage in passages for text in split_sentences(passage.text))
    return WrittenAnswer(question.id, question.question, tuple(sentences), others, tuple(about))
