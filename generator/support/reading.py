"""Passages as the support model reads them: sentences, words, token states, and what stands nearest to a claim.

It knows texts and the embedded sentence encoder. It does not judge.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from core.sentences import split_sentences
from core.words import Words
from generator.support.cross_encoder import CLAIM_POSITION, JOINT_LAYERS, LONGEST_CLAIM

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from retriever.plain_bert import AnyBert

# Tokens of passage sentences that the cross-encoder attends to, titles included.
MOST_TOKENS = 150
_LONGEST_WINDOW = CLAIM_POSITION
_COVER_WEIGHT = 0.5
_BATCH = 16


@dataclass(frozen=True)
class Rarity:
    """How rare words are in the corpus, as inverse document frequency.

    Attributes:
        documents: how many passages were counted.
        counts: stem → how many of them hold it; stems in fewer than three are left out.
    """

    documents: int
    counts: Mapping[str, int]

    def __call__(self, word: str) -> float:
        """The natural logarithm of documents / documents with this stem; a stem not counted is taken to be in one.

        >>> round(Rarity(100, {"water": 9})("water"), 2)
        2.31
        """
        return math.log((self.documents + 1) / (self.counts.get(word, 1) + 1))


@dataclass(frozen=True)
class SourceSentence:
    """One sentence of a passage.

    Attributes:
        passage: the passage's number, from 1, in the order read.
        text: as it stands there.
        words: of the sentence alone.
        vector: float32 (hidden,), unit length: the mean of its tokens' last states, read within its passage.
        states: float16 (tokens, JOINT_LAYERS, hidden), before each joint layer.
    """

    passage: int
    text: str
    words: Words
    vector: np.ndarray
    states: np.ndarray


@dataclass(frozen=True)
class Source:
    """All passages of a question, read once.

    Attributes:
        titles: the words of each passage's title, by its number.
        heads: the states of each title's tokens, likewise.
        sentences: every sentence, in order.
    """

    titles: Mapping[int, Words] = field(default_factory=dict)
    heads: Mapping[int, np.ndarray] = field(default_factory=dict)
    sentences: tuple[SourceSentence, ...] = ()

    @cached_property
    def vectors(self) -> np.ndarray:
        """The sentences' vectors, float32 (sentences, hidden)."""
        return np.stack([sentence.vector for sentence in self.sentences])

    @cached_property
    def stems(self) -> dict[int, frozenset[str]]:
        """The stems of each passage with its title, by its number."""
        found = {number: set(words.stem_set) for number, words in self.titles.items()}
        for sentence in self.sentences:
            found[sentence.passage] |= sentence.words.stem_set
        return {number: frozenset(stems) for number, stems in found.items()}

    def stems_of(self, row: int) -> frozenset[str]:
        """The stems of a sentence and of its passage's title."""
        sentence = self.sentences[row]
        return sentence.words.stem_set | self.titles[sentence.passage].stem_set


@dataclass(frozen=True)
class Claim:
    """A sentence to be judged.

    Attributes:
        text: the sentence.
        words: its words.
        ids: its token ids, at most `LONGEST_CLAIM`.
        places: the (start, end) characters of each token; (0, 0) for special ones.
        vector: float32 (hidden,), unit length.
    """

    text: str
    words: Words
    ids: tuple[int, ...]
    places: tuple[tuple[int, int], ...]
    vector: np.ndarray


