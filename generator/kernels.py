# numba infers the types of what is compiled; mypy reads that code as plain Python and finds fault with it.
# mypy: disable-error-code="call-arg, return-value, assignment, operator, call-overload, attr-defined"
"""The decoder's arithmetic on a CPU: one compiled function that takes a few tokens through every layer.

One token's time goes into reading weights, so they are 8-bit, and several tokens (beams, answers, drafts) read them
once. Activations become 16-bit integers: products of both add up exactly in 32 bits, see `LARGEST_SUM`. Every thread
runs the same function on its share of the rows and waits for the others at barriers, so that a token costs one call
and not hundreds; the attention is split along the positions (Dao et al. 2022, arXiv 2205.14135).

It knows arrays and their layouts, see `Shape`; no model, no torch. Whoever imports it needs numba.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import binding, ir
from numba import config, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

# Weights lie in tiles of so many rows; of each, so many columns stand together: (rows / 4, columns / 16, 4, 16).
TILE, CHUNK = 4, 16
# |sum of weight · activation| stays below 2³¹ when activations stay below LARGEST_SUM / columns.
LARGEST_SUM = (2**31 - 1) // 127
_LARGEST_ACTIVATION = 32767
# Tokens whose sums are kept in registers together, beside a tile of weights.
_TOGETHER = 3
# Weights are asked for so many bytes before they are used: the hardware's own prefetching stops at page ends.
_AHEAD = 2048
# Looks at the barrier before a waiting thread lets others run.
_PATIENCE = 4000

_FEATURES = config.CPU_FEATURES if config.CPU_FEATURES is not None else binding.get_host_cpu_features().flatten()
_HAS_AVX2 = "+avx2" in _FEATURES.split(",")


class Shape(NamedTuple):
    """The sizes of the decoder, as in `generator.modeling_fused.FusedConfig`, and how many threads share the work."""

    hidden: int
    inner: int
    layers: int
    heads: int
    groups: int
    size: int
    rows: int
    epsilon: float
    threads: int


class Weights(NamedTuple):
    """All weights, as `generator.fast_stack.pack` lays them out.

    Attributes:
        tiles: int8, matrix after matrix: of each layer query, key and value as one, output, gate, up, down; then the
            output embeddings.
        scales: float32, one for each row of those matrices in the same order.
        norms: float32 (2 · layers + 1, hidden): before attention and feed-forward of each layer, then the last.
        biases: float32 (layers, (heads + 2 · groups) · size), of query, key and value.
    """

    tiles: np.ndarray
    scales: np.ndarray
    norms: np.ndarray
    biases: np.ndarray


class Seen(NamedTuple):
    """What tokens attend to; keys and values lie with positions last.

    Attributes:
        memory: float32 (questions, layers, 2, groups, size, length), the passages.
        spans: int64 (rows, spans, 2), which positions of the memory each row sees; unused ones are empty.
        question: int64 (rows,), whose memory each row sees.
        own: float32 (rows, layers, 2, groups, size, capacity), the row's own tokens.
    """

    memory: np.ndarray
    spans: np.ndarray
    question: np.ndarray
    own: np.ndarray


class Tokens(NamedTuple):
    """The tokens of one call.

    Attributes:
        rows: int64 (tokens,), whose token each is.
        places: int64 (tokens,), which of its row's own tokens it is; a row's tokens are in order.
        cosines, sines: float32 (tokens, size / 2), of the angles of its position.
        wanted: int64, the tokens after which logits are wanted.
    """

    rows: np.ndarray
    places: np.ndarray
    cosines: np.ndarray
    sines: np.ndarray
    wanted: np.ndarray


class Work(NamedTuple):
    """Room for what is in the middle of being computed, for at most `tokens` tokens at once.

    Attributes:
        states: float32 (tokens, hidden); holds the embeddings when a call begins.
        queries: float32 (tokens, heads · size).
        gated: float32 (tokens, inner).
        partial: float32 (threads, tokens, heads, size + 2): each thread's part of the attention, its largest score,
            and its sum of exponentials.
        scores: float32 (threads, positions).
        plain: float32 (threads, tokens, columns), what a matrix is to be multiplied with, or has been.
        whole: int16 (threads, tokens, columns), the same as integers.
        steps: float32 (threads, tokens), what one of those integers stands for.
        sums: int32 (threads, 2 · tokens together · tile).
        barrier: int64 (1,), 0 when a call begins.
    """

    states: np.ndarray
    queries: np.ndarray
    gated: np.ndarray
    partial: np.ndarray
    scores: np.ndarray
    plain: np.ndarray
    whole: np.ndarray
    steps: np.ndarray
    sums: np.ndarray
    barrier: np.ndarray


def _tile_product(together: int) -> Callable[..., Any]:
    """An intrinsic: sums of one tile of weights with `together` tokens' activations, int32 (together, 4)."""

    @intrinsic
    def product(typing: Any, tiles: Any, start: Any, whole: Any, token: Any, columns: Any, sums: Any) -> Any:  # noqa: ANN401
        signature = types.void(tiles, types.intp, whole, types.intp, types.intp, sums)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
            array = context.make_array
            tile_data = array(signature.args[0])(context, builder, arguments[0]).data
            activations = array(signature.args[2])(context, builder, arguments[2])
            out = array(signature.args[5])(context, builder, arguments[5]).data
            _, start, _, token, columns, _ = arguments
            _emit_tile(builder, together, tile_data, start, activations, token, columns, out)
            return context.get_dummy_value()

        return signature, generate

    return product


