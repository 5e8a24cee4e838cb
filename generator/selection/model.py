"""The selector: which passage sentences answer a question, and how far do the passages hold its answer.

    selector = SelectorModel.load()
    selection = selector.select(retrieved)             # a question and its passages, with what was read of each
    selection.holds, selection.confidence, selection.best(3)
    selector.select(retrieved, said=[(1, 2)])          # after a sentence that rests on the first passage's second

It reads the question with each passage once; asked again after a sentence was said, it judges anew what it has read. It
knows texts and the search's scores, and nothing of writers.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from core.records import Holds, Place, Retrieved, SelectedSentence, Selection
from core.sentences import split_sentences
from generator.selection.joint import SCORE_NAME, Joint, holding_features

if TYPE_CHECKING:
    from generator.selection.network import SelectorNetwork, States
    from generator.selection.pieces import PieceReader

_FOLDER = Path(__file__).parent
WEIGHTS, JOINT = _FOLDER / "selector.safetensors", _FOLDER / "selector.json"
# Of the encoder's weights what training changed is kept, the new layers' are kept as they are.
NEW = ("kinds.", "ranks.", "sentence.", "upper.", "holds.", "more.", "of_passage.", "of_sentence.")


# A question, whether the scores count, and rank, title, section, text and score of each passage.
_Key = tuple[str, bool, tuple[tuple[int, str, str, str, float], ...]]


@dataclass(frozen=True)
class _Read:
    """What was read last.

    Attributes:
        key: of what.
        texts: of the sentences, by their places, in reading order.
        places: of those that have a word, in the order of `states`.
        states: the network's.
        features: of the judgement of the whole.
    """

    key: _Key
    texts: dict[Place, str]
    places: tuple[Place, ...]
    states: States
    features: dict[str, float]


class SelectorModel:
    """Selects passage sentences (`generator.selecting.Selector`)."""

    def __init__(self, network: SelectorNetwork, reader: PieceReader, joint: Joint) -> None:
        """Hold the parts."""
        self.network = network.eval().requires_grad_(False)
        self.reader, self.joint = reader, joint
        self._last: _Read | None = None
        self._lock = threading.Lock()

    @classmethod
    def load(cls, weights: Path = WEIGHTS, joint: Path = JOINT) -> SelectorModel:
        """Load the selector that comes with the program, on the embedded encoder; in bf16 where that is faster.

        Raises:
            data.assets.AssetError: the encoder's weights or vocabulary cannot be had.
            generator.selection.joint.JointError: the judgement cannot be read.
            ValueError: the weights are another network's.
        """
        from generator.precision import faster_precision
        from generator.selection.pieces import PieceReader
        from retriever.embedded import load_tokenizer

        network = load_network(weights)
        if faster_precision("cpu") == "bf16":
            network.encoder.encoder.to(torch.bfloat16)
        return cls(network, PieceReader(load_tokenizer()), Joint.load(joint))

    def select(self, retrieved: Retrieved, said: Collection[Place] = ()) -> Selection:
        """Judge what was found for a question, and its sentences.

        Args:
            retrieved: the question and its passages; what was read of them counts, none included. Their scores count
                where they are mixed search's.
            said: the passage sentences that the answer so far rests on.
        """
        read = self._read(retrieved)
        with torch.inference_mode():
            judged = self.network.judge(
                [read.states], [torch.tensor([p in said for p in read.places], dtype=torch.bool)]
            )
        logits = dict(zip(read.places, judged.sentences[0].tolist(), strict=True))
        part, whole = self.joint.holding(read.features) if read.places else (0.0, 0.0)
        sentences = tuple(
            SelectedSentence(place, text, self._chance(logits.get(place), read), place in said)
            for place, text in read.texts.items()
        )
        return Selection(self._holds(part, whole), part, whole, float(judged.more.sigmoid()), sentences)

    def forget(self) -> None:
        """Keep nothing of the question before and its passages."""
        with self._lock:
            self._last = None

    def _holds(self, part: float, whole: float) -> Holds:
        if part < self.joint.least:
            return "no"
        return "full" if whole >= self.joint.least_whole * part else "part"

    def _chance(self, logit: float | None, read: _Read) -> float:
        """A sentence's probability; 0 for one without a word."""
        return 0.0 if logit is None else self.joint.sentence({"logit": logit, "part": read.features["part"]})

    def _read(self, retrieved: Retrieved) -> _Read:
        """What was read for a question; the last is kept."""
        passages = tuple((p.rank, p.passage.title, p.passage.section, p.text, p.score) for p in retrieved.read)
        key = (retrieved.asked, retrieved.score_name == SCORE_NAME, passages)
        with self._lock:
            if self._last is None or self._last.key != key:
                self._last = self._read_anew(key)
            return self._last

    def _read_anew(self, key: _Key) -> _Read:
        question, scored, passages = key
        split = [split_sentences(text) for _, _, _, text, _ in passages]
        shown = [(title, section, own) for (_, title, section, _, _), own in zip(passages, split, strict=True)]
        pieces = self.reader.read(question, shown)
        with torch.inference_mode():
            (states,) = self.network.read([pieces.pieces])
            judged = self.network.judge([states], [torch.zeros(len(pieces.owners), dtype=torch.bool)])
        features = holding_features(
            judged.holds[0].tolist(),
            judged.passages[0].tolist(),
            judged.sentences[0].tolist(),
            [score for _, _, _, _, score in passages] if scored else None,
        )
        ranks = [rank for rank, _, _, _, _ in passages]
        texts = {
            (rank, number): text
            for rank, own in zip(ranks, split, strict=True)
            for number, text in enumerate(own, start=1)
        }
        places = tuple((ranks[passage], sentence + 1) for passage, sentence in pieces.owners)
        return _Read(key, texts, places, states, features)


def load_network(weights: Path = WEIGHTS) -> SelectorNetwork:
    """The network, its encoder's layers its own, the tables those of the embedded encoder.

    Raises:
        ValueError: the weights are another network's.
    """
    from safetensors.torch import load_file

    from generator.selection.network import SelectorNetwork
    from generator.support.compact import unpack
    from retriever.embedded import plain_minilm

    network = SelectorNetwork.of(plain_minilm())
    unpack(network.trained(), load_file(weights), NEW)
    return network
