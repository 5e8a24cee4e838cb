"""Training examples of a retriever: questions with the documents that answer them, and perhaps some that do not.

Read from JSON lines, Parquet or a dataset of the `datasets` library; further queries are made of a corpus itself. It
knows texts and fields. It knows no tokens, models or vectors.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import UserError, first_line
from core.json_lines import json_lines
from core.sentences import split_sentences
from data.passages import Passage
from data.questions import Claim

# The fields that are looked for, in this order, when none is named.
QUESTION_FIELDS = ("question", "query", "title")
DOCUMENT_FIELDS = ("document", "positive", "positives", "passage", "answers", "answer")
NEGATIVE_FIELDS = ("negatives", "negative")
ELI5_MIN_WORDS = 64


class ExampleError(UserError):
    """Training examples cannot be read; the file and line, what was expected and the cure are named."""


@dataclass(frozen=True, slots=True)
class RetrievalExample:
    """A question and what it should find.

    Attributes:
        question: any text.
        documents: texts that answer it, at least one; one is drawn each time the example is used.
        negatives: texts that look alike and do not answer it.
        titles: the supporting articles of a corpus, the main one first; empty for examples without a corpus.
    """

    question: str
    documents: tuple[str, ...]
    negatives: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()


def read_examples(
    source: str,
    corpus: Mapping[str, str] | None = None,
    split: str = "train",
    question_field: str | None = None,
    document_field: str | None = None,
) -> list[RetrievalExample]:
    """The examples of a source.

    Args:
        source: a file (.jsonl, .json or .parquet), or a dataset's name, with ":" and a configuration if it has any.
        corpus: title → text. With it, a row's documents are the passages that its "titles" name; rows marked
            `"answerable": false` or without a title in the corpus are left out.
        split: of a dataset.
        question_field: the field of the question; None for the first of `QUESTION_FIELDS`.
        document_field: the field of the document or documents; None for the first of `DOCUMENT_FIELDS`. A field
            `{"text": [...]}`, as ELI5's answers are, is a list of texts.

    Raises:
        ExampleError: the source is missing or empty, or a row is broken.
    """
    examples: list[RetrievalExample] = []
    for place, row in _rows(source, split):
        if corpus is not None:
            if row.get("answerable", True):
                examples.extend(_corpus_example(place, row, corpus, question_field))
            continue
        question = _texts(_field(place, row, question_field, QUESTION_FIELDS))
        documents = _texts(_field(place, row, document_field, DOCUMENT_FIELDS))
        if len(question) != 1 or not documents:
            raise ExampleError(f"{place}: the question or its document is empty; give both some text, or drop the row")
        negatives = [text for name in NEGATIVE_FIELDS for text in _texts(row.get(name))]
        examples.append(RetrievalExample(question[0], tuple(documents), tuple(negatives)))
    if not examples:
        raise ExampleError(f"{source} has no training example; expected rows like {_EXPECTED}")
    return examples


def random_span(document: str, rng: random.Random, min_words: int = ELI5_MIN_WORDS) -> str:
    """The ELI5 recipe's document: the answer from a random word on, so that at least `min_words` are left.

    Source: the retriever's training of Jernite (2020), https://yjernite.github.io/lfqa.html. A shorter answer is
    taken whole.

    >>> random_span("a b c d", random.Random(0), min_words=4)
    'a b c d'
    >>> len(random_span("w " * 100, random.Random(0)).split()) >= 64
    True
    """
    words = document.split()
    return " ".join(words[rng.randint(0, max(0, len(words) - min_words)) :])


_EXPECTED = (
    '{"question": "…", "document": "…", "negatives": ["…"]} or, with a corpus, {"question": "…", "titles": ["…"]}'
)


def _corpus_example(
    place: str, row: Mapping[str, Any], corpus: Mapping[str, str], question_field: str | None
) -> Iterator[RetrievalExample]:
    """The example of a row that names articles, if the corpus holds one."""
    question = _texts(_field(place, row, question_field, QUESTION_FIELDS))
    titles = _texts(_field(place, row, None, ("titles",)))
    if len(question) != 1:
        raise ExampleError(f"{place}: the question is empty; give it some text, or drop the row")
    known = tuple(title for title in titles if title in corpus)
    if known and known[0] == titles[0]:
        yield RetrievalExample(question[0], (corpus[known[0]],), (), known)


def _field(place: str, row: Mapping[str, Any], name: str | None, candidates: Sequence[str]) -> Any:  # noqa: ANN401
    """The value of the named field, or of the first candidate that the row has."""
    for candidate in [name] if name else candidates:
        if candidate in row:
            return row[candidate]
    wanted = name or " or ".join(candidates)
    raise ExampleError(f"{place}: no field {wanted}; it has {', '.join(row) or 'none'}; expected {_EXPECTED}")


def _texts(value: object) -> list[str]:
    """A text, a list of texts or {"text": [...]} → the texts that are not blank."""
    if isinstance(value, Mapping):
        value = value.get("text")
    items: Iterable[object] = [value] if isinstance(value, str) else value if isinstance(value, Iterable) else []
    return [item for item in items if isinstance(item, str) and item.strip()]


def _rows(source: str, split: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The rows of a source, each with its place for messages."""
    path = Path(source)
    if path.suffix in (".jsonl", ".json", ".parquet") and not path.is_file():
        raise ExampleError(f"there is no file {path}; name a .jsonl or .parquet file, or a dataset")
    if path.suffix == ".parquet":
        yield from _parquet_rows(path)
    elif path.is_file():
        yield from _jsonl_rows(path)
    else:
        yield from _dataset_rows(source, split)


