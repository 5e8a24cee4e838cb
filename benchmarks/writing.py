"""Who reads four passages and writes an answer how fast: ours, transformers and llama.cpp, from the same weights.

All get the same token ids; the peers as one prompt, ours passage by passage. The same number of tokens is written,
greedily, whatever they are: what is compared is time. It knows token ids, no questions' answers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from benchmarks.contest import Measures, PeerMissingError, Prepare, Round
from core.errors import needing

if TYPE_CHECKING:
    from torch import Tensor

    from generator.fast_stack import FastState
    from generator.fused_layout import FusedLayout

_QUESTION = "How do vaccines work?"
_PASSAGES = ("Vaccine", "Vaccination", "Immune system", "Infection")


def contestants(tokens: int) -> dict[str, tuple[Prepare, tuple[int]]]:
    """By name, for `benchmarks.contest.compete`; so many tokens are written in a round."""
    return {
        "ours": (_ours, (tokens,)),
        "ours without drafts": (_undrafted, (tokens,)),
        "transformers": (_transformers, (tokens,)),
        "llama.cpp": (_llama_cpp, (tokens,)),
    }


def _ours(tokens: int, drafted: bool = True) -> Round:
    from generator.fast_stack import Drafts
    from generator.fused import FusedGenerator
    from generator.passage_cache import PassageCache

    generator = FusedGenerator.load()
    fast, model = generator._fast, generator._model
    if fast is None:
        raise PeerMissingError("the fast decoder cannot run here: numba is not installed, or the cache is read-only")
    prefix, passages, question = parts(generator.layout)

    def begin(cache: PassageCache) -> tuple[FastState, Tensor]:
        state = fast.start([model.fuse(cache.prefix, cache.read(passages))], [Drafts(passages)] if drafted else [])
        return state, state.feed([question])

    def run() -> Measures:
        cache = PassageCache(model, prefix, 256 << 20)
        start = time.perf_counter()
        begin(cache)
        middle = time.perf_counter()
        state, logits = begin(cache)
        again = time.perf_counter()
        for _ in range(tokens):
            logits = state.feed([[int(logits[0].argmax())]])
        end = time.perf_counter()
        read, write = middle - start, end - again
        return _measures(read, write, tokens) | {"first token, passages read before": again - middle}

    return run


def _undrafted(tokens: int) -> Round:
    return _ours(tokens, drafted=False)


def _transformers(tokens: int) -> Round:
    import torch
    from transformers import AutoModelForCausalLM

    from data.assets import asset_path

    path = asset_path("smollm2")
    with needing("requirements-bench.txt", "transformers", PeerMissingError):
        model: Any = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    ids = torch.tensor([_prompt()])

    def write(count: int) -> float:
        start = time.perf_counter()
        with torch.inference_mode():
            model.generate(ids, do_sample=False, max_new_tokens=count, min_new_tokens=count, pad_token_id=0)
        return time.perf_counter() - start

    def run() -> Measures:
        read = write(1)
        return _measures(read, write(tokens + 1) - read, tokens)

    return run


def _llama_cpp(tokens: int) -> Round:
    with needing("requirements-bench.txt", "llama.cpp", PeerMissingError):
        import llama_cpp
    import torch

    from data.assets import asset_path

    threads = torch.get_num_threads()
    peer = llama_cpp.Llama(
        str(asset_path("smollm2")), n_ctx=2048, n_threads=threads, n_threads_batch=threads, verbose=False
    )
    prompt = _prompt()

    def run() -> Measures:
        peer.reset()
        start = time.perf_counter()
        written: Iterator[int] = peer.generate(prompt, temp=0.0, repeat_penalty=1.0, reset=False)
        next(written)
        middle = time.perf_counter()
        for _ in range(tokens):
            next(written)
        return _measures(middle - start, time.perf_counter() - middle, tokens)

    return run


def parts(layout: FusedLayout) -> tuple[list[int], list[list[int]], list[int]]:
    """Token ids of the prefix, of four passages, and of a question."""
    from data.assets import asset_path
    from data.passages import read_vital_articles

    by_title = {passage.title: passage for passage in read_vital_articles(asset_path("vital-articles"))}
    chosen = [by_title[title] for title in _PASSAGES]
    return layout.prefix, [layout.passage(one.title, one.text) for one in chosen], layout.question(_QUESTION)


def _prompt() -> list[int]:
    """The same as one prompt."""
    from data.assets import asset_path, cache_folder
    from generator.fused_layout import FusedLayout
    from generator.gguf_checkpoint import GgufCheckpoint

    tokenizer = GgufCheckpoint.prepare(asset_path("smollm2"), cache_folder() / "fused").tokenizer()
    prefix, passages, question = parts(FusedLayout(tokenizer))
    return [*prefix, *(token for passage in passages for token in passage), *question]


def _measures(read: float, write: float, tokens: int) -> Measures:
    return {"seconds to read": read, "tokens/s": tokens / write, "seconds in all": read + write}
