"""What is asked and what comes back: the question's check, its settings, and the answer with its evidence.

Plain records; they know nothing of models, the command line or the page.
"""

from __future__ import annotations

import unicodedata
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from generator.attribution import TracedSentence
from generator.base import GenerationSettings, ReadStatus, SettingsError
from generator.support.choose import UNSUPPORTED_WAYS
from retriever.search import METHODS, Hit

LONGEST_QUESTION = 1000
MOST_PASSAGES = 20
MOST_CANDIDATES = 8

Stage = Literal["retrieving", "reading", "writing", "tracing", "done"]


class QuestionError(ValueError):
    """A question cannot be asked as it stands; the message says why and what to do."""


def check_question(question: str) -> str:
    r"""A question as it will be asked: control characters become spaces, white space is folded.

    Raises:
        QuestionError: it has fewer than two letters or digits, or more than `LONGEST_QUESTION` characters.

    >>> check_question("  Why is\tthe sky blue? ")
    'Why is the sky blue?'
    """
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


@dataclass(frozen=True)
class AskSettings:
    """How a question is answered.

    Attributes:
        retrieval: "dense", "sparse", "mixed", "none" or "random".
        passages: how many passages to find, 1 to `MOST_PASSAGES`.
        generator: "extractive", "fused", or the name or folder of a seq2seq checkpoint.
        generation: how the answer is written.
        candidates: how many answers are written, 1 to `MOST_CANDIDATES`; the best supported is kept.
        unsupported: what becomes of sentences that the passages don't support: "keep", "mark" (an answer without any
            support is replaced by what the passages lack) or "drop" (such sentences are left out, too).
    """

    retrieval: str = "mixed"
    passages: int = 4
    generator: str = "fused"
    generation: GenerationSettings = field(default_factory=GenerationSettings)
    candidates: int = 1
    unsupported: str = "mark"

    def __post_init__(self) -> None:
        """Refuse what is out of range.

        Raises:
            SettingsError: naming the setting, its value and what is allowed.
        """
        if self.retrieval not in METHODS:
            raise SettingsError(f"retrieval is {self.retrieval!r}; allowed are {', '.join(METHODS)}")
        if not 1 <= self.passages <= MOST_PASSAGES:
            raise SettingsError(f"the number of passages is {self.passages}; allowed is 1 to {MOST_PASSAGES}")
        if not 1 <= self.candidates <= MOST_CANDIDATES:
            raise SettingsError(f"the number of candidates is {self.candidates}; allowed is 1 to {MOST_CANDIDATES}")
        if self.unsupported not in UNSUPPORTED_WAYS:
            raise SettingsError(f"unsupported is {self.unsupported!r}; allowed are {', '.join(UNSUPPORTED_WAYS)}")

    def to_json(self) -> dict[str, Any]:
        """One flat dictionary of everything needed to repeat the run."""
        own = {"retrieval": self.retrieval, "passages": self.passages, "generator": self.generator}
        own |= {"candidates": self.candidates, "unsupported": self.unsupported}
        return own | asdict(self.generation)


@dataclass(frozen=True)
class Evidence:
    """A retrieved passage as the answer used it: the search's `hit`, and what became of it in the generator.

    Attributes:
        hit: passage, score and rank, from the search.
        status: "read", "cut" or "not read".
        read_text: exactly what the generator read of it.
    """

    hit: Hit
    status: ReadStatus = "not read"
    read_text: str = ""

    def to_json(self) -> dict[str, Any]:
        """The passage's row of the JSON output; of one that was cut also what was read."""
        passage = self.hit.passage
        read_text = {"read_text": self.read_text} if self.status == "cut" else {}
        return {
            "rank": self.hit.rank,
            "title": passage.title,
            "section": passage.section,
            "url": passage.url,
            "text": passage.text,
            "score": round(self.hit.score, 4),
            "read": self.status != "not read",
            "status": self.status,
        } | read_text


@dataclass(frozen=True)
class Answer:
    """An answer, finished or on its way. Every snapshot that `stream` yields is complete in itself.

    Attributes:
        question: as asked, tidied.
        stage: "retrieving", "reading", "writing", "tracing" or "done".
        text: the answer so far.
        answerable: whether the passages hold an answer, as far as is known.
        evidence: the passages, best first.
        sentences: at "done", each sentence of the answer with its evidence.
        settings: with what it was made.
        seconds: "retrieve", "encode", "first_token", "total", as far as they have passed; from the question on,
            except "retrieve" and "encode", which are durations.
        score_name: what the scores are, such as "cosine"; "" when nothing was retrieved.
        low_scores: whether every score is so low that the passages likely miss the question.
        note: a sentence for the reader when something is special, else "".
        stopped: whether it was stopped before its end.
    """

    question: str
    stage: Stage = "retrieving"
    text: str = ""
    answerable: bool = False
    evidence: tuple[Evidence, ...] = ()
    sentences: tuple[TracedSentence, ...] = ()
    settings: AskSettings = field(default_factory=AskSettings)
    seconds: dict[str, float] = field(default_factory=dict)
    score_name: str = ""
    low_scores: bool = False
    note: str = ""
    stopped: bool = False

    def to_json(self) -> dict[str, Any]:
        """The object that `--json` prints and the endpoint `/ask` returns."""
        return {
            "question": self.question,
            "answer": self.text,
            "answerable": self.answerable,
            "passages": [evidence.to_json() for evidence in self.evidence],
            "sentences": [sentence.to_json() for sentence in self.sentences],
            "settings": self.settings.to_json(),
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "score_name": self.score_name,
            "note": self.note,
            "stopped": self.stopped,
        }
