"""A corpus by what the command line says after --index."""

from __future__ import annotations

from pathlib import Path

from retriever.article_plan import KINDS as ARTICLES
from retriever.article_plan import ArticlePlan, is_article_index
from retriever.corpus import CorpusPlan

LIVE_SECONDS = "the most that a live wiki or a ZIM file takes for a question, 1 to 120 (default 8)"
# The vital articles, which come with the program.
EMBEDDED = "embedded"
KINDS = ("an index folder", "hf:USER/NAME", *ARTICLES, EMBEDDED)


def plan_corpus(
    index: Path | str | None = None, encoder: Path | str | None = None, seconds: float | str | None = None
) -> CorpusPlan:
    """Find out what a corpus needs, and fetch what is missing; nothing is loaded yet.

    Args:
        index: one of `KINDS`; None, too, for the embedded vital articles.
        encoder: a RetriBERT checkpoint's folder; None for the one that the index was built by.
        seconds: for one question to a live wiki or a ZIM file; None for LFQA_LIVE_SECONDS, or 8.

    Raises:
        core.errors.UserError: it cannot be had; the message says why and what to do.
    """
    if index is not None and is_article_index(str(index)):
        return ArticlePlan.of(str(index), encoder, seconds)
    from retriever.search import RetrieverPlan

    return RetrieverPlan.of(None if index == EMBEDDED else index, encoder)
