"""What flows from a question to its answer: passages that were found, and sentences with their evidence.

Plain records, made once and carried on: a passage keeps its score into the generator, a sentence keeps from the moment
it is made what kind it is and on what it rests. They know nothing of models, the command line or the page.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from core.errors import UserError
from core.settings import Settings
from core.texts import as_given

if TYPE_CHECKING:
    import numpy as np

LONGEST_QUESTION = 1000
MOST_FOLLOWED = 3  # questions that a follow-up is read behind

ReadStatus = Literal["read", "cut", "not read"]
Kind = Literal["written", "quoted", "lacking"]
Holds = Literal["full", "part", "no"]
Stage = Literal["retrieving", "reading", "writing", "judging", "done"]
# The number of a passage among those found, and of a sentence in what was read of it, both from 1.
Place = tuple[int, int]
SUPPORTED, PARTLY, NOT_SUPPORTED = "supported", "partly", "not supported"


class QuestionError(UserError):
    """A question cannot be asked as it stands; the message says why and what to do."""


def check_question(question: str) -> str:
    r"""A question as it will be asked: control characters become spaces, white space is folded.

    Raises:
        QuestionError: it is no text, has fewer than two letters or digits, or more than `LONGEST_QUESTION` characters.

    >>> check_question("  Why is\tthe sky blue? ")
    'Why is the sky blue?'
    """
    if not isinstance(question, str):  # through the API anything may come
        raise QuestionError(
            f"The question is {as_given(question)}, no text. Type a question, such as “Why is the sky blue?”"
        )
    tidy = " ".join(
        "".join(" " if unicodedata.category(character) in ("Cc", "Cs") else character for character in question).split()
    )
    if not tidy:
        raise QuestionError("The question is empty. Type a question, such as “Why is the sky blue?”")
    if len(tidy) > LONGEST_QUESTION:
        raise QuestionError(
            f"The question has {len(tidy):,} characters; at most {LONGEST_QUESTION:,} are allowed. Shorten it."
        )
    if sum(character.isalnum() for character in tidy) < 2:
        raise QuestionError(f"“{tidy}” holds no words to search for. Type a question, such as “Why is the sky blue?”")
    return tidy


@dataclass(frozen=True, slots=True)
class Passage:
    """One snippet of an article.

    Attributes:
        id: unique within its corpus; the vital articles use their row number, so ids are stable.
        title: the article's title.
        section: "Section & Subsection", or "" for the lead.
        text: the snippet itself, one line of clean prose.
        url: where a reader finds it.
    """

    id: str
    title: str
    section: str
    text: str
    url: str

    def continues(self, other: Passage) -> bool:
        """Whether it is the next snippet of the same section of an article, whose snippets are numbered "id.number".

        >>> first, second = (Passage(f"633.{number}", "Algae", "Ecology", "", "") for number in (9, 10))
        >>> second.continues(first), first.continues(second)
        (True, False)
        """
        (own, _, number), (others, _, before) = self.id.rpartition("."), other.id.rpartition(".")
        same = bool(own) and (own, self.title, self.section) == (others, other.title, other.section)
        return same and number.isdecimal() and before.isdecimal() and int(number) == int(before) + 1

    def to_json(self) -> dict[str, str]:
        """The record as a plain dictionary."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that a search found, and what the generator read of it.

    Attributes:
        rank: from 1, best first.
        passage: what was found.
        score: of the search; see `Retrieved.score_name`.
        status: "read" whole, "cut" to what fitted, or "not read".
        text: exactly what the generator read; "" when not read.
        kept: whether it was found for the answer that a follow-up follows, too.
    """

    rank: int
    passage: Passage
    score: float = 0.0
    status: ReadStatus = "not read"
    text: str = ""
    kept: bool = False

    def as_read(self, text: str) -> Found:
        """The same passage, of which this text was read."""
        status: ReadStatus = "not read" if not text else "read" if text == self.passage.text else "cut"
        return replace(self, status=status, text=text)

    def to_json(self) -> dict[str, Any]:
        """The passage's row of the JSON output; of one that was cut also what was read."""
        passage = self.passage
        row = {
            "rank": self.rank,
            "title": passage.title,
            "section": passage.section,
            "url": passage.url,
            "text": passage.text,
            "score": round(self.score, 4),
            "read": self.status != "not read",
            "status": self.status,
        }
        more = {"read_text": self.text} if self.status == "cut" else {}
        return row | more | ({"from_previous": True} if self.kept else {})


def read_texts(texts: Sequence[str], titles: Sequence[str] = ()) -> list[Found]:
    """Texts from anywhere as passages that were read.

    Args:
        texts: "" stands for one that was not read.
        titles: of the same texts; none where they are not known.
    """
    named = list(titles) or [""] * len(texts)
    return [
        Found(rank, Passage(str(rank), title, "", text, "")).as_read(text)
        for rank, (title, text) in enumerate(zip(named, texts, strict=True), 1)
    ]


