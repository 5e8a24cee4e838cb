"""Kinds of FAISS indexes: exact, HNSW and IVF-PQ; which one to take, how each is trained, built and searched.

Every kind but the exact one only proposes candidates, which are then scored by their float16 vectors on disk: what is
called refining. HNSW: Malkov and Yashunin 2016, arXiv 1603.09320. IVF-PQ: Jégou, Douze and Schmid 2011; OPQ: Ge and
others 2013. It knows vectors, memory and FAISS. It knows no passages and no files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np

from retriever.errors import BuildError
from retriever.index_folder import KINDS
from retriever.vector_shards import VectorShards

# Up to so many passages exact search takes a few hundredths of a second, and `auto` takes it.
FLAT_LIMIT = 200_000
HNSW_LINKS, HNSW_BUILD_DEPTH = 32, 80
FEWEST_FOR_IVFPQ = 1_000
_POINTS_A_CENTROID = 48
# FAISS would take 50 rounds over 65,536 points, which costs minutes of one core.
_ROTATION_ROUNDS, _ROTATION_POINTS = 8, 10_240
_SUBSPACE = 4  # dimensions that one byte of a code stands for (half a byte where too few vectors teach it)
# What search tries, from fast to thorough: lists to visit (IVF-PQ), candidates to keep (HNSW).
EFFORTS = {"flat": (0,), "hnsw": (32, 64, 128, 256, 512), "ivfpq": (8, 16, 32, 64, 128, 256)}
REFINED = 20  # candidates scored exactly, for each passage that is asked for
LEAST_REFINED = 100


@dataclass(frozen=True, slots=True)
class Needs:
    """What a kind of index takes, in bytes: memory while it is built, and the file."""

    memory: int
    file: int


def needs(kind: str, count: int, dimensions: int) -> Needs:
    """What an index of `count` vectors takes.

    >>> needs("ivfpq", 10_000_000, 128).file // 1_000_000
    404
    """
    if kind == "flat":
        size = count * dimensions * 2
        return Needs(size, size)
    if kind == "hnsw":
        size = count * (dimensions * 2 + HNSW_LINKS * 2 * 4 + 20)
        return Needs(size, size)
    lists = list_count(count)
    file = count * (dimensions // _SUBSPACE + 8) + lists * dimensions * 4
    training = min(count, lists * _POINTS_A_CENTROID) * dimensions * 4
    return Needs(file + 2 * training, file)


def list_count(count: int) -> int:
    """How many lists IVF-PQ divides `count` vectors into: about four times their square root, a power of two.

    >>> list_count(10_000_000), list_count(1_000)
    (8192, 16)
    """
    wanted = min(4 * count**0.5, count / _POINTS_A_CENTROID)
    return max(1, min(65536, 1 << int(np.log2(max(1.0, wanted)))))


def choose_kind(wanted: str, count: int, dimensions: int, memory: int) -> str:
    """The kind to build: what is wanted if it fits, or for "auto" the most exact one that is fast enough and fits.

    Args:
        wanted: "auto" or one of `KINDS`.
        count: how many vectors.
        dimensions: of a vector.
        memory: the most that may be used, in bytes.

    Raises:
        BuildError: there is no such kind, or it does not fit.

    >>> [choose_kind("auto", n, 128, 8 << 30) for n in (10_033, 2_000_000, 100_000_000)]
    ['flat', 'hnsw', 'ivfpq']
    """
    if wanted not in ("auto", *KINDS):
        raise BuildError(f'the kind of index is "{wanted}"; allowed are auto, {", ".join(KINDS)}')
    if wanted == "auto":
        if count <= FLAT_LIMIT:
            return "flat"
        return "hnsw" if needs("hnsw", count, dimensions).memory <= memory / 2 else "ivfpq"
    if wanted == "ivfpq" and (count < FEWEST_FOR_IVFPQ or dimensions % _SUBSPACE):
        raise BuildError(
            f"ivfpq needs at least {FEWEST_FOR_IVFPQ:,} passages and a multiple of {_SUBSPACE} dimensions; there are "
            f"{count:,} and {dimensions}: choose --kind flat"
        )
    needed = needs(wanted, count, dimensions).memory
    if needed > memory:
        raise BuildError(
            f"an index of the kind {wanted} over {count:,} passages takes {needed / 1e9:.1f} GB of memory and the "
            f"limit is {memory / 1e9:.1f} GB: raise --memory-limit, or choose --kind ivfpq"
        )
    return wanted


def build_index(
    kind: str,
    vectors: VectorShards,
    lists: int | None = None,
    on_added: Callable[[int], None] = lambda rows: None,
) -> faiss.Index:
    """Train and fill an index of a kind; inner products.

    Args:
        kind: one of `KINDS`.
        vectors: what it shall hold, in order.
        lists: of IVF-PQ; None for `list_count`.
        on_added: told how many vectors were added, again and again.
    """
    index = _empty(kind, vectors, lists)
    for _, block in vectors.blocks():
        index.add(block)
        on_added(len(block))
    return index


def _empty(kind: str, vectors: VectorShards, lists: int | None) -> faiss.Index:
    """An index that is trained and holds nothing."""
    dimensions, product = vectors.dimensions, faiss.METRIC_INNER_PRODUCT
    if kind == "flat":
        return faiss.IndexScalarQuantizer(dimensions, faiss.ScalarQuantizer.QT_fp16, product)
    if kind == "hnsw":
        graph: Any = faiss.IndexHNSWSQ(dimensions, faiss.ScalarQuantizer.QT_fp16, HNSW_LINKS, product)  # type: ignore[arg-type]
        graph.hnsw.efConstruction = HNSW_BUILD_DEPTH
        graph.train(np.zeros((1, dimensions), np.float32))
        return graph
    lists = lists or list_count(len(vectors))
    codes = dimensions // _SUBSPACE
    bits = 8 if len(vectors) >= _ROTATION_POINTS else 4
    index: Any = faiss.index_factory(dimensions, f"OPQ{codes}_{dimensions},IVF{lists},PQ{codes}x{bits}", product)
    inner: Any = faiss.downcast_index(faiss.extract_index_ivf(index))
    rotation: Any = faiss.downcast_VectorTransform(index.chain.at(0))
    rotation.niter, rotation.max_train_points = _ROTATION_ROUNDS, _ROTATION_POINTS
    # It would order codes for a filter by Hamming distance, which is not used, for minutes.
    inner.do_polysemous_training = False
    inner.cp.max_points_per_centroid = 256
    inner.pq.cp.max_points_per_centroid = _ROTATION_POINTS // 256
    index.train(vectors.sample(max(50_000, lists * _POINTS_A_CENTROID)))
    return index


def set_effort(index: faiss.Index, kind: str, effort: int) -> None:
    """Set how thoroughly an index is searched, one of `EFFORTS`."""
    if kind == "hnsw":
        graph: Any = faiss.downcast_index(index)
        graph.hnsw.efSearch = effort
    elif kind == "ivfpq":
        faiss.extract_index_ivf(index).nprobe = effort
