"""The fused encoder–decoder: SmolLM2's stack, once as encoder of single passages and once as decoder of them all.

Fusion-in-Decoder (Izacard and Grave 2021, arXiv 2007.01282) with layer-wise coordinated attention (He et al. 2018):
the encoder reads each passage by itself, after one shared prefix and at the same positions, and leaves keys and values
in every layer; each layer of the decoder attends to the prefix's, all passages' and its own at once. Passages see
neither each other nor the question, so an encoded passage could serve any question.

The blocks are Llama's (Touvron et al. 2023, arXiv 2302.13971): RMS norm, rotary positions, grouped-query attention,
SwiGLU. This module knows token ids and tensors, no text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

# Per layer: keys and values, each (batch, key_value_heads, length, head_size); keys carry their positions.
KeyValues = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class FusedConfig:
    """The shape of the stack, with SmolLM2-135M's sizes as defaults.

    Attributes:
        vocab_size, hidden_size, intermediate_size: widths.
        layers, heads, key_value_heads: counts; `heads` is a multiple of `key_value_heads`.
        rope_theta: the base of the rotary frequencies.
        norm_eps: added to the mean square in the norms.
    """

    vocab_size: int = 49152
    hidden_size: int = 576
    intermediate_size: int = 1536
    layers: int = 30
    heads: int = 9
    key_value_heads: int = 3
    rope_theta: float = 100_000.0
    norm_eps: float = 1e-5

    @property
    def head_size(self) -> int:
        """The width of one head."""
        return self.hidden_size // self.heads


class Attention(nn.Module):
    """Grouped-query attention: several query heads share the keys and values of one head."""

    def __init__(self, config: FusedConfig) -> None:
        """Make the four projections."""
        super().__init__()
        self.heads, self.groups, self.size = config.heads, config.key_value_heads, config.head_size
        self.query = nn.Linear(config.hidden_size, self.heads * self.size, bias=False)
        self.key = nn.Linear(config.hidden_size, self.groups * self.size, bias=False)
        self.value = nn.Linear(config.hidden_size, self.groups * self.size, bias=False)
        self.output = nn.Linear(self.heads * self.size, config.hidden_size, bias=False)

    def forward(
        self, x: Tensor, rotation: tuple[Tensor, Tensor], past: tuple[Tensor, Tensor] | None, mask: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Attend from x (batch, tokens, hidden) to `past` and itself; mask (tokens, length), True where seen."""
        batch, tokens, _ = x.shape
        query = rotate(self.query(x).view(batch, tokens, self.heads, self.size).transpose(1, 2), rotation)
        key = rotate(self.key(x).view(batch, tokens, self.groups, self.size).transpose(1, 2), rotation)
        value = self.value(x).view(batch, tokens, self.groups, self.size).transpose(1, 2)
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        # The query heads of one group become further query positions, so that keys need not be repeated.
        shared = self.heads // self.groups
        query = query.reshape(batch, self.groups, shared * tokens, self.size)
        mask = mask.repeat(shared, 1) if mask is not None else None
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        mixed = mixed.reshape(batch, self.heads, tokens, self.size).transpose(1, 2).reshape(batch, tokens, -1)
        return self.output(mixed), (key, value)


class Layer(nn.Module):
    """Attention and a gated feed-forward net, each behind its norm and beside a skip connection."""

    def __init__(self, config: FusedConfig) -> None:
        """Make the parts."""
        super().__init__()
        self.attention_norm = nn.RMSNorm(config.hidden_size, config.norm_eps)
        self.attention = Attention(config)
        self.feed_forward_norm = nn.RMSNorm(config.hidden_size, config.norm_eps)
        self.gate = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(
        self, x: Tensor, rotation: tuple[Tensor, Tensor], past: tuple[Tensor, Tensor] | None, mask: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """(batch, tokens, hidden) to the same, and this layer's keys and values."""
        mixed, key_value = self.attention(self.attention_norm(x), rotation, past, mask)
        x = x + mixed
        y = self.feed_forward_norm(x)
        return x + self.down(functional.silu(self.gate(y)) * self.up(y)), key_value


class Stack(nn.Module):
    """Embeddings, layers and the last norm; the embeddings also turn states into logits."""

    def __init__(self, config: FusedConfig) -> None:
        """Make the layers, with torch's random weights."""
        super().__init__()
        self.config = config
        self.embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.hidden_size, config.norm_eps)

    def forward(self, ids: Tensor, start: int = 0, past: KeyValues | None = None) -> tuple[Tensor, KeyValues]:
        """Run tokens through all layers.

        Args:
            ids: (batch, tokens).
            start: the position of the first token.
            past: what every token sees besides the tokens before it; of batch size 1 or `batch`.

        Returns:
            States (batch, tokens, hidden) and per layer the keys and values of `past` and these tokens.
        """
        batch, tokens = ids.shape
        seen = past[0][0].shape[2] if past else 0
        positions = torch.arange(start, start + tokens, device=ids.device)
        rotation = rotations(positions, self.config.head_size, self.config.rope_theta)
        mask = None
        if tokens > 1:
            mask = torch.ones(tokens, seen + tokens, dtype=torch.bool, device=ids.device).tril(diagonal=seen)
        x = self.embeddings(ids)
        rotation = (rotation[0].to(x.dtype), rotation[1].to(x.dtype))
        present: KeyValues = []
        for number, layer in enumerate(self.layers):
            before = None
            if past:
                before = tuple(part.expand(batch, -1, -1, -1) for part in past[number])
            x, key_value = layer(x, rotation, before, mask)
            present.append(key_value)
        return self.norm(x), present

    def logits(self, states: Tensor) -> Tensor:
        """States (…, hidden) → logits (…, vocab_size)."""
        return functional.linear(states, self.embeddings.weight)


