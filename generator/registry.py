"""Generators by name. One of your own is one entry of `GENERATORS`; see CONTRIBUTING.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.files import at_home
from generator.base import Generator, GeneratorError
from generator.judging import Judge
from generator.selecting import Selector

if TYPE_CHECKING:
    from retriever.corpus import Corpus


@dataclass(frozen=True)
class Parts:
    """What a generator may be made of.

    Attributes:
        corpus: what is searched; it compares questions and texts.
        judge: gives what judges sentences by passages, called when it is first needed; None goes without.
        selector: gives what chooses passage sentences, likewise.
    """

    corpus: Corpus
    judge: Callable[[], Judge] | None = None
    selector: Callable[[], Selector] | None = None


def load_generator(name: str, parts: Parts) -> Generator:
    """Load a generator.

    Args:
        name: a key of `GENERATORS`, an adapter's folder, or an `AutoModelForSeq2SeqLM` checkpoint's name or folder.
        parts: what it may be made of.

    Raises:
        generator.base.GeneratorError: there is no such generator, or it cannot be loaded.
        data.assets.AssetError: the embedded model cannot be had.
    """
    if name in GENERATORS:
        return GENERATORS[name](parts)
    folder = at_home(name, "the generator")
    if (folder / "adapter.json").is_file():
        return _adapted(parts, folder, name)
    from generator.seq2seq import Seq2SeqGenerator

    return Seq2SeqGenerator.load(name)


def _extractive(parts: Parts) -> Generator:
    from generator.extractive import ExtractiveGenerator

    return ExtractiveGenerator(parts.corpus.embed_questions, parts.corpus.embed_texts, parts.selector)


def _fused(parts: Parts, adapter: Path | None = None, name: str = "fused") -> Generator:
    from generator.fused import EMBEDDED_ADAPTER, FusedGenerator

    return FusedGenerator.load(adapter or EMBEDDED_ADAPTER, name, parts.selector, parts.judge)


def _writer(parts: Parts, adapter: Path | None = None, name: str = "writer") -> Generator:
    from generator.writer.answering import EMBEDDED_ADAPTER, WriterGenerator
    from generator.writer.writing import Writer

    if parts.selector is None or parts.judge is None:
        raise GeneratorError("the writer needs a selector and a judge: both come with the program")
    return WriterGenerator(Writer.load(adapter or EMBEDDED_ADAPTER), parts.selector, parts.judge, name)


def _adapted(parts: Parts, folder: Path, name: str) -> Generator:
    """What an adapter's folder makes: the writer of its base, or the fused generator."""
    from data.assets import read_assets
    from generator.adapter import read_card

    of_writer = read_card(folder).base_sha256 == read_assets()[BASES["writer"]].sha256
    return (_writer if of_writer else _fused)(parts, folder, name)


# The assets that generators are made from.
BASES = {"fused": "smollm2", "writer": "qwen2.5-coder-0.5b"}
# Those whose models are there after the set-up; others fetch them when they are first asked for.
AT_HAND = ("extractive", "fused")
GENERATORS: dict[str, Callable[[Parts], Generator]] = {"extractive": _extractive, "fused": _fused, "writer": _writer}
