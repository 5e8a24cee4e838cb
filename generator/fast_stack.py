"""The decoder from 8-bit weights on a CPU, in place of torch's: weights made once, then mapped from the cache folder.

`FastDecoder` holds the weights, `FastState` is an answer, or a batch of them, on its way; the latter has the methods of
`generator.modeling_fused.DecoderState`. The arithmetic is in kernels.py. It knows weights and token ids, no text.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from generator.modeling_fused import FusedConfig, Memory, Stack

if TYPE_CHECKING:
    from generator.kernels import Shape, Tokens, Weights, Work

# Raised when the file below would come out differently.
_LAYOUT = 1
# Tokens that go through the layers at once.
_AT_ONCE = 24
# Room for a row's own tokens is made in steps of so many.
_ROOM = 128
_MATRICES = (
    ("attention.query", "attention.key", "attention.value"),
    ("attention.output",),
    ("gate",),
    ("up",),
    ("down",),
)


def pack(stack: Stack) -> dict[str, Tensor]:
    """A stack's weights as `generator.kernels.Weights` wants them.

    Every row of a matrix becomes 8-bit integers with a scale of its own, its largest magnitude over 127.

    Returns:
        "tiles" int8, "scales" float32, "norms" float32.

    Raises:
        ValueError: the stack's sizes do not fit the kernels' tiles.
    """
    if problem := unfit(stack.config):
        raise ValueError(problem)
    state = stack.state_dict()
    tiles, scales = [], []
    for number in range(stack.config.layers):
        for names in _MATRICES:
            matrix = torch.cat([state[f"layers.{number}.{name}.weight"].float() for name in names])
            tiled, scale = _tiled(matrix)
            tiles.append(tiled)
            scales.append(scale)
    embeddings = state["embeddings.weight"].float()
    tiled, scale = _tiled(torch.nn.functional.pad(embeddings, (0, 0, 0, -len(embeddings) % 4)))
    norms = [
        state[f"layers.{number}.{name}_norm.weight"]
        for number in range(stack.config.layers)
        for name in ("attention", "feed_forward")
    ]
    return {
        "tiles": torch.cat([*tiles, tiled]),
        "scales": torch.cat([*scales, scale]),
        "norms": torch.stack([*norms, state["norm.weight"]]).float(),
    }


def unfit(config: FusedConfig) -> str:
    """Why a stack of these sizes cannot be packed; "" if it can."""
    from generator.kernels import CHUNK, TILE

    widths = (config.hidden_size, config.intermediate_size, config.heads * config.head_size)
    if any(width % CHUNK for width in widths) or config.head_size % TILE:
        return f"the widths {widths} must be multiples of {CHUNK}, and a head's ({config.head_size}) of {TILE}"
    return ""


def _tiled(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """A matrix (rows, columns) as 8-bit tiles, flat, and its rows' scales."""
    from generator.kernels import CHUNK, TILE

    rows, columns = matrix.shape
    scale = matrix.abs().amax(dim=1).clamp_min(1e-12) / 127
    whole = (matrix / scale[:, None]).round().to(torch.int8)
    tiles = whole.view(rows // TILE, TILE, columns // CHUNK, CHUNK).transpose(1, 2)
    return tiles.reshape(-1), scale


def packed_file(cache: Path, *hashes: str) -> Path:
    """Where the packed weights of a base and an adapter with these hashes are kept."""
    name = hashlib.sha256("\n".join([str(_LAYOUT), *hashes]).encode()).hexdigest()[:20]
    return cache / f"decoder-{name}.safetensors"


def save_packed(packed: dict[str, Tensor], path: Path) -> None:
    """Write packed weights; the file gets its name when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        save_file(packed, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


class FastDecoder:
    """The decoder's packed weights, and the threads that work on them.

    One call at a time uses them; others wait.
    """

    def __init__(self, config: FusedConfig, packed: dict[str, Tensor], embeddings: Tensor, threads: int = 0) -> None:
        """Hold the weights.

        Args:
            config: the stack's sizes.
            packed: what `pack` made.
            embeddings: of the tokens, float32 (vocabulary, hidden); only read.
            threads: how many share the work; 0 for as many as torch uses.
        """
        from generator.kernels import Shape, Weights

        self.config = config
        threads = threads or torch.get_num_threads()
        self._shape = Shape(
            config.hidden_size,
            config.intermediate_size,
            config.layers,
            config.heads,
            config.key_value_heads,
            config.head_size,
            -(-config.vocab_size // 4) * 4,
            config.norm_eps,
            threads,
        )
        self._weights = Weights(*(packed[name].numpy() for name in Weights._fields))
        self._embeddings = embeddings.numpy()
        self._helpers = ThreadPoolExecutor(threads - 1, "decoder") if threads > 1 else None
        self._lock = threading.Lock()
        self._work: Work | None = None

    @classmethod
    def load(cls, config: FusedConfig, path: Path, embeddings: Tensor, threads: int = 0) -> FastDecoder:
        """Map packed weights that `save_packed` wrote.

        Raises:
            OSError: the file is missing.
            safetensors.SafetensorError: the file is damaged.
        """
        return cls(config, load_file(path), embeddings, threads)

    def start(self, memories: Sequence[Memory]) -> FastState:
        """An answer to each memory's question, before anything was fed."""
        return FastState(self, _Memories.of(memories), [_Row(number) for number in range(len(memories))])

    def advance(self, memories: _Memories, own: np.ndarray, batch: _Batch) -> np.ndarray:
        """Take tokens through all layers, a few at a time; keys and values go to `own`.

        Returns:
            Logits after each token wanted, float32 (wanted, vocabulary).
        """
        with self._lock:
            parts = [self._run(memories, own, part) for part in batch.parts(_AT_ONCE)]
        return np.concatenate(parts)[:, : self.config.vocab_size]

    def _run(self, memories: _Memories, own: np.ndarray, batch: _Batch) -> np.ndarray:
        """One call of the kernel by every thread."""
        from generator import kernels

        positions = memories.states.shape[5] + own.shape[5]
        if self._work is None or self._work.scores.shape[1] < positions:
            self._work = _room(self._shape, positions)
        work, tokens = self._work, self._tokens(batch)
        work.barrier[0] = 0
        work.states[: len(batch.ids)] = self._embeddings[batch.ids]
        logits = np.empty((len(tokens.wanted), self._shape.rows), np.float32)
        seen = kernels.Seen(memories.states, batch.spans, batch.question, own)
        arguments = (self._shape, self._weights, seen, work, tokens, logits)
        futures = [
            self._helpers.submit(kernels.advance, *arguments, thread)
            for thread in range(1, self._shape.threads)
            if self._helpers
        ]
        kernels.advance(*arguments, 0)
        for future in futures:
            future.result()
        return logits

    def _tokens(self, batch: _Batch) -> Tokens:
        """A batch as the kernel wants it."""
        from generator.kernels import Tokens

        frequencies = self.config.rope_theta ** -(np.arange(0, self.config.head_size, 2) / self.config.head_size)
        angles = batch.positions[:, None] * frequencies
        turns = (np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32))
        return Tokens(batch.rows, batch.places, *turns, np.flatnonzero(batch.wanted))


