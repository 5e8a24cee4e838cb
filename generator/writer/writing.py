"""Writing with the writer's model: token by token, with keys and values kept.

The base is Qwen2.5-Coder-0.5B-Instruct; an adapter's folder (`generator.adapter`) says what training changed of it.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from core.sentences import split_sentences
from data.assets import asset_path, cache_folder, read_assets
from generator.adapter import adapted_stack
from generator.fast_loading import Parts, fast_stacks
from generator.fast_stack import Drafts, FastDecoder, FastState
from generator.gguf_checkpoint import GgufCheckpoint, load_gguf
from generator.modeling_fused import DecoderState, Memory, Stack, best_device
from generator.precision import faster_precision
from generator.writer.layout import Fact, Form, WriterLayout, WriterRequest
from generator.writer.modeling import WriterModel

BASE = "qwen2.5-coder-0.5b"
# Of one sentence or paragraph, at most.
MOST_TOKENS = {"sentence": 120, "paragraph": 320}
# Of a sentence that is written once more.
_TEMPERATURE = 0.7


def load_base(dtype: torch.dtype) -> tuple[Stack, Tokenizer, tuple[str, str]]:
    """The base with weights of a type, its tokenizer, and its name with the hash of its file.

    Raises:
        data.assets.AssetError: it cannot be had.
        GeneratorError: the file cannot be read.
    """
    path = asset_path(BASE)
    stack, tokenizer = load_gguf(path, cache_folder() / "writer", dtype)
    return stack, tokenizer, (path.stem, read_assets()[BASE].sha256)


class Writer:
    """Writes what a request asks for."""

    def __init__(self, model: WriterModel, tokenizer: Tokenizer, fast: FastDecoder | None = None) -> None:
        """Hold a model that is ready to write; with `fast`, that writes and the model only reads."""
        self.model, self.layout, self._fast = model, WriterLayout(tokenizer), fast
        self._prefixes: dict[Form, Tensor] = {}

    @classmethod
    def load(cls, adapter: Path | None = None) -> Writer:
        """The base with an adapter, or as its authors made it; the first time it is prepared in the cache folder.

        Raises:
            data.assets.AssetError: the base cannot be had.
            GeneratorError: the adapter is missing, damaged, or another base's.
        """
        path, cache = asset_path(BASE), cache_folder()
        checkpoint = GgufCheckpoint.prepare(path, cache / "writer")
        parts = Parts(checkpoint, path.stem, read_assets()[BASE].sha256, adapter, torch.float16)
        device = best_device()
        stacks = fast_stacks(parts, cache / "writer", cache / "kernels") if device.type == "cpu" else None
        if stacks is not None:
            encoder, fast = stacks
            return cls(WriterModel(encoder, encoder), checkpoint.tokenizer(), fast)
        bf16 = device.type != "cpu" or faster_precision("cpu") == "bf16"
        stack = checkpoint.stack(torch.bfloat16 if bf16 else torch.float32).to(device)
        if adapter is None:
            return cls(WriterModel(stack, stack), checkpoint.tokenizer())
        both = (adapted_stack(stack, name, adapter, parts.base, parts.base_sha256) for name in ("encoder", "decoder"))
        return cls(WriterModel(*both), checkpoint.tokenizer())

    @torch.inference_mode()
    def write(self, request: WriterRequest, stop: threading.Event | None = None, seed: int | None = None) -> str:
        """The likeliest text, token by token, up to its end or `MOST_TOKENS`.

        Args:
            request: what is to be written.
            stop: ends it at the next token when set.
            seed: tokens are drawn with it instead, for another text than the likeliest.
        """
        if request.form not in self._prefixes:
            self._prefixes[request.form] = self.model.read_prefix(self.layout.prefix(request.form))
        memory = self.model.read(self._prefixes[request.form], [self.layout.request(request)])
        state = self._start(memory, request)
        draws = None if seed is None else torch.Generator().manual_seed(seed)
        logits = state.feed([self.layout.opening()])
        written: list[int] = []
        while (token := _next(logits[0], draws)) != self.layout.end and len(written) < MOST_TOKENS[request.form]:
            if stop is not None and stop.is_set():
                break
            written.append(token)
            logits = state.feed([[token]])
        return self.layout.text(written)

    def _start(self, memory: Memory, request: WriterRequest) -> DecoderState | FastState:
        """The decoder behind what was read."""
        if self._fast is None:
            return DecoderState(self.model, memory)
        return self._fast.start([memory], [Drafts([self.layout.ids(f" {fact.text}") for fact in request.facts])])

    def write_answer(self, request: WriterRequest, steps: tuple[tuple[Fact, ...], ...]) -> str:
        """A whole answer: at once, or sentence by sentence from the facts of each step; one without facts is the gap.

        Args:
            request: of either form; for sentences, its facts are not read.
            steps: the facts of each sentence.
        """
        if request.form == "paragraph":
            return self.write(request)
        said: list[str] = []
        for facts in steps:
            about = request.about if not facts else ()
            sentence = self.write(replace(request, facts=facts, about=about, said=" ".join(said)))
            said += split_sentences(sentence)[:1]
        return " ".join(said)


def _next(logits: Tensor, draws: torch.Generator | None) -> int:
    """The likeliest token, or one that is drawn."""
    if draws is None:
        return int(logits.argmax())
    chances = (logits.float().cpu() / _TEMPERATURE).softmax(-1)
    return int(torch.multinomial(chances, 1, generator=draws))