@dataclass(frozen=True)
class SelectedSentence:
    """A passage sentence.

    Attributes:
        place: rank of its passage and its number in what was read of it, as `core.sentences.split_sentences` counts.
        text: the sentence.
        probability: that it belongs into the answer, or into what is still to be said of it, 0 to 1.
        said: whether the answer so far rests on it.
    """

    place: Place
    text: str
    probability: float
    said: bool = False


@dataclass(frozen=True)
class Selection:
    """What is selected for a question.

    Attributes:
        holds: "full", "part" or "no": how far the passages hold the answer.
        confidence: the probability that they hold at least a part of it, 0 to 1; below the threshold `holds` is "no".
        whole: the probability that they hold all of it, 0 to `confidence`.
        more: the probability that something of the answer is still to be said; the network's own, not calibrated.
        sentences: of all passages that were read, in reading order.
    """

    holds: Holds
    confidence: float
    whole: float
    more: float
    sentences: tuple[SelectedSentence, ...]

    def best(self, count: int = 1) -> list[SelectedSentence]:
        """The likeliest sentences that were not said, best first."""
        left = [sentence for sentence in self.sentences if not sentence.said]
        return sorted(left, key=lambda sentence: -sentence.probability)[:count]


@dataclass(frozen=True)
class Previous:
    """What a follow-up follows: an answer's questions and passages.

    Attributes:
        questions: that answer's own, last, and those that it followed itself, `MOST_FOLLOWED` in all at most.
        passages: that were found for it, best first.
        index: where; "" for the first that is offered.
        said: the sentences of that answer, but for what it says of the passages.
    """

    questions: tuple[str, ...]
    passages: tuple[Passage, ...] = ()
    index: str = ""
    said: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Of its best article; "" where nothing was found."""
        return self.passages[0].title if self.passages else ""


@dataclass(frozen=True)
class Retrieved:
    """A question and what the search found for it: all that a generator is given.

    Attributes:
        question: as asked.
        found: best first.
        vector: of the question, float32 (dimensions,), comparable with those of texts; None where nothing embedded it.
        score_name: what the scores are, such as "cosine"; "" when nothing was retrieved.
        low_scores: whether every score is so low that the passages likely miss the question.
        note: what a reader should know of this search, in one sentence; "" where there is nothing.
        selection: which sentences of what was read answer the question, and whether they do; None before it was asked.
        previous: what the question follows; None where it stands alone.
    """

    question: str
    found: tuple[Found, ...] = ()
    vector: np.ndarray | None = field(default=None, compare=False, repr=False)
    score_name: str = ""
    low_scores: bool = False
    note: str = ""
    selection: Selection | None = None
    previous: Previous | None = None

    @property
    def whole(self) -> str:
        """The question behind those that it follows, without which it may have no subject: this is what models read.

        >>> Retrieved("And why?", previous=Previous(("What are tides?",))).whole
        'What are tides? And why?'
        """
        return " ".join([*(self.previous.questions if self.previous else ()), self.question])

    @property
    def asked(self) -> str:
        """What the passages must answer: the question, after the title of the article that it goes on about.

        The questions before were answered, so they must not count. One that has no word of its own is nothing without
        them.

        >>> tides = Previous(("What are tides?",), (Passage("0", "Tide", "", "The sea rises.", ""),))
        >>> Retrieved("And who explained them?", previous=tides).asked, Retrieved("And why?", previous=tides).asked
        ('Tide: And who explained them?', 'What are tides? And why?')
        """
        from core.words import FUNCTION_WORDS

        if not self.previous or not self.previous.title:
            return self.whole
        own = any(word not in FUNCTION_WORDS for word in re.findall(r"\w+", self.question.lower()))
        return f"{self.previous.title}: {self.question}" if own else self.whole

    @property
    def read(self) -> list[Found]:
        """The passages of which something was read, best first."""
        return [part for part in self.found if part.text]


@dataclass(frozen=True)
class Judgement:
    """What the passages say of one sentence.

    Attributes:
        probability: that they support it, 0 to 1.
        label: "supported", "partly" or "not supported".
        passage: the rank of the passage with the nearest sentence; None where nothing was read.
        evidence: that sentence; "" where nothing was read.
    """

    probability: float
    label: str
    passage: int | None
    evidence: str


@dataclass(frozen=True)
class Sentence:
    """A sentence of an answer.

    Attributes:
        text: the sentence.
        kind: "written" by a model, "quoted" from a passage, or "lacking": it says what the passages don't say.
        origin: the passage sentences that it was made from.
        support: how likely it is, 0 to 1, that the passages support it.
        label: "supported", "partly", "not supported", or "" before it was judged.
        passage: the rank of the passage behind it; None where nothing supports it.
        evidence: the passage sentence behind it; "" where nothing supports it.
    """

    text: str
    kind: Kind = "written"
    origin: tuple[Place, ...] = ()
    support: float = 0.0
    label: str = ""
    passage: int | None = None
    evidence: str = ""

    def judged(self, judgement: Judgement) -> Sentence:
        """The sentence with a judgement; evidence too weak to count is left out."""
        counts = judgement.label != NOT_SUPPORTED
        return replace(
            self,
            support=judgement.probability,
            label=judgement.label,
            passage=judgement.passage if counts else None,
            evidence=judgement.evidence if counts else "",
        )

    def to_json(self) -> dict[str, Any]:
        """The sentence's row of the JSON output."""
        return {
            "text": self.text,
            "kind": self.kind,
            "support": round(self.support, 4),
            "label": self.label,
            "passage": self.passage,
            "evidence": self.evidence,
            "from": [list(place) for place in self.origin],
        }


