"""What can be trained: the fused model and ordinary sequence-to-sequence checkpoints, behind one interface.

A trainee turns examples into a loss, names its trained weights, and writes a folder that `--generator` opens. It knows
models and tokens.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from core.files import write_json
from data.assets import asset_path, cache_folder, read_assets
from generator.adapter import AdapterCard, read_adapter, save_adapter, shared_copy
from generator.base import GeneratorError
from generator.fused_layout import FusedLayout
from generator.gguf_checkpoint import load_gguf
from generator.modeling_fused import FusedModel, Memory, Stack
from generator.passage_cache import PassageCache
from generator.seq2seq import Seq2SeqGenerator
from training.generator_examples import AnswerExample
from training.lora import adapter_tensors, add_adapters, merged_state

# The label of a token that is not part of the answer, as `cross_entropy` ignores it.
_NOT_TRAINED = -100


@dataclass(frozen=True)
class Tuning:
    """Which weights are trained.

    Attributes:
        rank: of the low-rank updates; 0 trains the layers' own weights.
        alpha: the updates are scaled by alpha / rank.
        encoder: whether the encoder is trained too.
        precision: "fp32" or "bf16", of the matrix products; the trained weights stay float32.
    """

    rank: int = 32
    alpha: float = 64.0
    encoder: bool = False
    precision: str = "fp32"


class Trainee(ABC):
    """A model in training.

    Attributes:
        model: whose weights are trained where they require gradients.
        tuning: which do.
    """

    def __init__(self, model: nn.Module, tuning: Tuning, device: torch.device) -> None:
        """Hold a model that is ready to be trained."""
        self.model, self.tuning, self._device = model, tuning, device

    def parameters(self) -> dict[str, nn.Parameter]:
        """The trained weights by name."""
        return _trained(self.model)

    def size(self, example: AnswerExample) -> int:
        """How many tokens an example has in all, roughly; examples of like size make full batches."""
        return sum(len(passage.text) for passage in example.passages) // 4 + self.tokens(example)

    @abstractmethod
    def tokens(self, example: AnswerExample) -> int:
        """How many tokens of an example count in its loss: those of the answer and its end."""

    @abstractmethod
    def loss(self, examples: Sequence[AnswerExample]) -> Tensor:
        """The negative log-likelihood, summed over all answers' tokens, in nats."""

    @abstractmethod
    def save(self, folder: Path, facts: dict[str, Any]) -> None:
        """Write the model as it is now, with facts about its training."""

    def autocast(self) -> torch.autocast:
        """The precision of matrix products."""
        return torch.autocast(self._device.type, torch.bfloat16, enabled=self.tuning.precision == "bf16")


