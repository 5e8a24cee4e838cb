"""The sentence ranker: how likely is it that a passage sentence belongs into the answer to a question.

A cross-encoder (Nogueira and Cho 2019, arXiv 1901.04085): the embedded sentence encoder reads question and sentence as
a pair, with low-rank updates on all its linear layers and a small head. Its logit is joined with the plain similarity
of question and sentence and with the passage's place in the search by a logistic regression. It knows texts and
numbers, and nothing of generators.

    ranker = SentenceRanker.load()
    ranker.probabilities("Why do tides rise?", [Sentence("Tide", "The Moon pulls the sea.", 0, 0.7)])
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from retriever.plain_bert import AnyBert

WEIGHTS = Path(__file__).with_name("ranker.safetensors")
# Which layers are adapted, and the updates' rank and scale.
TARGETS, RANK, ALPHA = r"encoder\.layer\.", 16, 32.0
MOST_TOKENS = 128
# What the final judgement is made of, beside a constant.
FEATURES = ("logit", "similarity", "rank", "first")
_BATCH = 8


@dataclass(frozen=True)
class Sentence:
    """A passage sentence that may belong into an answer.

    Attributes:
        title: of its passage.
        text: the sentence.
        rank: of its passage among those read, from 0.
        similarity: the cosine of question and sentence, -1 to 1.
    """

    title: str
    text: str
    rank: int = 0
    similarity: float = 0.0


class CrossEncoder(nn.Module):
    """The pair encoder: token ids → one logit a pair."""

    def __init__(self, encoder: AnyBert) -> None:
        """Put a head on an encoder; it is zero, so that every logit is 0 before training."""
        super().__init__()
        self.encoder = encoder
        hidden = encoder.config.hidden_size
        self.head = nn.Linear(2 * hidden, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """Three of (batch, tokens) → logits (batch,)."""
        states = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        weights = attention_mask[..., None].to(states.dtype)
        mean = (states * weights).sum(1) / weights.sum(1)
        return self.head(torch.cat([states[:, 0], mean], -1).to(self.head.weight.dtype)).squeeze(-1).float()


class SentenceRanker:
    """Judges passage sentences by a question."""

    def __init__(self, model: CrossEncoder, tokenizer: PreTrainedTokenizerBase, weights: Sequence[float]) -> None:
        """Hold the parts; `weights` are those of FEATURES and, last, the constant."""
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.weights = np.asarray(weights, np.float64)

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> SentenceRanker:
        """Load the ranker that comes with the program, on the embedded encoder; in bf16 where that is faster.

        Raises:
            data.assets.AssetError: the encoder's weights or vocabulary cannot be had.
            ValueError: the file is not a ranker's.
        """
        from generator.precision import faster_precision
        from retriever.embedded import load_tokenizer, plain_minilm

        encoder = plain_minilm()
        ranker = cls.read(path, encoder, load_tokenizer())
        if faster_precision("cpu") == "bf16":
            encoder.encoder.to(torch.bfloat16)
        return ranker

    @classmethod
    def read(cls, path: Path, encoder: AnyBert, tokenizer: PreTrainedTokenizerBase) -> SentenceRanker:
        """Read a ranker's file, made from this encoder, whose layers get new weights.

        Raises:
            ValueError: the file is not a ranker's, or made from an encoder of another shape.
        """
        from safetensors import safe_open
        from safetensors.torch import load_file

        from core.weights import merge_adapters

        tensors = load_file(path)
        with safe_open(path, framework="pt") as file:
            weights = json.loads((file.metadata() or {}).get("weights", "[]"))
        expected = len(FEATURES) + 1
        if len(weights) != expected:
            raise ValueError(f"{path} is no sentence ranker: it has {len(weights)} weights, {expected} expected")
        model = CrossEncoder(encoder)
        merge_adapters(model, tensors)
        model.head.load_state_dict({name: tensors[f"head.{name}"].float() for name in ("weight", "bias")})
        return cls(model, tokenizer, weights)

    def save(self, path: Path, adapters: Mapping[str, Tensor], facts: Mapping[str, str]) -> None:
        """Write what `read` takes.

        Args:
            path: the file.
            adapters: of the encoder, as `training.lora.adapter_tensors` gives them.
            facts: further entries of the file's header.
        """
        from safetensors.torch import save_file

        tensors = {f"encoder.{name}": value.half() for name, value in adapters.items()}
        tensors |= {f"head.{name}": value.detach() for name, value in self.model.head.state_dict().items()}
        save_file(tensors, path, dict(facts) | {"weights": json.dumps(self.weights.tolist())})

    def probabilities(self, question: str, sentences: Sequence[Sentence]) -> np.ndarray:
        """How likely each sentence belongs into the answer, float64 (n,), 0 to 1."""
        if not sentences:
            return np.zeros(0)
        values = features(self.logits(question, sentences), sentences) @ self.weights[:-1] + self.weights[-1]
        return 1 / (1 + np.exp(-values))

    def logits(self, question: str, sentences: Sequence[Sentence]) -> np.ndarray:
        """The cross-encoder's logits alone, float64 (n,)."""
        found = np.zeros(len(sentences))
        order = sorted(range(len(sentences)), key=lambda row: len(sentences[row].text))
        with torch.inference_mode():
            for start in range(0, len(order), _BATCH):
                rows = order[start : start + _BATCH]
                batch = pairs(self.tokenizer, [(question, sentences[row]) for row in rows])
                found[rows] = self.model(**batch).double().numpy()
        return found


def pairs(tokenizer: PreTrainedTokenizerBase, rows: Sequence[tuple[str, Sentence]]) -> dict[str, Tensor]:
    """Questions and sentences, each sentence after its title, as the cross-encoder's inputs."""
    return dict(
        tokenizer(
            [question for question, _ in rows],
            [f"{sentence.title}. {sentence.text}" for _, sentence in rows],
            truncation=True,
            max_length=MOST_TOKENS,
            padding=True,
            return_token_type_ids=True,
            return_tensors="pt",
        )
    )


def features(logits: np.ndarray, sentences: Sequence[Sentence]) -> np.ndarray:
    """What the final judgement is made of, float64 (n, FEATURES)."""
    plain = [(item.similarity, item.rank, float(item.rank == 0)) for item in sentences]
    return np.column_stack([logits, np.array(plain, np.float64).reshape(-1, len(FEATURES) - 1)])