def _jsonl_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for place, row in json_lines(path, ExampleError, f"; expected {_EXPECTED}"):
        if not isinstance(row, dict):
            raise ExampleError(f"{place}: a JSON {type(row).__name__}, not an object; expected {_EXPECTED}")
        yield place, row


def _parquet_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    from pyarrow import parquet

    try:
        rows = parquet.read_table(path).to_pylist()
    except Exception as error:  # damaged files raise errors of Arrow, of text and of time
        raise ExampleError(f"{path} cannot be read as Parquet ({first_line(error)}); write it anew") from error
    for number, row in enumerate(rows, start=1):
        yield f"{path}, row {number}", row


def _dataset_rows(source: str, split: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    import datasets

    name, _, configuration = source.partition(":")
    try:
        rows = datasets.load_dataset(name, configuration or None, split=split)
    except Exception as error:  # the library and the hub raise many kinds
        raise ExampleError(
            f"{source} is no file here, and as a dataset it cannot be loaded ({type(error).__name__}: {error}); "
            "name a .jsonl or .parquet file, or a dataset within reach"
        ) from error
    for number, row in enumerate(rows, start=1):
        yield f"{source} ({split}), row {number}", row


TEMPLATES = (
    "what is {}?",
    "how does {} work?",
    "why is {} important?",
    "{}",
    "explain {} to me",
    "what makes {} special?",
    "who or what was {}?",
    "how did {} come about?",
    "what do we know about {}?",
    "can you tell me about {}?",
    "where does {} come from?",
    "what happens in {}?",
)
# Shares of title questions and claims; the rest are sentences.
TITLE_SHARE, CLAIM_SHARE = 0.5, 0.25


class Augmenter:
    """Draws queries from a corpus: questions made of titles, sentences, claims; each with its passage's row.

    So a model also learns of passages that no training question is about.
    """

    def __init__(self, passages: Sequence[Passage], claims: Sequence[tuple[str, int]] = ()) -> None:
        """Hold passages, and claims with their passage's row."""
        self.passages = passages
        self.claims = claims

    def draw(self, rng: random.Random) -> tuple[str, int]:
        """A query and the row of its passage; the same generator state gives the same query."""
        kind = rng.random()
        if self.claims and TITLE_SHARE <= kind < TITLE_SHARE + CLAIM_SHARE:
            return rng.choice(self.claims)
        row = rng.randrange(len(self.passages))
        passage = self.passages[row]
        if kind < TITLE_SHARE:
            return rng.choice(TEMPLATES).format(passage.title), row
        return rng.choice(split_sentences(passage.text) or [passage.title]), row


def claims_of_one_passage(
    claims: Sequence[Claim], rows: Mapping[str, int], without: frozenset[str] = frozenset()
) -> list[tuple[str, int]]:
    """Supported claims that follow from a single passage, with its row.

    Args:
        claims: of `data.questions.load_claims`.
        rows: title → row of the corpus.
        without: ids of questions whose claims are left out, as they are held out.
    """
    return [
        (claim.claim, rows[claim.near[0]])
        for claim in claims
        if claim.supported and len(claim.near) == 1 and claim.near[0] in rows and claim.id not in without
    ]
