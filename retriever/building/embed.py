"""The second stage of a build: shards of passages → shards of vectors.

A shard is encoded in blocks of fixed composition, so its vectors do not depend on what was encoded before it, where an
earlier run was killed, or which process does it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.passage_table import COLUMNS, read_shard, shard_path
from retriever.index_folder import PASSAGES, VECTORS
from retriever.vector_shards import SUFFIX, is_whole, write_vectors

if TYPE_CHECKING:
    from retriever.encode import Encoder

# Fifteen batches of sixteen, sorted by length among themselves.
BLOCK = 240


@dataclass(frozen=True, slots=True)
class ShardJob:
    """One shard to embed: its number, where it lies, how many rows it has."""

    folder: str
    number: int
    rows: int

    @property
    def source(self) -> Path:
        """The file of passages."""
        return shard_path(Path(self.folder) / PASSAGES, self.number)

    @property
    def target(self) -> Path:
        """The file of vectors."""
        return shard_path(Path(self.folder) / VECTORS, self.number, SUFFIX)


def missing_jobs(folder: Path, rows: Sequence[int], dimensions: int) -> list[ShardJob]:
    """The shards that are not embedded yet."""
    jobs = [ShardJob(str(folder), number, count) for number, count in enumerate(rows)]
    return [job for job in jobs if not is_whole(job.target, job.rows, dimensions)]


def embed_shard(encoder: Encoder, job: ShardJob, titles: bool, on_block: Callable[[int], None]) -> None:
    """Embed one shard and write its vectors.

    Args:
        encoder: texts → vectors.
        job: which shard.
        titles: see `encoder_texts`.
        on_block: told how many passages were embedded, block by block.

    Raises:
        data.passages.SourceError: the shard cannot be read.
        OSError: its vectors cannot be written.
    """
    texts = encoder_texts(job.source, titles)
    vectors = np.zeros((len(texts), encoder.dimensions), np.float32)
    for start in range(0, len(texts), BLOCK):
        block = texts[start : start + BLOCK]
        vectors[start : start + BLOCK] = encoder.encode_passages(block)
        on_block(len(block))
    write_vectors(job.target, vectors)


def encoder_texts(path: Path, titles: bool) -> list[str]:
    """What the encoder reads of each passage of a shard.

    Args:
        path: of the shard.
        titles: whether a passage of a section, which seldom names its subject, is read with title and section before
            it; the lead of an article names it, and is read as it is.
    """
    batch, _ = read_shard(path)
    columns = {name: batch.column(place).to_pylist() for place, name in enumerate(COLUMNS)}
    if not titles:
        return columns["text"]
    return [
        f"{title}, {section.replace(' & ', ', ')}: {text}" if section else text
        for title, section, text in zip(columns["title"], columns["section"], columns["text"], strict=True)
    ]


def embed_here(encoder: Encoder, jobs: Sequence[ShardJob], titles: bool, on_block: Callable[[int], None]) -> None:
    """Embed shards one after another in this process."""
    for job in jobs:
        embed_shard(encoder, job, titles, on_block)
