"""The question set of `data/lfqa`: questions with written answers, close answers, and claims, as plain records.

It knows the files and their fields, and which passages their titles name. It knows nothing of models. The same files
are read by `datasets.load_dataset("json", data_files=…)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from core.errors import UserError
from core.json_lines import json_lines
from core.sentences import split_sentences
from core.texts import as_given
from data.passages import Passage

FOLDER = Path(__file__).with_name("lfqa")
QuestionSplit = Literal[
    "train",
    "close",
    "dev",
    "real_train",
    "real_more",
    "real_dev",
    "deep_train",
    "deep_more",
    "deep_dev",
    "own_questions",
    "answers_more",
]
ClaimSplit = Literal["train", "dev"]
SentenceClaimSplit = Literal["train", "more", "dev"]
HOLDS = ("full", "part", "no")


class QuestionSetError(UserError):
    """A file of questions or claims is not what it should be; file, line and cure are named."""


@dataclass(frozen=True, slots=True)
class Place:
    """A passage that was read, or a sentence of it that an answer rests on.

    Identifiers and splits change from build to build, so a passage is found by title and section, and a sentence by its
    first words.

    Attributes:
        title: of the article.
        section: "Section & Subsection", or "" for the lead.
        begins: the sentence's first words; "" where the whole passage is meant.
    """

    title: str
    section: str = ""
    begins: str = ""

    @classmethod
    def of(cls, value: str | Mapping[str, Any]) -> Place:
        """Of a title, or of an object with these fields among others."""
        return cls(value) if isinstance(value, str) else cls(**_fitting(cls, value))


@dataclass(frozen=True, slots=True)
class AnswerSentence:
    """A sentence of an answer.

    Attributes:
        text: the sentence.
        evidence: the passage sentences that it rests on; none for one that says what the passages lack.
    """

    text: str
    evidence: tuple[Place, ...] = ()

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> AnswerSentence:
        """Of an object with "text" and "from"."""
        return cls(value["text"], tuple(Place.of(place) for place in value.get("from", ())))


@dataclass(frozen=True, slots=True)
class Nugget:
    """A point that a good answer makes, as TREC's nugget evaluation has them (Voorhees 2003).

    Attributes:
        text: the point, in a few words.
        vital: whether an answer without it is not a good one; the others are worth having.
    """

    text: str
    vital: bool = True

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Nugget:
        """Of an object with "text" and "importance": "vital" or "okay".

        Raises:
            ValueError: it is none.
        """
        text, importance = value["text"], value.get("importance", "vital")
        if not isinstance(text, str) or not text.strip() or importance not in ("vital", "okay"):
            raise ValueError(f"{dict(value)!r} is no nugget")
        return cls(text, importance == "vital")


@dataclass(frozen=True, slots=True)
class Question:
    """A question with a written answer.

    Attributes:
        id: the same in `train` and `close`.
        question: 5 to 30 words.
        answer: plain prose; for unanswerable questions it says what the passages lack.
        titles: the supporting articles, the main one first; may be empty when unanswerable.
        topic: the article that the question was written from.
        answerable: whether the passages hold an answer, or a part of it.
        holds: "full", "part" or "no": how far the passages of `read` hold the answer; "" where nobody judged it.
        sentences: of the answer, with their evidence; none where it was not noted.
        read: the passages that the judgement is about, best first.
        without: sentences that were taken out of them before the judgement.
        nuggets: the points that a good answer makes; none where nobody wrote them down.
    """

    id: str
    question: str
    answer: str
    titles: tuple[str, ...] = ()
    topic: str = ""
    answerable: bool = True
    holds: str = ""
    sentences: tuple[AnswerSentence, ...] = ()
    read: tuple[Place, ...] = ()
    without: tuple[Place, ...] = ()
    nuggets: tuple[Nugget, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """A single sentence about four passages, with a verdict.

    Attributes:
        id: of the question whose passages were at hand; several claims share it.
        claim: 6 to 34 words.
        read: the titles of the four passages.
        near: those of them that it follows from or comes nearest to.
        supported: whether it follows from the passages.
        kind: "close" or "combined" (supported); "contradicted", "mixed" or "plausible" (not).
    """

    id: str
    claim: str
    read: tuple[str, ...]
    near: tuple[str, ...]
    supported: bool
    kind: str


@dataclass(frozen=True, slots=True)
class SentenceClaim:
    """A sentence as a writer makes it of one or two passage sentences, with a verdict.

    Attributes:
        id: of the claim.
        question: that the sentence answers.
        claim: the sentence.
        evidence: the passage sentences.
        supported: whether it follows from them alone.
        kind: "true-reason", "true-verdict", "true-contrast" or "retold" (supported); "false-reason", "false-verdict",
            "swapped", "stretched" or "filled" (not).
    """

    id: str
    question: str
    claim: str
    evidence: tuple[Place, ...]
    supported: bool
    kind: str


def load_questions(
    source: QuestionSplit | str | Path = "train", required: Sequence[str] = ("question", "answer")
) -> list[Question]:
    """Questions of a split of `data/lfqa`, or of another file with the same fields.

    Args:
        source: "train" (free answers), "close" (close answers to the same questions), "dev", those with evidence
            sentence by sentence ("real_train", "real_more", "real_dev", "deep_train", "deep_more", "deep_dev",
            "own_questions", "answers_more"), or a path. Of the fields only those of `required` must be there.
        required: the fields that every line must have, "question" among them.

    Raises:
        QuestionSetError: the file is missing or empty, or a line of it is broken; file and line are named.

    >>> dev = load_questions("dev")
    >>> len(dev), dev[0].titles
    (160, ('Ozone',))
    """
    rows = _read(_path(source, get_args(QuestionSplit), ""), required, ("titles",))
    return [_question(str(number), row) for number, row in enumerate(rows)]


def _question(number: str, row: dict[str, Any]) -> Question:
    """A question of a line's fields.

    Raises:
        QuestionSetError: `holds`, `sentences`, `read`, `without` or `nuggets` are not of their form.
    """
    holds = row.get("holds", "")
    if holds not in ("", *HOLDS):
        raise QuestionSetError(f'"holds" of the question “{row["question"]}” is {holds!r}; allowed: {", ".join(HOLDS)}')
    defaults = {"id": number, "answer": ""} | ({"answerable": holds != "no"} if holds else {})
    try:
        judged = {
            "sentences": tuple(AnswerSentence.of(sentence) for sentence in row.get("sentences", ())),
            "read": tuple(Place.of(place) for place in row.get("read", ())),
            "without": tuple(Place.of(place) for place in row.get("without", ())),
            "nuggets": tuple(Nugget.of(nugget) for nugget in row.get("nuggets", ())),
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise QuestionSetError(
            f"the evidence of the question “{row['question']}” cannot be read ({type(error).__name__}: {error}); "
            'expected "sentences": [{"text": …, "from": [{"title": …, "begins": …}]}], "read": [title, …], '
            '"nuggets": [{"text": …, "importance": "vital" or "okay"}]'
        ) from error
    return Question(**_fitting(Question, defaults | row | judged))


def load_claims(source: ClaimSplit | str | Path = "train") -> list[Claim]:
    """Claims of a split of `data/lfqa`, or of another file with the same fields.

    Raises:
        QuestionSetError: the file is missing or empty, or a line of it is broken; file and line are named.

    >>> sum(claim.supported for claim in load_claims("dev"))
    320
    """
    rows = _read(_path(source, ("train", "dev"), "claims_"), ("claim", "read", "supported"), ("read", "near"))
    defaults: dict[str, Any] = {"near": (), "kind": ""}
    return [Claim(**_fitting(Claim, {"id": str(number)} | defaults | row)) for number, row in enumerate(rows)]


def load_sentence_claims(source: SentenceClaimSplit | str | Path = "train") -> list[SentenceClaim]:
    """Sentences beside their evidence, of a split of `data/lfqa` or of another file with the same fields.

    Raises:
        QuestionSetError: the file is missing or empty, or a line of it is broken; file and line are named.

    >>> sum(claim.supported for claim in load_sentence_claims("dev"))
    70
    """
    path = _path(source, get_args(SentenceClaimSplit), "sentence_claims_")
    rows = _read(path, ("claim", "from", "supported"), ())
    made: list[dict[str, Any]] = [{"evidence": tuple(map(Place.of, row["from"]))} for row in rows]
    defaults: dict[str, Any] = {"question": "", "kind": ""}
    return [
        SentenceClaim(**_fitting(SentenceClaim, {"id": str(number)} | defaults | row | more))
        for number, (row, more) in enumerate(zip(rows, made, strict=True))
    ]


def beside_evidence(
    claims: Iterable[SentenceClaim], titles: Mapping[str, Sequence[Passage]]
) -> tuple[list[Claim], dict[str, Passage]]:
    """Claims as those about whole passages are, each beside passages of its evidence alone.

    Args:
        claims: those of which a piece of evidence is not found are left out. Claims of one question get its text as id.
        titles: passages by title.

    Returns:
        The claims, and the passages that their `read` names.
    """
    made, passages = [], dict[str, Passage]()
    for claim in claims:
        found = [
            find_sentence(titles.get(place.title, ()), place.begins, place.section, claim.claim)
            for place in claim.evidence
        ]
        pairs = [pair for pair in found if pair]
        if not pairs or len(pairs) < len(found):
            continue
        texts: dict[str, list[str]] = {}
        for passage, sentence in pairs:
            texts.setdefault(passage.title, []).append(sentence)
        own = {f"{title}: {' '.join(parts)}": (title, " ".join(parts)) for title, parts in texts.items()}
        passages |= {name: Passage(name, title, "", text, "") for name, (title, text) in own.items()}
        made.append(Claim(claim.question or claim.id, claim.claim, tuple(own), tuple(own), claim.supported, claim.kind))
    return made, passages


def by_title(passages: Iterable[Passage]) -> dict[str, list[Passage]]:
    """The passages of each title, in order."""
    found: dict[str, list[Passage]] = {}
    for passage in passages:
        found.setdefault(passage.title, []).append(passage)
    return found


def passages_by_title(passages: Iterable[Passage]) -> dict[str, Passage]:
    """The first passage of each title.

    >>> first = Passage("0", "Tide", "", "The sea rises.", "")
    >>> passages_by_title([first, Passage("1", "Tide", "Causes", "The Moon.", "")]) == {"Tide": first}
    True
    """
    found: dict[str, Passage] = {}
    for passage in passages:
        found.setdefault(passage.title, passage)
    return found


def find_sentence(
    passages: Iterable[Passage], begins: str, section: str = "", like: str = ""
) -> tuple[Passage, str] | None:
    """The sentence that a row of the question set names by its first words.

    Sentences have no lasting numbers: where they end, and which passage they are in, may change with every build.

    Args:
        passages: those of the title that the row names.
        begins: the sentence's first words. Where no sentence begins so, one that holds them is taken: it was cut there
            once.
        section: of the row; passages of other sections are looked at only where this has none with these words.
        like: the sentence that rests on it; of several with the same first words the one that shares most words with
            it is taken, of equal ones the first.

    Returns:
        The passage and its sentence; None when there is none.

    >>> tide = Passage("0", "Tide", "", "The sea rises. It falls twice a day.", "")
    >>> find_sentence([tide], "It falls twice")[1]
    'It falls twice a day.'
    """
    first = " ".join(begins.split())
    if not first:
        return None
    words = set(like.casefold().split())
    best: tuple[tuple[bool, bool, int], Passage, str] | None = None
    for passage in passages:
        for sentence in split_sentences(passage.text):
            if f" {first}" not in f" {sentence}":
                continue
            rank = (passage.section == section, sentence.startswith(first), len(words & {*sentence.casefold().split()}))
            if best is None or rank > best[0]:
                best = rank, passage, sentence
    return None if best is None else best[1:]


def missing_titles(questions: Sequence[Question], titles: Mapping[str, object]) -> list[str]:
    """The titles that questions name and the corpus lacks, each once, in order of appearance.

    >>> missing_titles([Question("0", "Why?", "So.", ("Tide", "Atlantis"))], {"Tide": 1})
    ['Atlantis']
    """
    return list(dict.fromkeys(title for item in questions for title in item.titles if title not in titles))


def _path(source: str | Path, splits: Sequence[str], prefix: str) -> Path:
    """The file of a split, or the path that was given."""
    path = FOLDER / f"{prefix}{source}.jsonl" if source in splits else Path(source)
    if not path.is_file():
        raise QuestionSetError(f"there is no file {path}; name {', '.join(splits)}, or the path of a JSONL file")
    return path


_TEXTS = ("id", "question", "answer", "topic", "claim", "kind")
_FLAGS = ("answerable", "supported")


def _wrong(row: Mapping[str, Any], lists: Sequence[str]) -> str:
    """The first field of a line that is not what it must be; "" where all are."""
    for name, value in row.items():
        fits = (
            isinstance(value, str)
            if name in _TEXTS
            else isinstance(value, bool)
            if name in _FLAGS
            else isinstance(value, list) and all(isinstance(part, str) for part in value)
            if name in lists
            else True
        )
        if not fits:
            return name
    return ""


def _read(path: Path, required: Sequence[str], lists: Sequence[str]) -> list[dict[str, Any]]:
    """The objects of a JSONL file, each with the required fields, lists as tuples; those of `lists` hold texts."""
    expected = ", ".join(f'"{name}": …' for name in required)
    rows = []
    for place, row in json_lines(path, QuestionSetError, f"; expected {{{expected}}}"):
        missing = [name for name in required if not isinstance(row, dict) or row.get(name) in (None, "")]
        if missing:
            raise QuestionSetError(f"{place}: {', '.join(missing)} missing or empty; expected {{{expected}}}")
        if wrong := _wrong(row, lists):
            raise QuestionSetError(f'{place}: "{wrong}" is {as_given(row[wrong])}; expected {{{expected}}}')
        rows.append({name: tuple(value) if isinstance(value, list) else value for name, value in row.items()})
    if not rows:
        raise QuestionSetError(f"{path} is empty; expected lines like {{{expected}}}")
    return rows


def _fitting(record: type, row: Mapping[str, Any]) -> dict[str, Any]:
    """Only the fields that the record has."""
    return {field.name: row[field.name] for field in fields(record) if field.name in row}
