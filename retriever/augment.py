"""More queries for the passages of a corpus: plain questions made of titles, sentences of the passages, claims.

Each names the passage that it should find, so that a model also learns of passages that no training question is about.
It knows texts and rows of the corpus; it knows no models.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from core.sentences import split_sentences
from data.passages import Passage
from data.questions import Claim

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
    """Draws queries with the row of the passage that each should find."""

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
