"""Example questions for whatever is searched: made of the titles, headings and first words of some of its passages.

It knows passages and English. It knows nothing of how they are found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from core.records import Passage
from retriever.articles import ArticleCorpus
from retriever.corpus import Corpus
from retriever.search import Retriever

_TRIED = 12  # passages looked at for each question that is wanted
_LONGEST_TITLE = 60  # characters
_LIFE = re.compile(r"^[^.]{0,80}\((?:[^()]*\bborn\b|[^()]*\d{3,4}\s*[–-])")
_PAGE = re.compile(r"Page \d+")  # a section of a PDF, which tells nothing
_VERB = re.compile(r"^[^.]{0,160}?\b(is|are|was|were)\b")


def example_questions(corpus: Corpus, count: int = 4, seed: int = 0) -> list[str]:
    """Questions that some passages of a corpus may answer.

    Args:
        corpus: what is searched; a live wiki is not asked for examples, and gives none.
        count: how many at most.
        seed: the same gives the same questions, but for a ZIM file, whose articles are drawn by itself.
    """
    found = (question_about(passage) for passage in _some_passages(corpus, count * _TRIED, seed))
    return list(dict.fromkeys(question for question in found if question))[:count]


def question_about(passage: Passage) -> str:
    """A question that a passage may answer; "" where its title makes none.

    >>> question_about(Passage("1", "Tide", "History & Newton", "Newton explained it.", ""))
    'What is known about Tide, in particular "Newton"?'
    >>> question_about(Passage("1", "Ada Lovelace", "", "Ada Lovelace (1815–1852) was a mathematician.", ""))
    'Who was Ada Lovelace?'
    >>> question_about(Passage("1", "Tides", "", "Tides are the rise and fall of sea levels.", ""))
    'What are Tides?'
    """
    title = passage.title.strip()
    if not title or len(title) > _LONGEST_TITLE or title.endswith("?"):
        return ""
    if passage.section and not _PAGE.fullmatch(passage.section):
        heading = passage.section.rsplit(" & ", 1)[-1]
        return f'What is known about {title}, in particular "{heading}"?'
    verb = _VERB.match(passage.text)
    if verb is None:
        return f"What is known about {title}?"
    return f"{'Who' if _LIFE.match(passage.text) else 'What'} {verb[1]} {title}?"


def _some_passages(corpus: Corpus, count: int, seed: int) -> Sequence[Passage]:
    """Passages of a corpus, drawn at random."""
    if isinstance(corpus, ArticleCorpus):
        return corpus.library.sample(count)
    if isinstance(corpus, Retriever):
        rows = np.random.default_rng(seed).permutation(len(corpus.index))[:count]
        return [corpus.index.passages[int(row)] for row in rows]
    return []
