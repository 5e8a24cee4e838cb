"""The selector's network: which passage sentences belong into an answer, and how far the passages hold one.

Each passage is read once together with the question by the sentence encoder, every sentence of it becoming one vector
(the mean of its tokens' states). A small stack then lets all sentences and passages of a question see each other and
those that were already said, as in hierarchical readers (HIBERT, Zhang et al. 2019, arXiv 1905.06566); so judging anew
after each sentence said costs only the small stack. It knows token ids and vectors, no texts.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from retriever.plain_bert import Layer, PlainBert, PlainBertConfig

if TYPE_CHECKING:
    from retriever.plain_bert import AnyBert

UPPER_LAYERS = 2
# Ranks of passages that are told apart; later ones count as the last.
RANKS = 8
_OVERALL, _PASSAGE, _SENTENCE, _SAID = range(4)
# Passages read at once: few, since the longest decides what all of them cost.
_BATCH = 12


@dataclass(frozen=True)
class Piece:
    """A passage, or a stretch of a long one, as it is read with the question.

    Attributes:
        rank: of its article among those read, from 0.
        ids: of the tokens: question, title, sentences.
        kinds: 0 for the question's tokens, 1 for the others.
        spans: first token and end of each sentence.
    """

    rank: int
    ids: tuple[int, ...]
    kinds: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class States:
    """What was read of one question's pieces.

    Attributes:
        passages: (pieces, hidden).
        sentences: (sentences, hidden), those of all pieces, in order.
        passage_ranks: (pieces,).
        sentence_ranks: (sentences,).
    """

    passages: Tensor
    sentences: Tensor
    passage_ranks: Tensor
    sentence_ranks: Tensor


@dataclass(frozen=True)
class Judged:
    """Logits of a batch of questions.

    Attributes:
        holds: (batch, 2): that the passages hold at least a part of the answer; that they hold it whole.
        more: (batch,): that something is still to be said.
        passages: that each piece holds something, a tensor (pieces,) for each question.
        sentences: that each belongs into the (rest of the) answer, a tensor (sentences,) for each question.
    """

    holds: Tensor
    more: Tensor
    passages: list[Tensor]
    sentences: list[Tensor]


class SelectorNetwork(nn.Module):
    """Reads pieces with the encoder, and judges them together."""

    def __init__(self, encoder: AnyBert) -> None:
        """Put the upper stack on an encoder."""
        super().__init__()
        self.encoder = encoder
        hidden = encoder.config.hidden_size
        sizes = PlainBertConfig(
            hidden_size=hidden,
            num_attention_heads=max(1, hidden // 64),
            intermediate_size=2 * hidden,
            hidden_dropout_prob=encoder.config.hidden_dropout_prob,
        )
        self.kinds = nn.Embedding(4, hidden)
        self.ranks = nn.Embedding(RANKS, hidden)
        self.sentence = nn.Linear(2 * hidden, hidden)
        self.upper = nn.ModuleList(Layer(sizes) for _ in range(UPPER_LAYERS))
        self.holds, self.more = nn.Linear(hidden, 2), nn.Linear(hidden, 1)
        self.of_passage, self.of_sentence = nn.Linear(hidden, 1), nn.Linear(hidden, 1)
        for table in (self.kinds, self.ranks):
            nn.init.normal_(table.weight, std=0.02)
        # The stack begins as little more than what it is given.
        for name, weight in self.upper.named_parameters():
            if name.endswith("output.dense.weight"):
                nn.init.normal_(weight, std=0.005)

    @classmethod
    def of(cls, encoder: PlainBert) -> SelectorNetwork:
        """A network on an encoder that others share: the tables stay shared, the layers become its own."""
        own = PlainBert.of(encoder.config, encoder.state_dict())
        own.encoder = copy.deepcopy(own.encoder)
        return cls(own)

    def trained(self) -> nn.ModuleDict:
        """All but the encoder's tables: what training changes, and what is saved."""
        parts = {name: part for name, part in self.named_children() if name != "encoder"}
        return nn.ModuleDict({"layers": self.encoder.encoder} | parts)

    def read(self, questions: Sequence[Sequence[Piece]]) -> list[States]:
        """Read the pieces of each question; any number of pieces, none included."""
        pieces = [piece for own in questions for piece in own]
        order = sorted(range(len(pieces)), key=lambda place: len(pieces[place].ids))
        tokens: dict[int, Tensor] = {}
        for start in range(0, len(order), _BATCH):
            places = order[start : start + _BATCH]
            tokens |= dict(zip(places, self._token_states([pieces[place] for place in places]), strict=True))
        found, place = [], 0
        for own in questions:
            found.append(self._states(own, [tokens[place + number] for number in range(len(own))]))
            place += len(own)
        return found

    def judge(self, states: Sequence[States], said: Sequence[Tensor]) -> Judged:
        """Judge what was read.

        Args:
            states: of each question.
            said: of each question, bool (sentences,): which sentences the answer so far rests on.
        """
        rows = [self._row(own, flags) for own, flags in zip(states, said, strict=True)]
        hidden = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        lengths = torch.tensor([len(row) for row in rows])
        mask = (torch.arange(hidden.shape[1])[None] < lengths[:, None])[:, None, None, :]
        for layer in self.upper:
            hidden = layer(hidden, mask)
        hidden = hidden.float()
        passages = [
            self.of_passage(row[1 : 1 + len(own.passages)])[:, 0] for row, own in zip(hidden, states, strict=True)
        ]
        sentences = [
            self.of_sentence(row[1 + len(own.passages) : length])[:, 0]
            for row, own, length in zip(hidden, states, lengths.tolist(), strict=True)
        ]
        return Judged(self.holds(hidden[:, 0]), self.more(hidden[:, 0])[:, 0], passages, sentences)

    def _token_states(self, pieces: Sequence[Piece]) -> list[Tensor]:
        """The encoder's states of each piece, (tokens, hidden)."""
        longest = max(len(piece.ids) for piece in pieces)
        ids, kinds, mask = (torch.zeros(len(pieces), longest, dtype=torch.long) for _ in range(3))
        for row, piece in enumerate(pieces):
            length = len(piece.ids)
            ids[row, :length] = torch.tensor(piece.ids)
            kinds[row, :length] = torch.tensor(piece.kinds)
            mask[row, :length] = 1
        states = self.encoder(input_ids=ids, attention_mask=mask, token_type_ids=kinds).last_hidden_state
        return [row[: len(piece.ids)] for row, piece in zip(states, pieces, strict=True)]

    def _states(self, pieces: Sequence[Piece], tokens: Sequence[Tensor]) -> States:
        """The vectors of one question's pieces and of their sentences."""
        own = self.sentence.weight
        passages = [states[0] for states in tokens]
        sentences = [
            torch.cat([states[start:end].mean(0), states[0]])
            for piece, states in zip(pieces, tokens, strict=True)
            for start, end in piece.spans
        ]
        empty = own.new_zeros(0, own.shape[0])
        ranks = [min(piece.rank, RANKS - 1) for piece in pieces]
        return States(
            torch.stack(passages) if passages else empty,
            self.sentence(torch.stack(sentences).to(own.dtype)) if sentences else empty,
            torch.tensor(ranks, dtype=torch.long),
            torch.tensor(
                [rank for rank, piece in zip(ranks, pieces, strict=True) for _ in piece.spans], dtype=torch.long
            ),
        )

    def _row(self, states: States, said: Tensor) -> Tensor:
        """What the upper stack sees of one question: (1 + pieces + sentences, hidden)."""
        kinds = self.kinds.weight
        overall = kinds[_OVERALL][None]
        if len(states.passages):
            overall = overall + states.passages.mean(0, keepdim=True)
        passages = states.passages + kinds[_PASSAGE] + self.ranks(states.passage_ranks)
        sentences = states.sentences + kinds[_SENTENCE + said.long()] + self.ranks(states.sentence_ranks)
        return torch.cat([overall, passages, sentences])
