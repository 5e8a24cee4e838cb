"""The decoder from 8-bit weights on a CPU, in place of torch's: weights made once, then mapped from the cache folder.

`FastDecoder` holds the weights, `FastState` is an answer, or a batch of them, on its way; the latter has the methods of
`generator.modeling_fused.DecoderState`. The arithmetic is in kernels.py. It knows weights and token ids, no text.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.errors import first_line
from core.kept_files import kept
from generator.modeling_fused import FusedConfig, Memory, Stack, views

if TYPE_CHECKING:
    from generator.kernels import Shape, Tokens, Work

logger = logging.getLogger(__name__)

# Raised when the file below would come out differently.
_LAYOUT = 2
# Tokens that go through the layers at once.
_AT_ONCE = 24
# Room for a row's own tokens is made in steps of so many.
_ROOM = 64
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
        "tiles" int8, "scales" float32, "norms" float32, "biases" float32.

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
        "biases": torch.stack([_biases(state, number) for number in range(stack.config.layers)]),
    }


def _biases(state: Mapping[str, Tensor], number: int) -> Tensor:
    """The biases of a layer's query, key and value, float32, one after the other; zeros where there are none."""
    names = [f"layers.{number}.attention.{name}" for name in ("query", "key", "value")]
    nothing = [torch.zeros(len(state[f"{name}.weight"])) for name in names]
    return torch.cat([state.get(f"{name}.bias", zero).float() for name, zero in zip(names, nothing, strict=True)])


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


def packed_file(cache: Path, kind: str, *hashes: str) -> Path:
    """Where prepared weights, such as the "decoder", of a base and an adapter with these hashes are kept."""
    name = hashlib.sha256("\n".join([str(_LAYOUT), *hashes]).encode()).hexdigest()[:20]
    return cache / f"{kind}-{name}.safetensors"