def _emit_tile(
    builder: ir.IRBuilder,
    together: int,
    tiles: ir.Value,
    start: ir.Value,
    activations: Any,  # noqa: ANN401
    token: ir.Value,
    columns: ir.Value,
    out: ir.Value,
) -> None:
    """The loop over a tile's columns; the pattern of products is one that compilers turn into multiply-add pairs."""
    word, byte, short, integer = ir.IntType(64), ir.IntType(8), ir.IntType(16), ir.IntType(32)
    half = ir.VectorType(integer, CHUNK // 2)
    sums = [[cgutils.alloca_once(builder, half) for _ in range(TILE)] for _ in range(together)]
    for row in sums:
        for place in row:
            builder.store(ir.Constant(half, None), place)
    stride = cgutils.unpack_tuple(builder, activations.strides)[0]
    data = builder.ptrtoint(activations.data, word)
    tokens = [
        builder.add(data, builder.mul(builder.add(token, ir.Constant(word, number)), stride))
        for number in range(together)
    ]
    base = builder.add(builder.ptrtoint(tiles, word), start)
    chunks = builder.udiv(columns, ir.Constant(word, CHUNK))
    with cgutils.for_range(builder, chunks, intp=word) as loop:
        offset = builder.mul(loop.index, ir.Constant(word, 2 * CHUNK))
        inputs = [_load(builder, builder.add(place, offset), ir.VectorType(short, CHUNK), 2) for place in tokens]
        offset = builder.mul(loop.index, ir.Constant(word, TILE * CHUNK))
        _prefetch(builder, builder.add(builder.add(base, offset), ir.Constant(word, _AHEAD)))
        for row in range(TILE):
            address = builder.add(builder.add(base, offset), ir.Constant(word, row * CHUNK))
            weights = builder.sext(_load(builder, address, ir.VectorType(byte, CHUNK), 1), ir.VectorType(short, CHUNK))
            for number in range(together):
                product = _pair_sums(builder, weights, inputs[number])
                builder.store(builder.add(builder.load(sums[number][row]), product), sums[number][row])
    reduce = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(integer, [half]), f"llvm.vector.reduce.add.v{CHUNK // 2}i32"
    )
    for number in range(together):
        for row in range(TILE):
            place = builder.gep(out, [ir.Constant(word, number * TILE + row)])
            builder.store(builder.call(reduce, [builder.load(sums[number][row])]), place)


