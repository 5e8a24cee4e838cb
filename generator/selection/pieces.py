"""Questions and passages as the selector's network reads them: token ids, and where each sentence lies.

It knows texts and the tokenizer. It knows no weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from generator.selection.network import Piece
from retriever.corpus import article_ranks

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Of a question, of a title with its section, and of one sentence so many tokens are read.
LONGEST_QUESTION, LONGEST_TITLE, LONGEST_SENTENCE = 64, 24, 128
# A longer passage is read in several pieces.
LONGEST_PIECE = 256
# Sentences kept with their tokens: those of a few thousand passages.
_MOST_KEPT = 50_000


@dataclass(frozen=True)
class ReadPieces:
    """One question's pieces.

    Attributes:
        pieces: in the order of the passages.
        passages: the number of each piece's passage, from 0.
        owners: (passage, sentence) numbers, from 0, of each sentence of the pieces, in order.
    """

    pieces: tuple[Piece, ...]
    passages: tuple[int, ...]
    owners: tuple[tuple[int, int], ...]


class PieceReader:
    """Makes pieces of texts."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Hold the tokenizer."""
        self._tokenizer = tokenizer
        self._first, self._between = tokenizer.cls_token_id, tokenizer.sep_token_id
        self._kept: dict[str, tuple[int, ...]] = {}

    def read(self, question: str, passages: Sequence[tuple[str, str, Sequence[str]]]) -> ReadPieces:
        """Pieces of passages, (title, section, sentences) each; one without a sentence has none.

        Passages of one article share its rank.
        """
        asked = self._tokens(question)[:LONGEST_QUESTION]
        ranks = article_ranks([title for title, _, _ in passages])
        pieces: list[Piece] = []
        numbers: list[int] = []
        owners: list[tuple[int, int]] = []
        for number, (title, section, sentences) in enumerate(passages):
            named = self._tokens(f"{title}, {section}" if section else title)[:LONGEST_TITLE]
            head = (self._first, *asked, self._between, *named, self._between)
            kinds = (0,) * (len(asked) + 2)
            tokens = [self._tokens(sentence)[:LONGEST_SENTENCE] for sentence in sentences]
            for group in _groups([len(own) for own in tokens], LONGEST_PIECE - len(head) - 1):
                ids, spans = list(head), []
                for place in group:
                    spans.append((len(ids), len(ids) + len(tokens[place])))
                    ids += tokens[place]
                    owners.append((number, place))
                ids.append(self._between)
                kind = kinds + (1,) * (len(ids) - len(kinds))
                pieces.append(Piece(ranks[number], tuple(ids), kind, tuple(spans)))
                numbers.append(number)
        return ReadPieces(tuple(pieces), tuple(numbers), tuple(owners))

    def _tokens(self, text: str) -> tuple[int, ...]:
        """The ids of a text, without marks at its ends."""
        found = self._kept.get(text)
        if found is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            found = self._kept[text] = tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        return found


def _groups(lengths: Sequence[int], room: int) -> list[list[int]]:
    """Neighbouring places in groups whose lengths fit the room, as even as one pass makes them; empty ones left out.

    >>> _groups([40, 0, 40, 40], 100), _groups([], 100)
    ([[0, 2], [3]], [])
    """
    places = [place for place, length in enumerate(lengths) if length]
    total = sum(lengths)
    aim = total / max(1, -(-total // max(1, room)))
    groups: list[list[int]] = []
    filled = 0
    for place in places:
        if not groups or filled + lengths[place] > room or filled + lengths[place] / 2 > aim:
            groups.append([])
            filled = 0
        groups[-1].append(place)
        filled += lengths[place]
    return groups
