"""Examples for the sentence ranker: which sentences of its passages a close answer was made of.

It knows questions, passages and words. It knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tqdm import tqdm

from core.sentences import is_complete, split_sentences
from data.passages import Passage
from data.questions import Question, passages_by_title
from generator.grounding import word_list, word_pairs
from generator.selection.ranker import Sentence
from retriever.search import Retriever

# A sentence that an answer has so much of (its share of word pairs) belongs into it, one with less than the first
# figure does not; between them in proportion.
_FROM, _TO = 0.2, 0.6
PASSAGES = 4


@dataclass(frozen=True)
class RankedQuestion:
    """A question's sentences, and how far each belongs into its answer, 0 to 1."""

    question: Question
    sentences: tuple[Sentence, ...]
    targets: tuple[float, ...]


def ranked_questions(questions: Sequence[Question], retriever: Retriever, with_gold: bool) -> list[RankedQuestion]:
    """The sentences of what is found for each question; questions without any are left out.

    Args:
        questions: with close answers.
        retriever: finds passages, and compares questions with sentences.
        with_gold: whether supporting passages that were not found take the place of the last ones.
    """
    titles = passages_by_title(retriever.index.passages)
    found = []
    for question in tqdm(questions, desc="finding passages", unit="question", mininterval=0.5):
        passages = [hit.passage for hit in retriever.search(question.question, PASSAGES)]
        gold = [titles[title] for title in question.titles if with_gold and title in titles]
        lacking = [passage for passage in gold if passage not in passages][:PASSAGES]
        found.append([*passages[: PASSAGES - len(lacking)], *lacking])
    texts = list(dict.fromkeys(text for row in found for passage in row for text in sentences_of(passage)))
    places = {text: place for place, text in enumerate(texts)}
    asked = retriever.embed_questions([question.question for question in questions])
    vectors = retriever.embed_texts(texts)
    rows = []
    for question, passages, vector in zip(questions, found, asked, strict=True):
        sentences = tuple(
            Sentence(passage.title, text, rank, float(vectors[places[text]] @ vector))
            for rank, passage in enumerate(passages)
            for text in sentences_of(passage)
        )
        if sentences:
            rows.append(RankedQuestion(question, sentences, tuple(targets(question, sentences))))
    return rows


def sentences_of(passage: Passage) -> list[str]:
    """The whole sentences of a passage."""
    return [text for text in split_sentences(passage.text) if is_complete(text)]


def targets(question: Question, sentences: Sequence[Sentence]) -> list[float]:
    """How far each sentence belongs into the close answer of a question; 0 for all when it has no answer.

    >>> tide = Question("0", "Why?", "The Moon pulls the sea, so tides rise each day.")
    >>> targets(tide, [Sentence("Tide", "The Moon pulls the sea."), Sentence("Tide", "Fish swim in rivers.")])
    [1.0, 0.0]
    """
    if not question.answerable:
        return [0.0] * len(sentences)
    said = word_pairs(word_list(question.answer))
    found = []
    for sentence in sentences:
        pairs = word_pairs(word_list(sentence.text))
        share = len(pairs & said) / max(1, len(pairs))
        found.append(min(1.0, max(0.0, (share - _FROM) / (_TO - _FROM))))
    return found
