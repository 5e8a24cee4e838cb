"""The support model: do the passages that were read support a sentence, and which of their sentences does.

It joins the reader, the plain evidence and the cross-encoder. It knows nothing of questions.

    model = SupportModel.load()
    found = read_texts(["Tides are the rise and fall of the sea. The Moon …"], ["Tide"])
    model.judge(["The Moon pulls the sea."], found)
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from core.records import Found, Judgement
from core.words import STOP_WORDS
from generator.support.compact import unpack
from generator.support.cross_encoder import FLAGS, JOINT_LAYERS, CrossEncoder
from generator.support.joint import UNSUPPORTED, Joint
from generator.support.plain import plain_features
from generator.support.reading import MOST_TOKENS, Claim, Rarity, Reader, Source

FOLDER = Path(__file__).parent
WEIGHTS, JOINT, RARITY = "cross_encoder.safetensors", "joint.json", "rarity.json"
# The parts of the cross-encoder that the sentence encoder does not have.
NEW = ("flags.", "wrong.", "whole.")
_BATCH = 16


class SupportModel:
    """Judges sentences by the passages that were read."""

    def __init__(self, reader: Reader, cross: CrossEncoder, joint: Joint) -> None:
        """Hold the parts."""
        self.reader = reader
        self.cross = cross.eval().requires_grad_(False)
        self.joint = joint
        self._read: tuple[tuple[tuple[str, str], ...], Source] | None = None
        self._lock = threading.Lock()

    @classmethod
    def load(cls, folder: Path = FOLDER) -> SupportModel:
        """Load the model that comes with the program, on the embedded encoder.

        Raises:
            data.assets.AssetError: the encoder's weights or vocabulary cannot be had.
        """
        from safetensors.torch import load_file

        reader = load_reader(folder)
        cross = CrossEncoder(reader.encoder)
        unpack(cross, load_file(folder / WEIGHTS), NEW)
        return cls(reader, cross, Joint.load(folder / JOINT))

    def read(self, passages: Sequence[tuple[str, str]]) -> Source:
        """Read passages, (title, text) each; the last ones read are kept, so that several answers cost one reading."""
        key = tuple(passages)
        with self._lock:
            if self._read is None or self._read[0] != key:
                self._read = (key, self.reader.passages(passages))
            return self._read[1]

    def judge(self, sentences: Sequence[str], found: Sequence[Found]) -> list[Judgement]:
        """Judge sentences by passages.

        Args:
            sentences: any number, in any script; a blank one has no support.
            found: the passages, with what was read of each.

        Returns:
            One judgement a sentence, in order.
        """
        if not sentences:
            return []
        source = self.read([(part.passage.title, part.text) for part in found])
        if not source.sentences:
            return [Judgement(0.0, UNSUPPORTED, None, "") for _ in sentences]
        claims = self.reader.claims(sentences)
        near = [self.reader.nearest(claim, source) for claim in claims]
        plain = np.stack([plain_features(claim, source, self.reader) for claim in claims])
        probabilities = self.joint.probability(plain, self.cross_logits(claims, [source] * len(claims), near))
        judgements = []
        for claim, probability, rows in zip(claims, probabilities, near, strict=True):
            sentence = source.sentences[rows[0]]
            # Without a single word there is nothing that a passage could support.
            chance = float(probability) if claim.words.tokens else 0.0
            rank = found[sentence.passage - 1].rank
            judgements.append(Judgement(chance, self.joint.label(chance), rank, sentence.text))
        return judgements

    def cross_logits(
        self, claims: Sequence[Claim], sources: Sequence[Source], near: Sequence[Sequence[int]]
    ) -> np.ndarray:
        """The cross-encoder's logits alone, float64 (claims,); `near` ranks each source's sentences."""
        logits = np.zeros(len(claims))
        order = sorted(range(len(claims)), key=lambda row: len(claims[row].ids))
        with torch.inference_mode():
            for start in range(0, len(order), _BATCH):
                rows = order[start : start + _BATCH]
                batch = [view(claims[row], sources[row], near[row], self.reader.rarity) for row in rows]
                hidden, mask = self.reader.joint_inputs([claims[row] for row in rows])
                flags, states, shown = collate(batch, mask.shape[1])
                logits[rows] = self.cross(hidden, mask, flags, states, shown)[0].double().numpy()
        return logits


@dataclass(frozen=True)
class View:
    """What the cross-encoder sees with one claim.

    Attributes:
        flags: float32 (tokens, FLAGS).
        states: float16 (passage tokens, JOINT_LAYERS, hidden).
    """

    flags: np.ndarray
    states: np.ndarray


def view(claim: Claim, source: Source, near: Sequence[int], rarity: Rarity) -> View:
    """The nearest sentences that fit `MOST_TOKENS`, in the order of the passages, each passage's title before them.

    With nothing near, nothing is shown, and the words tell of the claim alone.
    """
    chosen: list[int] = []
    headed: set[int] = set()
    tokens = 0
    for row in near:
        sentence = source.sentences[row]
        length = len(sentence.states) + (0 if sentence.passage in headed else len(source.heads[sentence.passage]))
        if chosen and tokens + length > MOST_TOKENS:
            continue
        chosen.append(row)
        tokens += length
        headed.add(sentence.passage)
    hidden = source.sentences[0].states.shape[-1]
    pieces, last = [np.zeros((0, JOINT_LAYERS, hidden), np.float16)], None
    for row in sorted(chosen):
        sentence = source.sentences[row]
        if sentence.passage != last:
            pieces.append(source.heads[sentence.passage])
            last = sentence.passage
        pieces.append(sentence.states)
    return View(token_flags(claim, source, chosen, rarity), np.concatenate(pieces))


def token_flags(claim: Claim, source: Source, chosen: Sequence[int], rarity: Rarity) -> np.ndarray:
    """What the words alone tell of each token, float32 (tokens, FLAGS).

    In order: its word stands in the sentences shown; in any passage; in a title; how many of its two neighbours stand
    beside it there too; whether it carries a fact; is a number; is a name; its rarity / 10.
    """
    shown = frozenset().union(*(source.sentences[row].words.stem_set for row in chosen))
    read = source if chosen else Source()
    every = frozenset().union(*(sentence.words.stem_set for sentence in read.sentences))
    titles = frozenset().union(*(title.stem_set for title in read.titles.values()))
    pairs = frozenset().union(*(source.sentences[row].words.pairs for row in chosen))
    flags = np.zeros((len(claim.ids), FLAGS), np.float32)
    for token, place in enumerate(_word_of_token(claim)):
        if place is None:
            continue
        stems, word = claim.words.stems, claim.words.tokens[place]
        stem = stems[place]
        beside = (place > 0 and (stems[place - 1], stem) in pairs) + (
            place + 1 < len(stems) and (stem, stems[place + 1]) in pairs
        )
        flags[token] = (
            stem in shown, stem in every, stem in titles, beside, word.lower() not in STOP_WORDS,
            stem[:1].isdigit(), word[0].isupper() and place > 0, rarity(stem) / 10,
        )  # fmt: skip
    return flags


def _word_of_token(claim: Claim) -> list[int | None]:
    """The number of the word that each token belongs to; None for marks and special tokens."""
    spans, end = [], 0
    for word in claim.words.tokens:
        start = claim.text.find(word, end)
        end = start + len(word)
        spans.append((start, end))
    found: list[int | None] = []
    for first, last in claim.places:
        inside = [number for number, (start, end) in enumerate(spans) if start <= first < end]
        found.append(inside[0] if inside and last > first else None)
    return found


def collate(views: Sequence[View], tokens: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Views of a batch → flags (batch, tokens, FLAGS), states and mask of passages, padded with zeros."""
    longest = max(len(view.states) for view in views)
    hidden = views[0].states.shape[-1]
    flags = torch.zeros(len(views), tokens, FLAGS)
    states = torch.zeros(len(views), longest, JOINT_LAYERS, hidden)
    mask = torch.zeros(len(views), longest)
    for row, seen in enumerate(views):
        flags[row, : len(seen.flags)] = torch.from_numpy(seen.flags)
        states[row, : len(seen.states)] = torch.from_numpy(seen.states.astype(np.float32))
        mask[row, : len(seen.states)] = 1
    return flags, states, mask


def load_reader(folder: Path = FOLDER) -> Reader:
    """The embedded encoder, ready to read.

    Raises:
        data.assets.AssetError: the encoder's weights or vocabulary cannot be had.
    """
    import json

    from retriever.embedded import load_tokenizer, plain_minilm

    kept = json.loads((folder / RARITY).read_text(encoding="utf-8"))
    return Reader(plain_minilm(), load_tokenizer(), Rarity(kept["documents"], kept["counts"]))