def _room(shape: Shape, positions: int) -> Work:
    """Room for a call, with some to spare."""
    from generator.kernels import Work

    columns = max(shape.hidden, shape.inner, shape.heads * shape.size)
    single = (np.zeros((_AT_ONCE, width), np.float32) for width in (shape.hidden, shape.heads * shape.size, shape.inner))
    return Work(
        *single,
        np.zeros((shape.threads, _AT_ONCE, shape.heads, shape.size + 2), np.float32),
        np.zeros((shape.threads, positions + _ROOM), np.float32),
        np.zeros((shape.threads, _AT_ONCE, columns), np.float32),
        np.zeros((shape.threads, _AT_ONCE, columns), np.int16),
        np.zeros((shape.threads, _AT_ONCE), np.float32),
        np.zeros((shape.threads, 64), np.int32),
        np.zeros(1, np.int64),
    )


@dataclass(frozen=True)
class _Memories:
    """Memories side by side: states (questions, layers, 2, groups, size, length), and what is seen of each."""

    states: np.ndarray
    starts: tuple[int, ...]
    seen: Tensor

    @classmethod
    def of(cls, memories: Sequence[Memory]) -> _Memories:
        memory = Memory.batch(memories)
        states = memory.states.permute(2, 0, 1, 3, 5, 4).float().contiguous().numpy()
        return cls(states, tuple(memory.starts.tolist()), memory.mask)


@dataclass(frozen=True)
class _Batch:
    """Tokens to be fed: of each its id, row, place among the row's own, position, and whether logits are wanted.

    `spans` and `question` are of the rows, see `generator.kernels.Seen`.
    """

    ids: np.ndarray
    rows: np.ndarray
    places: np.ndarray
    positions: np.ndarray
    wanted: np.ndarray
    spans: np.ndarray
    question: np.ndarray

    def parts(self, most: int) -> Iterator[_Batch]:
        """The same in order, at most so many at a time."""
        for start in range(0, len(self.ids), most):
            part = slice(start, start + most)
            names = ("ids", "rows", "places", "positions", "wanted")
            yield replace(self, **{name: getattr(self, name)[part] for name in names})


@dataclass(frozen=True)
class _Row:
    """One answer: whose memory it sees, and how many tokens of its own it has."""

    question: int
    written: int = 0