def kept_weights(path: Path, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """Prepared weights, mapped from the file in which they are kept; in memory where they cannot be kept.

    Args:
        path: of the file; see `packed_file`.
        make: prepares them, where they are not there as they were written.
    """
    made: dict[str, Tensor] = {}

    def write(part: Path) -> None:
        made.update(make())
        try:
            save_file(made, part)
        except SafetensorError as error:  # a full disk
            raise OSError(first_line(error)) from error

    try:
        return load_file(kept(path, write))
    except OSError as error:
        logger.warning("%s cannot be kept and is prepared in memory, at each start: %s", path, error)
        return made or make()


class FastDecoder:
    """The decoder's packed weights, and the threads that work on them.

    One call at a time uses them; others wait.
    """

    def __init__(self, config: FusedConfig, packed: dict[str, Tensor], embeddings: Tensor, threads: int = 0) -> None:
        """Hold the weights.

        Args:
            config: the stack's sizes.
            packed: what `pack` made.
            embeddings: of the tokens, (vocabulary, hidden), of any float type; only read.
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
        self._embeddings = embeddings
        self._helpers = ThreadPoolExecutor(threads - 1, "decoder") if threads > 1 else None
        self._lock = threading.Lock()
        self._work: Work | None = None

    def warm_up(self) -> None:
        """Compile the kernel, or load it where it was compiled before."""
        config = self.config
        nothing = torch.zeros(config.layers, 2, 1, config.key_value_heads, 0, config.head_size)
        self.start([Memory(nothing, torch.tensor([0]), torch.ones(1, 0, dtype=torch.bool))]).feed([[0]])

    def start(self, memories: Sequence[Memory], drafts: Sequence[Drafts] = ()) -> FastState:
        """An answer to each memory's question, before anything was fed; with drafts for each, or for none."""
        return FastState(self, _Memories.of(memories), list(drafts) or [None] * len(memories))

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
        work.states[: len(batch.ids)] = self._embeddings[torch.from_numpy(batch.ids)].float().numpy()
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

    threads, columns = shape.threads, max(shape.hidden, shape.inner, shape.heads * shape.size)
    return Work(
        states=np.zeros((_AT_ONCE, shape.hidden), np.float32),
        queries=np.zeros((_AT_ONCE, shape.heads * shape.size), np.float32),
        gated=np.zeros((_AT_ONCE, shape.inner), np.float32),
        partial=np.zeros((threads, _AT_ONCE, shape.heads, shape.size + 2), np.float32),
        scores=np.zeros((threads, positions + _ROOM), np.float32),
        plain=np.zeros((threads, _AT_ONCE, columns), np.float32),
        whole=np.zeros((threads, _AT_ONCE, columns), np.int16),
        steps=np.zeros((threads, _AT_ONCE), np.float32),
        sums=np.zeros((threads, 64), np.int32),
        barrier=np.zeros(1, np.int64),
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
        given = memory.states.permute(2, 0, 1, 3, 5, 4)
        # In one step: a converted copy in the old order would take as much again.
        states = torch.empty(given.shape, dtype=torch.float32).copy_(given).numpy()
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
    """One answer on its way.

    Attributes:
        question: whose memory it sees.
        tokens: its own so far.
        ahead: tokens that were guessed to follow and went through the layers already.
        ahead_logits: after each of them.
    """

    question: int
    tokens: tuple[int, ...] = ()
    ahead: tuple[int, ...] = ()
    ahead_logits: tuple[np.ndarray, ...] = ()


class FastState:
    """The decoder in the middle of writing; rows may have tokens of their own in different numbers.

    With drafts, tokens that are likely to follow go through the layers together with those fed, which costs little
    more; where they are then fed, their logits are there already (Saxena 2023, prompt lookup decoding; a guess that
    was wrong changes nothing).
    """

    def __init__(self, decoder: FastDecoder, memories: _Memories, drafts: Sequence[Drafts | None]) -> None:
        """Begin, with one row for each memory; `FastDecoder.start` is the way to make one."""
        self._decoder, self._memories, self._drafts = decoder, memories, list(drafts)
        self._rows = [_Row(number) for number in range(len(drafts))]
        self._spans = _spans(memories.seen)
        config = decoder.config
        sizes = (config.layers, 2, config.key_value_heads, config.head_size)
        self._own = np.empty((len(drafts), *sizes, _ROOM), np.float32)
        self._twin: FastState | None = None

    def views(self, spans: Sequence[tuple[int, int]]) -> Tensor:
        """Masks that show every passage and each alone, see `modeling_fused.views`; of a state of one row."""
        return views(self._memories.seen[self._rows[0].question][None], spans)

    def select(self, rows: Sequence[int]) -> None:
        """Go on with these rows only, in this order; a row may occur several times."""
        if list(rows) != list(range(len(self._rows))):
            self._own, self._spans, self._twin = self._own[list(rows)], self._spans[list(rows)], None
            self._rows = [self._rows[row] for row in rows]

    def fork(self, masks: Tensor, back: int = 0) -> FastState:
        """Copies of a state of one row that see the memory differently.

        Args:
            masks: what each copy sees of the memory, bool (copies, memory length).
            back: how many of the last tokens written the copies forget.
        """
        (row,) = self._rows
        fork = object.__new__(FastState)
        fork._decoder, fork._memories, fork._drafts = self._decoder, self._memories, self._drafts
        fork._rows = [_Row(row.question, row.tokens[: len(row.tokens) - back])] * len(masks)
        fork._spans, fork._own, fork._twin = _spans(masks), np.repeat(self._own, len(masks), axis=0), None
        if len(masks) == 1 and np.array_equal(fork._spans, self._spans):
            self._twin = fork
        return fork

    def feed(self, tokens: Sequence[Sequence[int]], parents: Sequence[int] | None = None) -> Tensor:
        """Add tokens to each row; see `DecoderState.feed`. Here rows may get tokens in different numbers."""
        if parents is not None:
            self.select(parents)
        tokens = self._take_over(tokens)
        guesses = [self._guess(row, new) for row, new in zip(self._rows, tokens, strict=True)]
        fed = [() if guess is None else (*new, *guess) for new, guess in zip(tokens, guesses, strict=True)]
        wanted = [range(len(new) - 1, len(whole)) for new, whole in zip(tokens, fed, strict=True)]
        logits = iter(self._advance(fed, wanted))
        following, rows = [], []
        for row, new, guess in zip(self._rows, tokens, guesses, strict=True):
            if guess is None:
                first, ahead, later = row.ahead_logits[0], row.ahead[1:], row.ahead_logits[1:]
            else:
                first, ahead, later = next(logits), tuple(guess), tuple(next(logits) for _ in guess)
            following.append(first)
            rows.append(_Row(row.question, (*row.tokens, *new), ahead, later))
        self._rows = rows
        return torch.from_numpy(np.stack(following))

    def feed_all(self, tokens: Sequence[Sequence[int]]) -> Tensor:
        """Add tokens (rows, n) to each row; see `DecoderState.feed_all`."""
        logits = self._advance(tokens, [range(len(row)) for row in tokens])
        self._rows = [_Row(row.question, (*row.tokens, *new)) for row, new in zip(self._rows, tokens, strict=True)]
        return torch.from_numpy(logits.reshape(len(tokens), -1, logits.shape[1]))

    def _guess(self, row: _Row, new: Sequence[int]) -> Sequence[int] | None:
        """What will follow these new tokens; None when the row was ahead by just this token."""
        if len(new) == 1 and row.ahead[:1] == tuple(new):
            return None
        drafts = self._drafts[row.question]
        # Drafts of many rows would cost more than they save.
        return drafts.after([*row.tokens[-Drafts.LONGEST :], *new]) if drafts and len(self._rows) == 1 else ()

    def _take_over(self, tokens: Sequence[Sequence[int]]) -> Sequence[Sequence[int]]:
        """Where a copy that sees the same has read these tokens already, take over its keys and values.

        Returns:
            What is left to be fed, at least one token.
        """
        twin, self._twin = self._twin, None
        if twin is None or len(twin._rows) != 1:
            return tokens
        (row,), (new,), start = self._rows, tokens, len(self._rows[0].tokens)
        known = 0
        for token, other in zip(new[:-1], twin._rows[0].tokens[start:], strict=False):
            if token != other:
                break
            known += 1
        self._make_room(start + known)
        self._own[..., start : start + known] = twin._own[..., start : start + known]
        self._rows[0] = _Row(row.question, (*row.tokens, *new[:known]))
        return [new[known:]]

    def _advance(self, tokens: Sequence[Sequence[int]], wanted: Sequence[Sequence[int]]) -> np.ndarray:
        """Take tokens through the layers after each row's; logits after those wanted, float32 (wanted, vocabulary)."""
        if not any(tokens):
            return np.empty((0, self._decoder.config.vocab_size), np.float32)
        self._make_room(max(len(row.tokens) + len(new) for row, new in zip(self._rows, tokens, strict=True)))
        return self._decoder.advance(self._memories, self._own, self._batch(tokens, wanted))

    def _batch(self, tokens: Sequence[Sequence[int]], wanted: Sequence[Sequence[int]]) -> _Batch:
        """New tokens of every row, as `FastDecoder.advance` wants them."""
        counts = [len(new) for new in tokens]
        places = np.concatenate([len(row.tokens) + np.arange(n) for row, n in zip(self._rows, counts, strict=True)])
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


class Drafts:
    """Guesses what will follow, from texts that are likely to be copied."""

    # So many of the last tokens are looked at; what follows them is guessed the further, the more of them agree.
    LONGEST = 3
    _LENGTHS = ((3, 4), (2, 2))

    def __init__(self, texts: Sequence[Sequence[int]]) -> None:
        """Take up the texts, as token ids."""
        self._after: dict[tuple[int, ...], Sequence[int]] = {}
        for size, length in self._LENGTHS:
            for text in texts:
                for end in range(size, len(text)):
                    self._after.setdefault(tuple(text[end - size : end]), tuple(text[end : end + length]))

    def after(self, tokens: Sequence[int]) -> Sequence[int]:
        """What may follow; nothing where the texts do not tell.

        >>> Drafts([[1, 2, 3, 4, 5, 6, 7]]).after([9, 2, 3])
        (4, 5)
        """
        for size, _ in self._LENGTHS:
            if len(tokens) >= size and (found := self._after.get(tuple(tokens[-size:]))):
                return found
        return ()


def _spans(masks: Tensor) -> np.ndarray:
    """Where masks (rows, length) are True, int64 (rows, spans, 2); unused spans are empty.

    >>> _spans(torch.tensor([[True, True, False, True], [False, False, True, True]])).tolist()
    [[[0, 2], [3, 4]], [[2, 4], [0, 0]]]
    """
    edges = np.diff(np.pad(masks.cpu().numpy().astype(np.int8), ((0, 0), (1, 1))), axis=1)
    found = [np.stack([np.flatnonzero(row == 1), np.flatnonzero(row == -1)], axis=1) for row in edges]
    spans = np.zeros((len(found), max(map(len, found), default=0), 2), np.int64)
    for row, own in enumerate(found):
        spans[row, : len(own)] = own
    return spans
