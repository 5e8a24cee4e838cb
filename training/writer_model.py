"""The writer in training: two sets of low-rank adapters over one frozen base, and the loss of what is written.

Frozen weights take no gradient, and the vocabulary's product is made where there is something to predict. It knows
token ids and weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from generator.adapter import AdapterCard, save_adapter, shared_copy
from generator.modeling_fused import Stack
from generator.writer.layout import Form, WriterLayout
from generator.writer.modeling import WriterModel
from training.generator_models import begin_with
from training.lora import adapter_tensors, add_adapters
from training.writer_examples import WriterExample

_NOT_TRAINED = -100


@dataclass(frozen=True, slots=True)
class EncodedExample:
    """An example as token ids.

    Attributes:
        read: what the encoder reads after its prefix.
        opening: what the decoder begins with.
        target: what it is to write, with its end.
    """

    read: list[int]
    opening: list[int]
    target: list[int]

    @property
    def size(self) -> int:
        """All its tokens."""
        return len(self.read) + len(self.opening) + len(self.target)


class WriterTrainee:
    """The writer's model with adapters on all linear layers of encoder and decoder.

    Attributes:
        model: adapters in float32, the rest frozen, in the base's own type.
        layout: of what is read and written.
    """

    def __init__(
        self, stack: Stack, tokenizer: Tokenizer, base: tuple[str, str], form: Form, rank: int, alpha: float
    ) -> None:
        """Prepare a model for training.

        Args:
            stack: the plain base; it is not changed.
            tokenizer: its tokenizer.
            base: the base's name and the hash of its file.
            form: of all that is written.
            rank: of the low-rank updates.
            alpha: they are scaled by alpha / rank.

        Raises:
            SettingsError: the rank is below 1.
        """
        self.layout = WriterLayout(tokenizer)
        self._prefix = self.layout.prefix(form)
        self._base, self._scale = base, alpha / max(1, rank)
        stack.requires_grad_(False)
        self.model = WriterModel(shared_copy(stack), shared_copy(stack))
        for part in (self.model.encoder, self.model.decoder):
            add_adapters(part, "", rank, alpha)
        self.model.train()

    def parameters(self) -> dict[str, nn.Parameter]:
        """The trained weights by name."""
        return {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}

    def start_from(self, folder: Path) -> None:
        """Begin with an adapter of the same rank.

        Raises:
            GeneratorError: it is missing, or of another base or shape.
        """
        begin_with(self.parameters(), folder, self._base, self._scale)

    def encode(self, example: WriterExample) -> EncodedExample:
        """The token ids of an example."""
        layout = self.layout
        return EncodedExample(layout.request(example.request), layout.opening(), layout.answer(example.target))

    def loss(self, examples: Sequence[EncodedExample]) -> Tensor:
        """The negative log-likelihood, summed over all targets' tokens, in nats."""
        device = self.model.decoder.embeddings.weight.device
        ids, labels = (part.to(device) for part in _written(examples))
        memory = self.model.read(self.model.read_prefix(self._prefix), [example.read for example in examples])
        states = self.model.states(ids, memory)
        predicted = labels != _NOT_TRAINED
        logits = self.model.decoder.logits(states[predicted])
        return functional.cross_entropy(logits.float(), labels[predicted], reduction="sum")

    def save(self, folder: Path, facts: dict[str, Any]) -> None:
        """Write the adapters as they are now, in 8 bits, with facts about their training."""
        parts = (("encoder", self.model.encoder), ("decoder", self.model.decoder))
        tensors = {f"{name}.{key}": value for name, part in parts for key, value in adapter_tensors(part).items()}
        save_adapter(folder, tensors, AdapterCard(*self._base, training=facts), small=True)


def _written(examples: Sequence[EncodedExample]) -> tuple[Tensor, Tensor]:
    """What the decoder is fed, without the last token, and what each token is to predict; (batch, tokens)."""
    longest = max(len(example.opening) + len(example.target) for example in examples) - 1
    ids = torch.zeros(len(examples), longest, dtype=torch.long)
    labels = torch.full_like(ids, _NOT_TRAINED)
    for row, example in enumerate(examples):
        fed = [*example.opening, *example.target[:-1]]
        start = len(example.opening) - 1
        ids[row, : len(fed)] = torch.tensor(fed)
        labels[row, start : start + len(example.target)] = torch.tensor(example.target)
    return ids, labels


def mean_loss(trainee: WriterTrainee, examples: Sequence[EncodedExample], at_once: int) -> float:
    """The loss over examples, `at_once` of them at a time, in nats a token."""
    ordered = sorted(examples, key=lambda example: example.size)
    with torch.no_grad():
        losses = [float(trainee.loss(ordered[first : first + at_once])) for first in range(0, len(ordered), at_once)]
    return sum(losses) / sum(len(example.target) for example in examples)