def _pair_sums(builder: ir.IRBuilder, first: ir.Value, second: ir.Value) -> ir.Value:
    """Products of 16-bit integers, summed pair by pair: of (16,) and (16,), int32 (8,)."""
    integer = ir.IntType(32)
    half = ir.VectorType(integer, CHUNK // 2)
    if _HAS_AVX2:
        kind = ir.FunctionType(half, [first.type, second.type])
        multiply = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx2.pmadd.wd")
        return builder.call(multiply, [first, second])
    products = builder.mul(*(builder.sext(value, ir.VectorType(integer, CHUNK)) for value in (first, second)))
    nothing = ir.Constant(products.type, ir.Undefined)
    places = [[ir.Constant(integer, place) for place in range(start, CHUNK, 2)] for start in (0, 1)]
    return builder.add(*(builder.shuffle_vector(products, nothing, ir.Constant(half, part)) for part in places))


def _prefetch(builder: ir.IRBuilder, address: ir.Value) -> None:
    """Ask for the cache line at an address, which need not exist."""
    integer, pointer = ir.IntType(32), ir.PointerType(ir.IntType(8))
    kind = ir.FunctionType(ir.VoidType(), [pointer, integer, integer, integer])
    fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(fetch, [builder.inttoptr(address, pointer), *(ir.Constant(integer, flag) for flag in (0, 3, 1))])


def _load(builder: ir.IRBuilder, address: ir.Value, kind: ir.Type, align: int) -> ir.Value:
    return builder.load(builder.inttoptr(address, ir.PointerType(kind)), align=align)


@intrinsic
def _arrive(typing: Any, barrier: Any) -> Any:  # noqa: ANN401
    """Count one more at the barrier, an int64 array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        place = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        builder.atomic_rmw("add", place, ir.Constant(ir.IntType(64), 1), "seq_cst")
        return context.get_dummy_value()

    return types.void(barrier), generate


@intrinsic
def _arrived(typing: Any, barrier: Any) -> Any:  # noqa: ANN401
    """How many have been counted at the barrier."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        place = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.load_atomic(place, "seq_cst", 8)

    return types.int64(barrier), generate


@intrinsic
def _let_others_run(typing: Any) -> Any:  # noqa: ANN401
    """Give the core away, where the system has a call for it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        if sys.platform != "win32":
            kind = ir.FunctionType(ir.IntType(32), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def _float_of_bits(typing: Any, bits: Any) -> Any:  # noqa: ANN401
    """The float32 that has these bits, an int32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


_compiled = njit(fastmath=True, nogil=True, error_model="numpy")
_inlined = njit(fastmath=True, nogil=True, error_model="numpy", inline="always")
_one, _two, _three = (_tile_product(together) for together in range(1, _TOGETHER + 1))


@_compiled
def _wait(barrier: np.ndarray, target: int) -> None:
    """Wait until `target` arrivals are counted, this one included."""
    _arrive(barrier)
    looks = 0
    while _arrived(barrier) < target:
        looks += 1
        if looks > _PATIENCE:
            _let_others_run()


@_inlined
def _exp(x: float) -> float:
    """The exponential of x, at most 80, to six digits: a power of two times a polynomial, as Cephes computes it."""
    x = max(x, np.float32(-87.0))
    power = np.floor(x * np.float32(1.4426950408889634) + np.float32(0.5))
    x = x - power * np.float32(0.6931471805599453)
    y = np.float32(1.9875691500e-4)
    for coefficient in (1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1.0, 1.0):
        y = y * x + np.float32(coefficient)
    return y * _float_of_bits(np.int32((np.int32(power) + np.int32(127)) << np.int32(23)))


@_compiled
def _share(count: int, thread: int, threads: int) -> tuple[int, int]:
    """A thread's part of so many things, its first and its last plus one."""
    return count * thread // threads, count * (thread + 1) // threads


@_compiled
def _to_integers(values: np.ndarray, whole: np.ndarray) -> float:
    """Round to 16-bit integers as fine as sums over so many columns allow; what one of them stands for."""
    columns = values.size
    largest = np.float32(0)
    for place in range(columns):
        largest = max(largest, abs(values[place]))
    if largest == 0:
        whole[:columns] = 0
        return np.float32(0)
    most = np.float32(min(_LARGEST_ACTIVATION, LARGEST_SUM // columns))
    factor = most / largest
    for place in range(columns):
        whole[place] = np.int16(np.floor(values[place] * factor + np.float32(0.5)))
    return largest / most


@_compiled
def _normed(state: np.ndarray, norm: np.ndarray, epsilon: float, plain: np.ndarray) -> None:
    """RMS norm of one token's state (hidden,) into `plain`."""
    total = np.float32(0)
    for place in range(state.size):
        total += state[place] * state[place]
    factor = np.float32(1) / np.sqrt(total / np.float32(state.size) + np.float32(epsilon))
    for place in range(state.size):
        plain[place] = state[place] * factor * norm[place]


@_compiled
def _tile(
    tiles: np.ndarray,
    start: int,
    scales: np.ndarray,
    whole: np.ndarray,
    steps: np.ndarray,
    count: int,
    columns: int,
    sums: np.ndarray,
    out: np.ndarray,
    at: int,
    add: bool,
) -> None:
    """One tile of a matrix times all tokens: out[token, at : at + 4], added where `add`."""
    for first in range(0, count, _TOGETHER):
        together = min(_TOGETHER, count - first)
        if together == 3:
            _three(tiles, start, whole, first, columns, sums)
        elif together == 2:
            _two(tiles, start, whole, first, columns, sums)
        else:
            _one(tiles, start, whole, first, columns, sums)
        for token in range(together):
            for row in range(TILE):
                value = np.float32(sums[token * TILE + row]) * scales[row] * steps[first + token]
                out[first + token, at + row] = value + (out[first + token, at + row] if add else np.float32(0))


@_compiled
def _matrix(
    tiles: np.ndarray,
    start: int,
    scales: np.ndarray,
    whole: np.ndarray,
    steps: np.ndarray,
    count: int,
    columns: int,
    sums: np.ndarray,
    out: np.ndarray,
    at: int,
    rows: int,
    add: bool,
    thread: int,
    threads: int,
) -> None:
    """A thread's share of the rows of a matrix times all tokens: out[token, at + row], added where `add`."""
    first, last = _share(rows // TILE, thread, threads)
    for tile in range(first, last):
        row = tile * TILE
        _tile(tiles, start + row * columns, scales[row:], whole, steps, count, columns, sums, out, at + row, add)


@_compiled
def _scores(keys: np.ndarray, first: int, last: int, query: np.ndarray, scores: np.ndarray) -> None:
    """Products of a query (size,) with keys (size, positions) from `first` to `last`."""
    # Slices, since an index that could be negative keeps the compiler from computing several at once.
    out = scores[: last - first]
    for part in range(0, query.size, 4):
        a, b, c, d = query[part], query[part + 1], query[part + 2], query[part + 3]
        k0, k1 = keys[part, first:last], keys[part + 1, first:last]
        k2, k3 = keys[part + 2, first:last], keys[part + 3, first:last]
        if part == 0:
            for place in range(out.size):
                out[place] = a * k0[place] + b * k1[place] + c * k2[place] + d * k3[place]
        else:
            for place in range(out.size):
                out[place] += a * k0[place] + b * k1[place] + c * k2[place] + d * k3[place]


@_compiled
def _weighted(values: np.ndarray, first: int, last: int, weights: np.ndarray, out: np.ndarray) -> None:
    """Add to out (size,) the values (size, positions) from `first` to `last`, weighted."""
    for place in range(values.shape[0]):
        row = values[place, first:last]
        total = np.float32(0)
        for number in range(row.size):
            total += weights[number] * row[number]
        out[place] += total


@_compiled
def _exponentials(scores: np.ndarray, count: int, result: np.ndarray, size: int) -> None:
    """Scores to exponentials, below the largest; that and their sum go into result[size] and result[size + 1]."""
    largest = np.float32(-1e30)
    for place in range(count):
        largest = max(largest, scores[place])
    total = np.float32(0)
    for place in range(count):
        value = _exp(scores[place] - largest)
        scores[place] = value
        total += value
    result[size], result[size + 1] = largest, total


@_compiled
def _attend(
    shape: Shape, seen: Seen, work: Work, tokens: Tokens, token: int, head: int, layer: int, thread: int
) -> None:
    """A thread's part of one head's attention of one token: over its share of every span of positions."""
    row, group = tokens.rows[token], head // (shape.heads // shape.groups)
    memory, own = seen.memory[seen.question[row], layer], seen.own[row, layer]
    query = work.queries[token, head * shape.size : (head + 1) * shape.size]
    result, scores = work.partial[thread, token, head], work.scores[thread]
    spans, until = seen.spans[row], tokens.places[token] + 1
    count = 0
    for span in range(spans.shape[0]):
        first, last = _share(spans[span, 1] - spans[span, 0], thread, shape.threads)
        _scores(memory[0, group], spans[span, 0] + first, spans[span, 0] + last, query, scores[count:])
        count += last - first
    first, last = _share(until, thread, shape.threads)
    _scores(own[0, group], first, last, query, scores[count:])
    count += last - first
    result[:] = 0
    _exponentials(scores, count, result, shape.size)
    count = 0
    for span in range(spans.shape[0]):
        begin, end = _share(spans[span, 1] - spans[span, 0], thread, shape.threads)
        _weighted(memory[1, group], spans[span, 0] + begin, spans[span, 0] + end, scores[count:], result)
        count += end - begin
    _weighted(own[1, group], first, last, scores[count:], result)


@_compiled
def _together(shape: Shape, partial: np.ndarray, token: int, out: np.ndarray) -> None:
    """All threads' parts of a token's attention as one, out (heads · size,)."""
    size = shape.size
    for head in range(shape.heads):
        largest, total = np.float32(-1e30), np.float32(0)
        for part in range(shape.threads):
            largest = max(largest, partial[part, token, head, size])
        mixed = out[head * size : (head + 1) * size]
        mixed[:] = 0
        for part in range(shape.threads):
            weight = np.exp(partial[part, token, head, size] - largest)
            total += weight * partial[part, token, head, size + 1]
            for place in range(size):
                mixed[place] += weight * partial[part, token, head, place]
        for place in range(size):
            mixed[place] /= total


@_compiled
def _place_head(
    shape: Shape, biases: np.ndarray, seen: Seen, work: Work, tokens: Tokens, block: int, layer: int, thread: int
) -> None:
    """Take up one head's rows, in work.plain: turn queries and keys to their positions, keep keys and values."""
    size = shape.size
    for token in range(tokens.rows.size):
        new, row, place = work.plain[thread, token], tokens.rows[token], tokens.places[token]
        for number in range(size):
            new[number] += biases[layer, block * size + number]
        kind = 0 if block < shape.heads else 1 if block < shape.heads + shape.groups else 2
        if kind < 2:
            for number in range(size // 2):
                cosine, sine = tokens.cosines[token, number], tokens.sines[token, number]
                a, b = new[number], new[number + size // 2]
                new[number], new[number + size // 2] = a * cosine - b * sine, b * cosine + a * sine
        if kind == 0:
            scale = np.float32(1) / np.sqrt(np.float32(size))
            for number in range(size):
                work.queries[token, block * size + number] = new[number] * scale
        else:
            group = (block - shape.heads) % shape.groups
            for number in range(size):
                seen.own[row, layer, kind - 1, group, number, place] = new[number]


@_compiled
def _gate(shape: Shape, tiles: np.ndarray, start: int, scales: np.ndarray, work: Work, count: int, thread: int) -> None:
    """A thread's share of the gated feed-forward's inner values: silu(gate) · up."""
    whole, steps, sums, plain = work.whole[thread], work.steps[thread], work.sums[thread], work.plain[thread]
    hidden, inner = shape.hidden, shape.inner
    first, last = _share(inner // TILE, thread, shape.threads)
    for tile in range(first, last):
        row = tile * TILE
        at = start + row * hidden
        _tile(tiles, at, scales[row:], whole, steps, count, hidden, sums, plain, 0, False)
        _tile(tiles, at + inner * hidden, scales[inner + row :], whole, steps, count, hidden, sums, plain, TILE, False)
        for token in range(count):
            for place in range(TILE):
                gate = plain[token, place]
                work.gated[token, row + place] = gate * plain[token, TILE + place] / (np.float32(1) + _exp(-gate))


@njit(fastmath=True, nogil=True, error_model="numpy", cache=True)
def advance(
    shape: Shape, weights: Weights, seen: Seen, work: Work, tokens: Tokens, logits: np.ndarray, thread: int
) -> None:
    """Take tokens through all layers; to be called by `shape.threads` threads at once.

    Args:
        shape: `Shape`.
        weights: `Weights`.
        seen: `Seen`; keys and values of the tokens are written to `own`.
        work: `Work`.
        tokens: `Tokens`.
        logits: float32 (wanted, shape.rows), written.
        thread: which of the threads this is, from 0.
    """
    count, size, hidden, threads = tokens.rows.size, shape.size, shape.hidden, shape.threads
    mixed = shape.heads * size
    tiles, scales, norms, biases = weights
    whole, steps, sums, plain = work.whole[thread], work.steps[thread], work.sums[thread], work.plain[thread]
    start = row = waits = 0
    for layer in range(shape.layers):
        for token in range(count):
            _normed(work.states[token], norms[2 * layer], shape.epsilon, plain[token])
            steps[token] = _to_integers(plain[token, :hidden], whole[token])
        blocks = shape.heads + 2 * shape.groups
        first, last = _share(blocks, thread, threads)
        for block in range(first, last):
            at = start + block * size * hidden
            _matrix(
                tiles, at, scales[row + block * size :], whole, steps, count, hidden, sums, plain, 0, size, False, 0, 1
            )
            _place_head(shape, biases, seen, work, tokens, block, layer, thread)
        start, row = start + blocks * size * hidden, row + blocks * size
        waits += threads
        _wait(work.barrier, waits)
        for token in range(count):
            for head in range(shape.heads):
                _attend(shape, seen, work, tokens, token, head, layer, thread)
        waits += threads
        _wait(work.barrier, waits)
        for token in range(count):
            _together(shape, work.partial, token, plain[token])
            steps[token] = _to_integers(plain[token, :mixed], whole[token])
        _matrix(
            tiles, start, scales[row:], whole, steps, count, mixed, sums, work.states, 0, hidden, True, thread, threads
        )
        start, row = start + hidden * mixed, row + hidden
        waits += threads
        _wait(work.barrier, waits)
        for token in range(count):
            _normed(work.states[token], norms[2 * layer + 1], shape.epsilon, plain[token])
            steps[token] = _to_integers(plain[token, :hidden], whole[token])
        _gate(shape, tiles, start, scales[row:], work, count, thread)
        start, row = start + 2 * shape.inner * hidden, row + 2 * shape.inner
        waits += threads
        _wait(work.barrier, waits)
        for token in range(count):
            steps[token] = _to_integers(work.gated[token], whole[token])
        inner = shape.inner
        _matrix(
            tiles, start, scales[row:], whole, steps, count, inner, sums, work.states, 0, hidden, True, thread, threads
        )
        start, row = start + hidden * inner, row + hidden
        waits += threads
        _wait(work.barrier, waits)
    for number in range(tokens.wanted.size):
        _normed(work.states[tokens.wanted[number]], norms[2 * shape.layers], shape.epsilon, plain[number])
        steps[number] = _to_integers(plain[number, :hidden], whole[number])
    wanted, vocabulary = tokens.wanted.size, shape.rows
    _matrix(
        tiles, start, scales[row:], whole, steps, wanted, hidden, sums, logits, 0, vocabulary, False, thread, threads
    )