class FusedTrainee(Trainee):
    """The fused model over the embedded SmolLM2."""

    def __init__(
        self, stack: Stack, tokenizer: Tokenizer, base: tuple[str, str], tuning: Tuning, cache_bytes: int = 0
    ) -> None:
        """Prepare a model for training.

        Args:
            stack: the plain base.
            tokenizer: its tokenizer.
            base: the base's name and the hash of its file.
            tuning: which weights are trained.
            cache_bytes: how much memory passages may take that were read before; used while the encoder is frozen.
        """
        self.layout = FusedLayout(tokenizer)
        self._base = base
        stack.requires_grad_(False)
        decoder = shared_copy(stack)
        encoder = shared_copy(stack) if tuning.encoder else stack
        self.model: FusedModel
        super().__init__(FusedModel(stack.config, encoder, decoder), tuning, stack.embeddings.weight.device)
        self.model.rank_keys.requires_grad_(True)
        self._trained = {"decoder": decoder} | ({"encoder": encoder} if tuning.encoder else {})
        for part in self._trained.values():
            _make_trainable(part, "", tuning)
        # Frozen weights in half precision: casting them anew at every step would cost more than the products.
        _cast_frozen(self.model, torch.bfloat16 if tuning.precision == "bf16" else torch.float32)
        self._passages = None
        if not tuning.encoder:
            with self.autocast():
                self._passages = PassageCache(self.model, self.layout.prefix, cache_bytes, False)

    def start_from(self, folder: Path) -> None:
        """Begin with the weights of an adapter that was trained before, with the same settings of the updates.

        Raises:
            GeneratorError: it is missing, or of another base or shape.
        """
        scale = self.tuning.alpha / self.tuning.rank if self.tuning.rank else 1.0
        begin_with(self.parameters(), folder, self._base, scale)

    @classmethod
    def embedded(cls, tuning: Tuning, cache_bytes: int) -> FusedTrainee:
        """Train the embedded SmolLM2, on a GPU where there is one.

        Raises:
            data.assets.AssetError: it cannot be had.
        """
        path = asset_path("smollm2")
        stack, tokenizer = load_gguf(path, cache_folder() / "fused")
        if torch.cuda.is_available():
            stack = stack.to("cuda")
        return cls(stack, tokenizer, (path.stem, read_assets()["smollm2"].sha256), tuning, cache_bytes)

    def tokens(self, example: AnswerExample) -> int:
        """See `Trainee.tokens`."""
        return len(self._answer(example))

    def loss(self, examples: Sequence[AnswerExample]) -> Tensor:
        """See `Trainee.loss`."""
        asked = [self.layout.question(example.question, example.wording) for example in examples]
        written = [self._answer(example) for example in examples]
        rows = [question + answer for question, answer in zip(asked, written, strict=True)]
        ids, labels = _padded(rows, [len(question) for question in asked], self._device)
        with self.autocast():
            memory = Memory.batch(self._memories(examples))
            states = self.model.states(ids, memory)
            answers = labels != _NOT_TRAINED
            logits = self.model.decoder.logits(states[answers])
        return functional.cross_entropy(logits.float(), labels[answers], reduction="sum")

    def save(self, folder: Path, facts: dict[str, Any]) -> None:
        """See `Trainee.save`."""
        tensors: dict[str, Tensor] = {"rank_keys": self.model.rank_keys}
        for stack, part in self._trained.items():
            changed = adapter_tensors(part) if self.tuning.rank else _trained(part)
            tensors |= {f"{stack}.{name}": tensor for name, tensor in changed.items()}
        save_adapter(folder, tensors, AdapterCard(*self._base, training=facts))

    def _answer(self, example: AnswerExample) -> list[int]:
        """What is to be written; the end is part of it where the answer is whole."""
        ids = self.layout.answer(example.answer)
        return ids[:-1] if example.partial else ids

    def _memories(self, examples: Sequence[AnswerExample]) -> list[Any]:
        """What the decoder attends to for each example."""
        ids = [
            [self.layout.passage(part.passage.title, part.text) for part in self.layout.fit(example.retrieved).read]
            for example in examples
        ]
        if self._passages is not None:
            prefix, states = self._passages.prefix, self._passages.read(sum(ids, []))
        else:
            prefix = self.model.read_prefix(self.layout.prefix)
            states = self.model.read(prefix, sum(ids, []))
        memories, start = [], 0
        for row in ids:
            memories.append(self.model.fuse(prefix, states[start : start + len(row)]))
            start += len(row)
        return memories


class Seq2SeqTrainee(Trainee):
    """Any sequence-to-sequence checkpoint of transformers."""

    def __init__(self, generator: Seq2SeqGenerator, tuning: Tuning) -> None:
        """Prepare a loaded checkpoint for training."""
        self._generator = generator
        model: nn.Module = generator.model
        model.to("cuda" if torch.cuda.is_available() else "cpu").requires_grad_(False)
        super().__init__(model, tuning, next(model.parameters()).device)
        _make_trainable(model, "" if tuning.encoder else r"(?<!\w)decoder\.", tuning)

    def tokens(self, example: AnswerExample) -> int:
        """See `Trainee.tokens`."""
        return len(self._generator.answer_ids(example.answer))

    def loss(self, examples: Sequence[AnswerExample]) -> Tensor:
        """See `Trainee.loss`."""
        return sum((self._loss(example) for example in examples), start=torch.zeros((), device=self._device))

    def save(self, folder: Path, facts: dict[str, Any]) -> None:
        """See `Trainee.save`; low-rank updates are merged, so that transformers opens the folder."""
        self._generator.model.save_pretrained(folder, state_dict=merged_state(self.model))
        self._generator.tokenizer.save_pretrained(folder)
        write_json(folder / "training.json", facts)

    def _loss(self, example: AnswerExample) -> Tensor:
        retrieved = self._generator.read(example.retrieved)
        with self.autocast():
            return self._generator.answer_nll(retrieved, example.answer)


