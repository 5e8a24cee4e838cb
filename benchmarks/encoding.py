"""Who encodes passages, and a question, how fast: ours and Sentence Transformers, with the same encoder.

It knows the passages and the encoders.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.contest import Measures, PeerMissingError, Prepare, Round
from core.errors import needing

_QUESTION = "How do vaccines work?"
_QUESTIONS = 20


def contestants(passages: int) -> dict[str, tuple[Prepare, tuple[int]]]:
    """By name, for `benchmarks.contest.compete`; so many passages are encoded in a round."""
    return {
        "ours": (_ours, (passages,)),
        "ours in float32": (_exact, (passages,)),
        "sentence-transformers": (_sentence_transformers, (passages,)),
    }


def some_passages(count: int) -> list[str]:
    """So many vital articles' lead paragraphs, from all over the alphabet."""
    from data.assets import asset_path
    from data.passages import read_vital_articles

    texts = [passage.text for passage in read_vital_articles(asset_path("vital-articles"))]
    return texts[:: max(1, len(texts) // count)][:count]


def _ours(count: int) -> Round:
    from retriever.encode import Encoder

    encoder = Encoder.load()
    return _rounds(some_passages(count), encoder.encode_passages, lambda text: encoder.encode_questions([text]))


def _exact(count: int) -> Round:
    from retriever.encode import Encoder

    encoder = Encoder.load(exact=True)
    return _rounds(some_passages(count), encoder.encode_passages, lambda text: encoder.encode_questions([text]))


def _sentence_transformers(count: int) -> Round:
    with needing("requirements-bench.txt", "sentence-transformers", PeerMissingError):
        import sentence_transformers
    import importlib
    import tempfile

    from retriever.embedded import load_minilm, load_tokenizer

    parts: Any = importlib.import_module("sentence_transformers.sentence_transformer.modules")
    with tempfile.TemporaryDirectory() as folder:
        load_minilm().save_pretrained(folder)
        load_tokenizer().save_pretrained(folder)
        _plain_tokenizer(Path(folder))
        words = parts.Transformer(folder, max_seq_length=512)
    pooling = parts.Pooling(384, pooling_mode="mean")
    peer = sentence_transformers.SentenceTransformer(modules=[words, pooling, parts.Normalize()], device="cpu")
    return _rounds(
        some_passages(count), lambda texts: peer.encode(texts, batch_size=32), lambda text: peer.encode([text])
    )


def _plain_tokenizer(folder: Path) -> None:
    """Let a saved tokenizer be opened as BERT's own, which it is but for its name."""
    import json

    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8")) | {"tokenizer_class": "BertTokenizer"}
    path.write_text(json.dumps(settings), encoding="utf-8")


def _rounds(
    texts: Sequence[str], encode: Callable[[Sequence[str]], object], encode_question: Callable[[str], object]
) -> Round:
    """A round: all passages, then a question several times."""

    def run() -> Measures:
        start = time.perf_counter()
        encode(list(texts))
        middle = time.perf_counter()
        for _ in range(_QUESTIONS):
            encode_question(_QUESTION)
        end = time.perf_counter()
        return {"passages/s": len(texts) / (middle - start), "seconds a question": (end - middle) / _QUESTIONS}

    return run