@dataclass
class Memory:
    """What the decoder attends to before its own tokens.

    Attributes:
        key_values: per layer, of the prefix and all passages, batch size 1.
        next_position: where the decoder's own tokens begin: after the longest passage.
    """

    key_values: KeyValues
    next_position: int


class FusedModel(nn.Module):
    """Encoder and decoder; they share their weights until the decoder is adapted."""

    def __init__(self, config: FusedConfig, encoder: Stack | None = None, decoder: Stack | None = None) -> None:
        """Hold the two stacks; one of random weights for both when none is given."""
        super().__init__()
        self.config = config
        self.encoder = encoder or Stack(config)
        self.decoder = decoder or self.encoder

    def encode(self, prefix: Sequence[int], passages: Sequence[Sequence[int]]) -> Memory:
        """Read the passages, each by itself after the prefix, in one padded batch.

        Args:
            prefix: token ids, at least one.
            passages: token ids of each passage; there may be none.

        Returns:
            The memory of all of them, without the padding.
        """
        device = self.encoder.embeddings.weight.device
        _, shared = self.encoder(torch.tensor([list(prefix)], device=device))
        passages = [passage for passage in passages if len(passage)]
        if not passages:
            return Memory(shared, len(prefix))
        longest = max(map(len, passages))
        # Padding stands at the end, where no token of the passage sees it.
        ids = torch.tensor([[*passage, *[0] * (longest - len(passage))] for passage in passages], device=device)
        _, present = self.encoder(ids, start=len(prefix), past=shared)
        start = len(prefix)
        key_values: KeyValues = []
        for (key, value), (prefix_key, prefix_value) in zip(present, shared, strict=True):
            ends = [start + len(passage) for passage in passages]
            keys = [prefix_key, *(key[row : row + 1, :, start:end] for row, end in enumerate(ends))]
            values = [prefix_value, *(value[row : row + 1, :, start:end] for row, end in enumerate(ends))]
            key_values.append((torch.cat(keys, dim=2), torch.cat(values, dim=2)))
        return Memory(key_values, start + longest)

    def forward(self, ids: Tensor, memory: Memory) -> Tensor:
        """Teacher forcing: logits (batch, tokens, vocab_size) of question and answer ids over one memory."""
        states, _ = self.decoder(ids, memory.next_position, memory.key_values)
        return self.decoder.logits(states)


class DecoderState:
    """The decoder in the middle of writing: feeds tokens, keeps keys and values, follows the chosen beams."""

    def __init__(self, model: FusedModel, memory: Memory) -> None:
        """Start after a memory, with one beam."""
        self._model = model
        self._past = memory.key_values
        self._position = memory.next_position

    @torch.inference_mode()
    def feed(self, tokens: Sequence[Sequence[int]], parents: Sequence[int] | None = None) -> Tensor:
        """Add tokens to each beam.

        Args:
            tokens: (beams, n), the new tokens of each beam.
            parents: which of the beams before each continues; None when they are the same.

        Returns:
            Logits of the next token, float32 (beams, vocab_size).
        """
        if parents is not None and list(parents) != list(range(self._past[0][0].shape[0])):
            rows = torch.tensor(list(parents), device=self._past[0][0].device)
            self._past = [(key.index_select(0, rows), value.index_select(0, rows)) for key, value in self._past]
        ids = torch.tensor([list(row) for row in tokens], device=self._past[0][0].device)
        states, self._past = self._model.decoder(ids, self._position, self._past)
        self._position += ids.shape[1]
        return self._model.decoder.logits(states[:, -1]).float()


def rotations(positions: Tensor, head_size: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotary angles (Su et al. 2021, arXiv 2104.09864), each float32 (tokens, head_size)."""
    frequencies = theta ** -(torch.arange(0, head_size, 2, device=positions.device).float() / head_size)
    angles = torch.outer(positions.float(), frequencies).repeat(1, 2)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Turn each pair (i, i + head_size / 2) of x (…, tokens, head_size) by its position's angle."""
    first, second = x.chunk(2, dim=-1)
    return x * rotation[0] + torch.cat([-second, first], dim=-1) * rotation[1]