def begin_with(parameters: Mapping[str, nn.Parameter], folder: Path, base: tuple[str, str], scale: float) -> None:
    """Give weights that are to be trained the values of an adapter that was trained before.

    Args:
        parameters: by their names in the adapter.
        folder: the adapter's.
        base: the base's name and the hash of its file.
        scale: by which low-rank updates count; it is part of a saved one.

    Raises:
        GeneratorError: the adapter is missing, or of another base or shape.
    """
    given = read_adapter(folder, *base)
    for name, parameter in parameters.items():
        tensor = given.get(name)
        if tensor is None or tensor.shape != parameter.shape:
            has = tuple(tensor.shape) if tensor is not None else "missing"
            raise GeneratorError(
                f"training cannot start from {folder}: {name} is {has} there and {tuple(parameter.shape)} here; "
                "give the --rank and --tune-encoder that it was trained with"
            )
        parameter.data.copy_(tensor.float() / (scale if name.endswith(".b") else 1.0))


def _make_trainable(model: nn.Module, where: str, tuning: Tuning) -> None:
    """Give the linear layers whose name matches `where` low-rank updates, or let their own weights be trained."""
    if tuning.rank:
        add_adapters(model, where, tuning.rank, tuning.alpha)
        return
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Linear) and re.search(where, name):
            layer.weight = nn.Parameter(layer.weight.detach().clone().float())


def _trained(model: nn.Module) -> dict[str, nn.Parameter]:
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def _cast_frozen(model: nn.Module, dtype: torch.dtype) -> None:
    """Linear weights that are not trained, in another precision; norms and embeddings stay as they are."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear) and not layer.weight.requires_grad:
            layer.weight.data = layer.weight.data.to(dtype)


def _padded(rows: Sequence[Sequence[int]], asked: Sequence[int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Rows of question and answer → inputs without the last token, and what each is to predict; (batch, tokens)."""
    length = max(map(len, rows)) - 1
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    labels = torch.full_like(ids, _NOT_TRAINED)
    for number, (row, start) in enumerate(zip(rows, asked, strict=True)):
        ids[number, : len(row) - 1] = torch.tensor(row[:-1])
        labels[number, start - 1 : len(row) - 1] = torch.tensor(row[start:])
    return ids.to(device), labels.to(device)


def load_trainee(name: str, tuning: Tuning, cache_bytes: int, start: Path | None = None) -> Trainee:
    """The trainee of that name: "fused", or the name or folder of a sequence-to-sequence checkpoint.

    Args:
        name: of the generator.
        tuning: which weights are trained.
        cache_bytes: see `FusedTrainee`.
        start: the folder of an adapter to begin with, for "fused"; a checkpoint is its own beginning.

    Raises:
        GeneratorError: there is none, or it cannot be trained.
    """
    if name == "extractive":
        raise GeneratorError("the extractive generator has no weights to train: name fused or a seq2seq checkpoint")
    if name == "fused":
        trainee = FusedTrainee.embedded(tuning, cache_bytes)
        if start is not None:
            trainee.start_from(start)
        return trainee
    if start is not None:
        raise GeneratorError(f"--start is for fused; to go on with a checkpoint, name its folder instead of {name}")
    return Seq2SeqTrainee(Seq2SeqGenerator.load(name), tuning)


def mean_loss(trainee: Trainee, examples: Sequence[AnswerExample], at_once: int) -> float:
    """The loss over examples, `at_once` of them at a time, in nats a token."""
    trainee.model.eval()
    ordered = sorted(examples, key=trainee.size)
    with torch.no_grad():
        losses = [float(trainee.loss(ordered[first : first + at_once])) for first in range(0, len(ordered), at_once)]
    return sum(losses) / sum(map(trainee.tokens, examples))
