"""Generators by name: "extractive", "fused", an adapter's folder, or the name or folder of a seq2seq checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from generator.base import Generator
from generator.judging import Judge

EMBEDDED = ("extractive", "fused")


class Embedder(Protocol):
    """What the extractive generator needs of a retriever."""

    def embed_questions(self, questions: Sequence[str]) -> np.ndarray:
        """Questions → float32 (n, dimensions)."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Passages or sentences → float32 (n, dimensions)."""
        ...


def load_generator(name: str, embedder: Embedder, judge: Callable[[], Judge] | None = None) -> Generator:
    """Load a generator.

    Args:
        name: "extractive", "fused", or the name or folder of an `AutoModelForSeq2SeqLM` checkpoint.
        embedder: an object with `embed_questions` and `embed_texts`, see `Embedder`.
        judge: gives what judges sentences by passages, called when it is first needed; None goes without.

    Raises:
        generator.base.GeneratorError: there is no such generator, or it cannot be loaded.
        data.assets.AssetError: the embedded model cannot be had.
    """
    if name == "extractive":
        from generator.extractive import ExtractiveGenerator

        return ExtractiveGenerator(embedder.embed_questions, embedder.embed_texts)
    if name == "fused" or (Path(name).expanduser() / "adapter.json").is_file():
        from generator.fused import EMBEDDED_ADAPTER, FusedGenerator
        from generator.selection.quotes import Quoter
        from generator.selection.ranker import SentenceRanker

        adapter = EMBEDDED_ADAPTER if name == "fused" else Path(name).expanduser()
        quoter = Quoter(SentenceRanker.load(), embedder.embed_questions, embedder.embed_texts)
        return FusedGenerator.load(adapter, name, quoter, judge)
    from generator.seq2seq import Seq2SeqGenerator

    return Seq2SeqGenerator.load(name)
