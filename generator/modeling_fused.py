"""The fused encoder–decoder: SmolLM2's stack, once as encoder of single passages and once as decoder of them all.

Fusion-in-Decoder (Izacard and Grave 2021, arXiv 2007.01282) with layer-wise coordinated attention (He et al. 2018):
the encoder reads each passage by itself, after one shared prefix and at the same positions, and leaves keys and values
in every layer; each layer of the decoder attends to the prefix's, all passages' and its own at once. Passages see
neither each other nor the question, so an encoded passage could serve any question.

The blocks are Llama's (Touvron et al. 2023, arXiv 2302.13971): RMS norm, rotary positions, grouped-query attention,
SwiGLU; with biases on query, key and value they are Qwen2's (arXiv 2407.10671). This module knows
token ids and tensors, no text.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.weights import filled

# Passages beyond this rank share the vector of the last one, see `FusedModel`.
RANKS = 8


class Past(Protocol):
    """What tokens see besides themselves: the keys and values of tokens before them, layer by layer."""

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """All keys and all values, given those of the new tokens, each (batch, key_value_heads, tokens, head_size)."""
        ...


@dataclass(frozen=True)
class FusedConfig:
    """The shape of the stack, with SmolLM2-135M's sizes as defaults.

    Attributes:
        vocab_size, hidden_size, intermediate_size: widths.
        layers, heads, key_value_heads: counts; `heads` is a multiple of `key_value_heads`.
        rope_theta: the base of the rotary frequencies.
        norm_eps: added to the mean square in the norms.
        attention_bias: whether query, key and value have biases.
    """

    vocab_size: int = 49152
    hidden_size: int = 576
    intermediate_size: int = 1536
    layers: int = 30
    heads: int = 9
    key_value_heads: int = 3
    rope_theta: float = 100_000.0
    norm_eps: float = 1e-5
    attention_bias: bool = False

    @property
    def head_size(self) -> int:
        """The width of one head."""
        return self.hidden_size // self.heads


class Attention(nn.Module):
    """Grouped-query attention: several query heads share the keys and values of one head."""

    def __init__(self, config: FusedConfig, layer: int) -> None:
        """Make the four projections of a layer, counted from 0."""
        super().__init__()
        self.layer = layer
        self.heads, self.groups, self.size = config.heads, config.key_value_heads, config.head_size
        self.query = nn.Linear(config.hidden_size, self.heads * self.size, bias=config.attention_bias)
        self.key = nn.Linear(config.hidden_size, self.groups * self.size, bias=config.attention_bias)
        self.value = nn.Linear(config.hidden_size, self.groups * self.size, bias=config.attention_bias)
        self.output = nn.Linear(self.heads * self.size, config.hidden_size, bias=False)

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor], past: Past, bias: Tensor | None) -> Tensor:
        """Attend from x (batch, tokens, hidden) to `past` and x.

        `bias`, (batch or 1, 1, group size · tokens, length), is added to the scores; None adds nothing.
        """
        batch, tokens, _ = x.shape
        query = rotate(self.query(x).view(batch, tokens, self.heads, self.size).transpose(1, 2), rotation)
        key = rotate(self.key(x).view(batch, tokens, self.groups, self.size).transpose(1, 2), rotation)
        value = self.value(x).view(batch, tokens, self.groups, self.size).transpose(1, 2)
        key, value = past.extend(self.layer, key, value)
        # The query heads of one group become further query positions, so that keys need not be repeated.
        shared = self.heads // self.groups
        query = query.reshape(batch, self.groups, shared * tokens, self.size)
        mixed = _attend(query, key, value, bias)
        mixed = mixed.reshape(batch, self.heads, tokens, self.size).transpose(1, 2).reshape(batch, tokens, -1)
        return self.output(mixed)


def _attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
    """Softmax attention, each (batch, groups, …, head_size)."""
    if not torch.is_grad_enabled():
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
    # With few heads and many queries torch's fused kernel takes twice as long backwards on a CPU as plain products.
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    return (scores if bias is None else scores + bias).softmax(-1).to(value.dtype) @ value


class Layer(nn.Module):
    """Attention and a gated feed-forward net, each behind its norm and beside a skip connection."""

    def __init__(self, config: FusedConfig, layer: int) -> None:
        """Make the parts of a layer, counted from 0."""
        super().__init__()
        self.attention_norm = nn.RMSNorm(config.hidden_size, config.norm_eps)
        self.attention = Attention(config, layer)
        self.feed_forward_norm = nn.RMSNorm(config.hidden_size, config.norm_eps)
        self.gate = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor], past: Past, bias: Tensor | None) -> Tensor:
        """(batch, tokens, hidden) to the same; the arguments are those of `Attention`."""
        x = x + self.attention(self.attention_norm(x), rotation, past, bias)
        y = self.feed_forward_norm(x)
        return x + self.down(functional.silu(self.gate(y)) * self.up(y))


class Stack(nn.Module):
    """Embeddings, layers and the last norm; the embeddings also turn states into logits."""

    def __init__(self, config: FusedConfig) -> None:
        """Make the layers, with torch's random weights."""
        super().__init__()
        self.config = config
        self.embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config, number) for number in range(config.layers))
        self.norm = nn.RMSNorm(config.hidden_size, config.norm_eps)

    def forward(self, ids: Tensor, positions: Tensor, past: Past, mask: Tensor | None) -> Tensor:
        """Run tokens through all layers.

        Args:
            ids: (batch, tokens).
            positions: of the tokens, (batch, tokens) or (1, tokens).
            past: what every token sees besides the tokens before it.
            mask: bool (batch or 1, 1, tokens, seen + tokens), True where a token sees another; None when each sees
                all, as a single new token does.

        Returns:
            States (batch, tokens, hidden).
        """
        x = self.embeddings(ids)
        rotation = rotations(positions, self.config.head_size, self.config.rope_theta, x.dtype)
        bias = None
        if mask is not None:
            dtype = torch.get_autocast_dtype(x.device.type) if torch.is_autocast_enabled(x.device.type) else x.dtype
            bias = torch.zeros(mask.shape, dtype=dtype, device=x.device).masked_fill(~mask, float("-inf"))
            bias = bias.repeat(1, 1, self.config.heads // self.config.key_value_heads, 1)
        for layer in self.layers:
            x = layer(x, rotation, past, bias)
        return self.norm(x)

    def logits(self, states: Tensor) -> Tensor:
        """States (…, hidden) → logits (…, vocab_size)."""
        return functional.linear(states, self.embeddings.weight)


def stack_of(config: FusedConfig, weights: Mapping[str, Tensor]) -> Stack:
    """A stack that holds these very tensors, named as its own state; none is copied, and none will be trained."""
    return filled(lambda: Stack(config), weights)


class Seen:
    """A past that stays as it is (`Past`), and remembers the keys and values of the new tokens on request."""

    def __init__(self, states: Tensor | None = None, record: bool = False) -> None:
        """Begin with `states`, (layers, 2, batch or 1, key_value_heads, seen, head_size), or with nothing seen."""
        self._states = states
        self._new: list[Tensor] | None = [] if record else None

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """See `Past.extend`."""
        if self._new is not None:
            self._new.append(torch.stack([key, value]))
        if self._states is None:
            return key, value
        seen = self._states[layer].expand(-1, len(key), -1, -1, -1).to(key.dtype)
        return torch.cat([seen[0], key], dim=2), torch.cat([seen[1], value], dim=2)

    def new_states(self) -> Tensor:
        """The new tokens' keys and values, (layers, 2, batch, key_value_heads, tokens, head_size)."""
        return torch.stack(self._new or [])


class Growing:
    """A past to which every new token is added (`Past`), in a buffer that doubles when it is full."""

    _SPARE = 128

    def __init__(self, states: Tensor) -> None:
        """Begin with a copy of `states`, (layers, 2, batch, key_value_heads, seen, head_size)."""
        self.length = states.shape[4]
        self._buffer = _with_room(states, self._SPARE)

    @property
    def rows(self) -> int:
        """The batch size."""
        return self._buffer.shape[2]

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """See `Past.extend`; the tokens count as seen after the last layer."""
        end = self.length + key.shape[2]
        if end > self._buffer.shape[4]:
            self._buffer = _with_room(self._buffer[..., : self.length, :], max(self.length, end))
        keys, values = self._buffer[layer]
        keys[:, :, self.length : end], values[:, :, self.length : end] = key, value
        if layer == len(self._buffer) - 1:
            self.length = end
        return keys[:, :, :end], values[:, :, :end]

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows of the batch, in this order; a row may occur several times."""
        self._buffer = self._buffer.index_select(2, torch.tensor(list(rows), device=self._buffer.device))

    def seen(self, length: int) -> Tensor:
        """The states of the first `length` tokens, as `__init__` takes them."""
        return self._buffer[..., :length, :]


def _with_room(states: Tensor, spare: int) -> Tensor:
    """A copy with `spare` more positions."""
    room = states.new_empty(*states.shape[:4], states.shape[4] + spare, states.shape[5])
    room[..., : states.shape[4], :] = states
    return room


@dataclass
class Memory:
    """What the decoder attends to before its own tokens, of one question or a batch of them.

    Attributes:
        states: keys and values of the prefix and all passages, (layers, 2, batch, key_value_heads, length,
            head_size); keys carry their positions.
        starts: where each question's own tokens begin, after its longest passage, int64 (batch,).
        mask: bool (batch, length), False at padding.
        spans: where each passage lies in `states`, first and last position plus one; of one question only.
    """

    states: Tensor
    starts: Tensor
    mask: Tensor
    spans: Sequence[tuple[int, int]] = ()

    @classmethod
    def batch(cls, memories: Sequence[Memory]) -> Memory:
        """Several memories as one, padded at the end."""
        if len(memories) == 1:
            return memories[0]
        longest = max(memory.states.shape[4] for memory in memories)
        rooms = [longest - memory.states.shape[4] for memory in memories]
        pairs = list(zip(memories, rooms, strict=True))
        return cls(
            torch.cat([functional.pad(memory.states, (0, 0, 0, room)) for memory, room in pairs], dim=2),
            torch.cat([memory.starts for memory in memories]),
            torch.cat([functional.pad(memory.mask, (0, room)) for memory, room in pairs]),
        )


def views(mask: Tensor, spans: Sequence[tuple[int, int]]) -> Tensor:
    """Masks that show every passage, and each passage alone, bool (1 + passages, length).

    Args:
        mask: what there is to see, bool (1, length).
        spans: where the passages lie, see `Memory`.
    """
    masks = mask.repeat(1 + len(spans), 1)
    for row in range(1, len(masks)):
        for number, (start, end) in enumerate(spans, start=1):
            masks[row, start:end] &= number == row
    return masks


class FusedModel(nn.Module):
    """Encoder and decoder; they share their weights until one of them is adapted.

    The passages' states know nothing of their rank, so that they serve any question. Where they are put together, the
    keys of each get the learned vector of its rank added: zero at first, so that order means nothing.
    """

    def __init__(self, config: FusedConfig, encoder: Stack | None = None, decoder: Stack | None = None) -> None:
        """Hold the two stacks; one of random weights for both when none is given."""
        super().__init__()
        self.config = config
        self.encoder = encoder or Stack(config)
        self.decoder = decoder or self.encoder
        ranks = torch.zeros(RANKS, config.layers, config.key_value_heads, config.head_size)
        self.rank_keys = nn.Parameter(ranks.to(self.encoder.embeddings.weight.device), requires_grad=False)

    def encode(self, prefix: Sequence[int], passages: Sequence[Sequence[int]]) -> Memory:
        """Read the passages of one question, each by itself after the prefix.

        Args:
            prefix: token ids, at least one.
            passages: token ids of each passage; there may be none.
        """
        start = self.read_prefix(prefix)
        return self.fuse(start, self.read(start, [passage for passage in passages if len(passage)]))

    def fuse(self, prefix: Tensor, passages: Sequence[Tensor]) -> Memory:
        """One question's memory of the prefix and its passages, best first, as `read_prefix` and `read` gave them."""
        parts = [prefix]
        for rank, passage in enumerate(passages):
            offset = self.rank_keys[min(rank, RANKS - 1)][:, None, :, None].to(passage.dtype)
            parts.append(torch.stack([passage[:, 0] + offset, passage[:, 1]], dim=1))
        states = torch.cat(parts, dim=4)
        start = prefix.shape[4] + max((passage.shape[4] for passage in passages), default=0)
        mask = torch.ones(1, states.shape[4], dtype=torch.bool, device=states.device)
        ends = list(itertools.accumulate(part.shape[4] for part in parts))
        return Memory(states, torch.tensor([start], device=states.device), mask, list(itertools.pairwise(ends)))

    def read_prefix(self, prefix: Sequence[int]) -> Tensor:
        """Keys and values of the shared prefix, (layers, 2, 1, key_value_heads, tokens, head_size)."""
        ids = torch.tensor([list(prefix)], device=self.encoder.embeddings.weight.device)
        seen = Seen(record=True)
        self.encoder(ids, torch.arange(ids.shape[1], device=ids.device)[None], seen, causal_mask(ids.shape[1]))
        return seen.new_states()

    def read(self, prefix: Tensor, passages: Sequence[Sequence[int]]) -> list[Tensor]:
        """Read passages in one padded batch, each by itself after the prefix.

        Args:
            prefix: what `read_prefix` gave.
            passages: token ids of each passage, at least one token in each.

        Returns:
            Keys and values of each passage, (layers, 2, 1, key_value_heads, tokens, head_size): good for any question.
        """
        if not passages:
            return []
        longest, start = max(map(len, passages)), prefix.shape[4]
        # Padding stands at the end, where no token of the passage sees it.
        rows = [[*passage, *[0] * (longest - len(passage))] for passage in passages]
        ids = torch.tensor(rows, device=prefix.device)
        seen = Seen(prefix, record=True)
        positions = torch.arange(start, start + longest, device=prefix.device)[None]
        self.encoder(ids, positions, seen, causal_mask(longest, start, device=prefix.device))
        states = seen.new_states()
        return [states[:, :, row : row + 1, :, : len(passage)] for row, passage in enumerate(passages)]

    def ask(self, question: Sequence[int], memory: Memory) -> tuple[Memory, Tensor]:
        """Let the decoder read a question, so that questions of different lengths can be answered in one batch.

        Args:
            question: token ids, at least one.
            memory: of this question.

        Returns:
            The memory with the question at its end, and the logits of the answer's first token, (1, vocab_size).
        """
        ids = torch.tensor([list(question)], device=memory.states.device)
        seen = Seen(memory.states, record=True)
        positions = memory.starts[:, None] + torch.arange(len(question), device=ids.device)
        states = self.decoder(ids, positions, seen, memory_mask(memory.mask, len(question)))
        longer = Memory(
            torch.cat([memory.states, seen.new_states()], dim=4),
            memory.starts + len(question),
            functional.pad(memory.mask, (0, len(question)), value=True),
            memory.spans,
        )
        return longer, self.decoder.logits(states[:, -1]).float()

    def states(self, ids: Tensor, memory: Memory) -> Tensor:
        """Teacher forcing: the decoder's states (batch, tokens, hidden) of question and answer ids (batch, tokens)."""
        tokens = ids.shape[1]
        positions = memory.starts[:, None] + torch.arange(tokens, device=ids.device)
        return self.decoder(ids, positions, Seen(memory.states), memory_mask(memory.mask, tokens))

    def forward(self, ids: Tensor, memory: Memory) -> Tensor:
        """Teacher forcing: logits (batch, tokens, vocab_size); ids padded at the end, `memory` of the same batch."""
        return self.decoder.logits(self.states(ids, memory))


class HasDecoder(Protocol):
    """A model whose decoder writes after a memory."""

    decoder: Stack


class DecoderState:
    """The decoder in the middle of writing: feeds tokens, keeps keys and values, follows the chosen rows."""

    def __init__(self, model: HasDecoder, memory: Memory) -> None:
        """Start after a memory, with one row for each of its questions."""
        self._model = model
        self._past = Growing(memory.states)
        self._starts = memory.starts
        self._mask = memory.mask
        self._written = 0

    def views(self, spans: Sequence[tuple[int, int]]) -> Tensor:
        """Masks that show every passage and each alone, see `views`; of a state of one row."""
        return views(self._mask, spans)

    def select(self, rows: Sequence[int]) -> None:
        """Go on with these rows only, in this order; a row may occur several times."""
        if list(rows) != list(range(self._past.rows)):
            self._past.select(rows)
            kept = torch.tensor(list(rows), device=self._mask.device)
            self._starts, self._mask = self._starts[kept], self._mask[kept]

    def fork(self, views: Tensor, back: int = 0) -> DecoderState:
        """Copies of a state of one row that see the memory differently.

        Args:
            views: what each copy sees of the memory, bool (copies, memory length).
            back: how many of the last tokens written the copies forget.
        """
        fork = object.__new__(DecoderState)
        fork._model, fork._written = self._model, self._written - back
        fork._past = Growing(self._past.seen(self._past.length - back).expand(-1, -1, len(views), -1, -1, -1))
        fork._starts, fork._mask = self._starts.expand(len(views)), views
        return fork

    def feed(self, tokens: Sequence[Sequence[int]], parents: Sequence[int] | None = None) -> Tensor:
        """Add tokens to each row.

        Args:
            tokens: (rows, n), the new tokens of each row: beams of one question, or answers to several.
            parents: which of the rows before each continues; None when they are the same.

        Returns:
            Logits of the next token, float32 (rows, vocab_size).
        """
        if parents is not None:
            self.select(parents)
        return self.feed_all(tokens)[:, -1]

    @torch.inference_mode()
    def feed_all(self, tokens: Sequence[Sequence[int]]) -> Tensor:
        """Add tokens (rows, n) to each row; the logits after every one of them, float32 (rows, n, vocab_size)."""
        ids = torch.tensor([list(row) for row in tokens], device=self._mask.device)
        count = ids.shape[1]
        positions = self._starts[:, None] + torch.arange(self._written, self._written + count, device=ids.device)
        mask = memory_mask(functional.pad(self._mask, (0, self._written), value=True), count)
        alone = count == 1 and bool(self._mask.all())
        states = self._model.decoder(ids, positions, self._past, None if alone else mask)
        self._written += count
        return self._model.decoder.logits(states).float()


def best_device() -> torch.device:
    """Where the model runs fastest here: an NVIDIA GPU, Apple's, or the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def causal_mask(tokens: int, seen: int = 0, device: torch.device | str | None = None) -> Tensor:
    """Each token sees all `seen` ones, the tokens before it and itself: bool (1, 1, tokens, seen + tokens)."""
    return torch.ones(1, 1, tokens, seen + tokens, dtype=torch.bool, device=device).tril(diagonal=seen)


def memory_mask(seen: Tensor, tokens: int) -> Tensor:
    """Each token sees what `seen`, bool (batch, length), allows and the tokens up to itself.

    Returns:
        bool (batch, 1, tokens, length + tokens).
    """
    batch, length = seen.shape
    own = causal_mask(tokens, device=seen.device).expand(batch, -1, -1, -1)
    return torch.cat([seen[:, None, None].expand(batch, 1, tokens, length), own], dim=3)


def rotations(positions: Tensor, head_size: int, theta: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotary angles (Su et al. 2021, arXiv 2104.09864) of positions (batch, tokens).

    Returns:
        Two tensors of `dtype`, each (batch, 1, tokens, head_size).
    """
    frequencies = theta ** -(torch.arange(0, head_size, 2, device=positions.device).float() / head_size)
    angles = (positions.float()[..., None] * frequencies).repeat(1, 1, 2)[:, None]
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotate(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Turn each pair (i, i + head_size / 2) of x (…, tokens, head_size) by its position's angle."""
    first, second = x.chunk(2, dim=-1)
    return (x * rotation[0] + torch.cat([-second, first], dim=-1) * rotation[1]).to(x.dtype)