def as_text(sentences: Iterable[Sentence]) -> str:
    """The paragraph that sentences make."""
    return " ".join(sentence.text for sentence in sentences)


@dataclass(frozen=True)
class Draft:
    """An answer on its way.

    Attributes:
        sentences: those that are whole, with their kind and origin; at the end, all.
        tail: the beginning of the next one, as far as it can be shown.
        done: whether this is the end.
        stopped: whether it was stopped before its end.
    """

    sentences: tuple[Sentence, ...] = ()
    tail: str = ""
    done: bool = False
    stopped: bool = False

    @property
    def text(self) -> str:
        """The answer so far."""
        return f"{as_text(self.sentences)} {self.tail}".strip()


@dataclass(frozen=True)
class Answer:
    """An answer, finished or on its way. Every snapshot that `LongFormQA.stream` yields is complete in itself.

    Attributes:
        retrieved: the question, tidied, and its passages, best first, with what was read of each.
        settings: with what it was made.
        stage: "retrieving", "reading", "writing", "judging" or "done".
        text: the answer so far.
        sentences: at "done", each sentence of the answer with its evidence.
        answerable: whether the passages hold an answer, as far as is known.
        seconds: "retrieve", "encode", "first_token", "total", as far as they have passed; from the question on,
            except "retrieve" and "encode", which are durations.
        note: a sentence for the reader when something is special, else "".
        stopped: whether it was stopped before its end.
    """

    retrieved: Retrieved
    settings: Settings = field(default_factory=Settings)
    stage: Stage = "retrieving"
    text: str = ""
    sentences: tuple[Sentence, ...] = ()
    answerable: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    note: str = ""
    stopped: bool = False

    @property
    def question(self) -> str:
        """As asked, tidied."""
        return self.retrieved.question

    @property
    def found(self) -> tuple[Found, ...]:
        """The passages, best first."""
        return self.retrieved.found

    @property
    def holds(self) -> Holds:
        """How far the passages hold the answer; without a selector all that is known is whether there is one."""
        selection = self.retrieved.selection
        return selection.holds if selection else "full" if self.answerable else "no"

    @property
    def confidence(self) -> float | None:
        """The probability that they hold at least a part of it, 0 to 1; None where no selector was asked."""
        return self.retrieved.selection.confidence if self.retrieved.selection else None

    def as_previous(self) -> Previous:
        """What a follow-up follows."""
        before = self.retrieved.previous.questions if self.retrieved.previous else ()
        questions = (*before, self.question)[-MOST_FOLLOWED:]
        passages = tuple(part.passage for part in self.found)
        return Previous(questions, passages, self.settings.index, self._said())

    def _said(self) -> tuple[str, ...]:
        """Its sentences, but for what it says of the passages."""
        return tuple(sentence.text for sentence in self.sentences if sentence.kind != "lacking")

    @property
    def repeats(self) -> bool:
        """Whether it says nothing but what the answer said that its question follows."""
        previous, said = self.retrieved.previous, self._said()
        return previous is not None and bool(said) and set(said) <= set(previous.said)

    @property
    def lacks(self) -> bool:
        """Whether it begins by saying that the passages do not hold what was asked."""
        return bool(self.sentences) and self.sentences[0].kind == "lacking"

    def to_json(self) -> dict[str, Any]:
        """The object that `--json` prints and the endpoint `/ask` returns."""
        followed = {"previous": self.retrieved.previous.questions[-1]} if self.retrieved.previous else {}
        return {
            "question": self.question,
            "answer": self.text,
            "answerable": self.answerable,
            "holds": self.holds,
            "confidence": None if self.confidence is None else round(self.confidence, 4),
            "passages": [part.to_json() for part in self.found],
            "sentences": [sentence.to_json() for sentence in self.sentences],
            "settings": self.settings.to_json(),
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "score_name": self.retrieved.score_name,
            "note": self.note,
            "stopped": self.stopped,
        } | followed