class Reader:
    """The embedded encoder, reading passages and claims."""

    def __init__(self, encoder: AnyBert, tokenizer: PreTrainedTokenizerBase, rarity: Rarity) -> None:
        """Hold an encoder without its pooler, its tokenizer, and the rarity of words."""
        self.encoder = encoder.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.rarity = rarity

    def passages(self, passages: Sequence[tuple[str, str]]) -> Source:
        """Read passages.

        Args:
            passages: (title, text) of each, in the order read; those with an empty text keep their number only.

        Returns:
            Their sentences with states. A long passage is read in windows of whole sentences, each after the title.
        """
        windows = [
            (number, window)
            for number, (title, text) in enumerate(passages, 1)
            for window in self._windows(title, split_sentences(text))
        ]
        states = self._states([window.ids for _, window in windows])
        sentences: list[SourceSentence] = []
        heads: dict[int, np.ndarray] = {}
        for (number, window), layers in zip(windows, states, strict=True):
            heads.setdefault(number, layers[: window.head, :JOINT_LAYERS])
            for text, (start, end) in zip(window.sentences, window.spans, strict=True):
                vector = _unit(layers[start:end, -1].astype(np.float32).mean(0))
                sentences.append(
                    SourceSentence(number, text, Words(text), vector, layers[start:end, :JOINT_LAYERS])
                )  # fmt: skip
        titles = {number: Words(passages[number - 1][0]) for number in heads}
        return Source(titles, heads, tuple(sentences))

    def claims(self, texts: Sequence[str]) -> list[Claim]:
        """Read sentences by themselves."""
        tokens = self.tokenizer(
            list(texts), truncation=True, max_length=LONGEST_CLAIM, return_offsets_mapping=True, verbose=False
        )
        ids = [tuple(row) for row in tokens["input_ids"]]
        states = self._states(ids)
        return [
            Claim(text, Words(text), row, tuple(places), _unit(layers[:, -1].astype(np.float32).mean(0)))
            for text, row, places, layers in zip(texts, ids, tokens["offset_mapping"], states, strict=True)
        ]

    def nearest(self, claim: Claim, source: Source) -> list[int]:
        """The rows of the source's sentences, nearest to the claim first: cosine + 0.5 × coverage of its rare words."""
        if not source.sentences:
            return []
        weights = [self.rarity(word) for word in claim.words.content]
        cover = [
            sum(
                weight
                for word, weight in zip(claim.words.content, weights, strict=True)
                if word in source.stems_of(row)
            )
            for row in range(len(source.sentences))
        ]
        scores = source.vectors @ claim.vector + _COVER_WEIGHT * np.array(cover) / (sum(weights) + 1e-6)
        return np.argsort(-scores, kind="stable").tolist()

    def joint_inputs(self, claims: Sequence[Claim]) -> tuple[Tensor, Tensor]:
        """Claims' states before the first joint layer (batch, tokens, hidden), and their mask (batch, tokens)."""
        import torch

        longest = max(len(claim.ids) for claim in claims)
        ids = torch.zeros(len(claims), longest, dtype=torch.long)
        mask = torch.zeros(len(claims), longest)
        for row, claim in enumerate(claims):
            ids[row, : len(claim.ids)] = torch.tensor(claim.ids)
            mask[row, : len(claim.ids)] = 1
        positions = torch.arange(longest)[None] + CLAIM_POSITION
        hidden = self.encoder.embeddings(input_ids=ids, token_type_ids=torch.ones_like(ids), position_ids=positions)
        shut = (1 - mask)[:, None, None, :] * torch.finfo(hidden.dtype).min
        for layer in self.encoder.encoder.layer[:-JOINT_LAYERS]:
            output = layer(hidden, attention_mask=shut)
            hidden = output[0] if isinstance(output, tuple) else output
        return hidden, mask

    def _windows(self, title: str, sentences: Sequence[str]) -> list[_Window]:
        """A passage cut into windows of whole sentences that the encoder can hold; a longer sentence loses its end."""
        if not sentences:
            return []
        tokenizer = self.tokenizer
        head = [tokenizer.cls_token_id, *self._plain([f"{title} :"])[0][: _LONGEST_WINDOW // 4]]
        windows = [_Window(list(head), len(head))]
        for sentence, ids in zip(sentences, self._plain(sentences), strict=True):
            room = _LONGEST_WINDOW - 1 - len(windows[-1].ids)
            if len(ids) > room and windows[-1].sentences:
                windows.append(_Window(list(head), len(head)))
                room = _LONGEST_WINDOW - 1 - len(head)
            windows[-1].add(sentence, ids[:room])
        for window in windows:
            window.ids.append(tokenizer.sep_token_id)
        return windows

    def _plain(self, texts: Sequence[str]) -> list[list[int]]:
        return self.tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]

    def _states(self, ids: Sequence[Sequence[int]]) -> list[np.ndarray]:
        """Token ids → float16 (tokens, JOINT_LAYERS + 1, hidden) each: before every joint layer, and the last."""
        import torch

        states: list[np.ndarray] = [np.zeros(0)] * len(ids)
        order = sorted(range(len(ids)), key=lambda row: -len(ids[row]))
        with torch.inference_mode():
            for start in range(0, len(order), _BATCH):
                rows = order[start : start + _BATCH]
                longest = len(ids[rows[0]])
                batch = torch.tensor([[*ids[row], *[0] * (longest - len(ids[row]))] for row in rows])
                mask = torch.tensor([[1] * len(ids[row]) + [0] * (longest - len(ids[row])) for row in rows])
                layers = self.encoder(input_ids=batch, attention_mask=mask, output_hidden_states=True).hidden_states
                stacked = torch.stack(layers[-JOINT_LAYERS - 1 :], 2).to(torch.float16).numpy()
                for row, state in zip(rows, stacked, strict=True):
                    states[row] = state[: len(ids[row])]
        return states


@dataclass
class _Window:
    """Token ids of a title and some sentences after it, and where each sentence lies."""

    ids: list[int]
    head: int
    sentences: list[str] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)

    def add(self, sentence: str, ids: Sequence[int]) -> None:
        """Append a sentence."""
        if ids:
            self.sentences.append(sentence)
            self.spans.append((len(self.ids), len(self.ids) + len(ids)))
            self.ids.extend(ids)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / (np.linalg.norm(vector) + 1e-9)