class FastState:
    """The decoder in the middle of writing; rows may have tokens of their own in different numbers."""

    def __init__(self, decoder: FastDecoder, memories: _Memories, rows: Sequence[_Row]) -> None:
        """Begin; `FastDecoder.start` is the way to make one."""
        self._decoder, self._memories, self._rows = decoder, memories, list(rows)
        self._spans = _spans(memories.seen[[row.question for row in rows]])
        config = decoder.config
        self._sizes = (config.layers, 2, config.key_value_heads, config.head_size)
        self._own = np.empty((len(rows), *self._sizes, _ROOM), np.float32)

    def views(self, spans: Sequence[tuple[int, int]]) -> Tensor:
        """See `Memory.views`; of a state of one row."""
        seen = self._memories.seen[self._rows[0].question][None]
        return Memory(torch.empty(0), torch.empty(0), seen, spans).views()

    def select(self, rows: Sequence[int]) -> None:
        """Go on with these rows only, in this order; a row may occur several times."""
        if list(rows) != list(range(len(self._rows))):
            self._own, self._spans = self._own[list(rows)], self._spans[list(rows)]
            self._rows = [self._rows[row] for row in rows]

    def fork(self, views: Tensor, back: int = 0) -> FastState:
        """Copies of a state of one row that see the memory differently.

        Args:
            views: what each copy sees of the memory, bool (copies, memory length).
            back: how many of the last tokens written the copies forget.
        """
        (row,) = self._rows
        fork = object.__new__(FastState)
        fork._decoder, fork._memories, fork._sizes = self._decoder, self._memories, self._sizes
        fork._rows = [replace(row, written=row.written - back)] * len(views)
        fork._spans, fork._own = _spans(views), np.repeat(self._own, len(views), axis=0)
        return fork

    def feed(self, tokens: Sequence[Sequence[int]], parents: Sequence[int] | None = None) -> Tensor:
        """Add tokens to each row; see `DecoderState.feed`. Here rows may get tokens in different numbers."""
        if parents is not None:
            self.select(parents)
        return torch.from_numpy(self._advance(tokens, [[len(row) - 1] for row in tokens]))

    def feed_all(self, tokens: Sequence[Sequence[int]]) -> Tensor:
        """Add tokens (rows, n) to each row; see `DecoderState.feed_all`."""
        logits = self._advance(tokens, [range(len(row)) for row in tokens])
        return torch.from_numpy(logits.reshape(len(tokens), -1, logits.shape[1]))

    def _advance(self, tokens: Sequence[Sequence[int]], wanted: Sequence[Sequence[int]]) -> np.ndarray:
        """Add tokens to each row; logits after those wanted, float32 (all wanted, vocabulary)."""
        self._make_room(max(row.written + len(new) for row, new in zip(self._rows, tokens, strict=True)))
        logits = self._decoder.advance(self._memories, self._own, self._batch(tokens, wanted))
        self._rows = [
            replace(row, written=row.written + len(new)) for row, new in zip(self._rows, tokens, strict=True)
        ]
        return logits

    def _batch(self, tokens: Sequence[Sequence[int]], wanted: Sequence[Sequence[int]]) -> _Batch:
        """New tokens of every row, as `FastDecoder.advance` wants them."""
        counts = [len(new) for new in tokens]
        places = np.concatenate([row.written + np.arange(n) for row, n in zip(self._rows, counts, strict=True)])
        starts = [self._memories.starts[row.question] for row in self._rows]
        marks = [np.isin(np.arange(n), list(own)) for n, own in zip(counts, wanted, strict=True)]
        return _Batch(
            np.array([token for new in tokens for token in new], np.int64),
            np.repeat(np.arange(len(counts)), counts),
            places,
            np.repeat(starts, counts) + places,
            np.concatenate(marks),
            self._spans,
            np.array([row.question for row in self._rows], np.int64),
        )

    def _make_room(self, tokens: int) -> None:
        """Let every row hold so many tokens of its own."""
        have = self._own.shape[5]
        if tokens > have:
            room = np.empty((*self._own.shape[:5], max(tokens, have + _ROOM)), np.float32)
            room[..., :have] = self._own
            self._own = room


def _spans(views: Tensor) -> np.ndarray:
    """Where masks (rows, length) are True, int64 (rows, spans, 2); unused spans are empty.

    >>> _spans(torch.tensor([[True, True, False, True], [False, False, True, True]])).tolist()
    [[[0, 2], [3, 4]], [[2, 4], [0, 0]]]
    """
    edges = np.diff(np.pad(views.cpu().numpy().astype(np.int8), ((0, 0), (1, 1))), axis=1)
    found = [np.stack([np.flatnonzero(row == 1), np.flatnonzero(row == -1)], axis=1) for row in edges]
    spans = np.zeros((len(found), max(map(len, found), default=0), 2), np.int64)
    for row, own in enumerate(found):
        spans[row, : len(own)] = own
    return spans
