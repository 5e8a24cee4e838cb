"""A few passages made searchable in memory, for as long as they are wanted: nothing of them is written.

They are encoded as those of an index folder are, and searched by the same `Retriever`. It knows passages and encoders.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from core.records import Passage
from retriever.articles import encoder_text
from retriever.encode import Encoder
from retriever.index import PassageIndex
from retriever.search import Retriever

_BLOCK = 32  # passages encoded between two words on how far it is


def index_in_memory(
    passages: Sequence[Passage],
    encoder: Encoder,
    source: str,
    name: str,
    known: np.ndarray | None = None,
    on_block: Callable[[int], None] = lambda done: None,
) -> tuple[Retriever, np.ndarray]:
    """A retriever over passages.

    Args:
        passages: at least one.
        encoder: texts → vectors.
        source: what they are, for the card.
        name: what its card says that it was opened by.
        known: vectors of the first of them, float32 (n, dimensions), where those were made before.
        on_block: told how many are encoded, block by block; what it raises ends the work.

    Returns:
        The retriever, and all vectors, float32 (passages, dimensions).
    """
    blocks = [known] if known is not None else []
    done = len(known) if known is not None else 0
    while done < len(passages):
        texts = [encoder_text(passage) for passage in passages[done : done + _BLOCK]]
        blocks.append(encoder.encode_passages(texts))
        done += len(texts)
        on_block(done)
    vectors = np.concatenate(blocks)
    index = PassageIndex.build(passages, vectors, encoder.name, encoder.identity, source)
    _ = index.sparse  # built now, not when the first question waits for it
    return Retriever(encoder, index, name), vectors
