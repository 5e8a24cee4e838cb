"""Writing with the writer's model: greedily, token by token, with keys and values kept.

The base is Qwen2.5-Coder-0.5B-Instruct; an adapter's folder (`generator.adapter`) says what training changed of it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from core.sentences import split_sentences
from data.assets import asset_path, cache_folder, read_assets
from generator.adapter import adapted_stack
from generator.gguf_checkpoint import load_gguf
from generator.modeling_fused import DecoderState, Stack
from generator.precision import faster_precision
from generator.writer.layout import Fact, Form, WriterLayout, WriterRequest
from generator.writer.modeling import WriterModel

BASE = "qwen2.5-coder-0.5b"
# Of one sentence or paragraph, at most.
MOST_TOKENS = {"sentence": 120, "paragraph": 320}


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

    def __init__(self, model: WriterModel, tokenizer: Tokenizer) -> None:
        """Hold a model that is ready to write."""
        self.model, self.layout = model, WriterLayout(tokenizer)
        self._prefixes: dict[Form, Tensor] = {}

    @classmethod
    def load(cls, adapter: Path | None = None) -> Writer:
        """The base with an adapter, or as its authors made it.

        Raises:
            data.assets.AssetError: the base cannot be had.
            GeneratorError: the adapter is missing, damaged, or another base's.
        """
        stack, tokenizer, base = load_base(torch.bfloat16 if faster_precision("cpu") == "bf16" else torch.float32)
        if adapter is None:
            return cls(WriterModel(stack, stack), tokenizer)
        encoder, decoder = (adapted_stack(stack, name, adapter, *base) for name in ("encoder", "decoder"))
        return cls(WriterModel(encoder, decoder), tokenizer)

    @torch.inference_mode()
    def write(self, request: WriterRequest) -> str:
        """The likeliest text, token by token, up to its end or `MOST_TOKENS`."""
        if request.form not in self._prefixes:
            self._prefixes[request.form] = self.model.read_prefix(self.layout.prefix(request.form))
        memory = self.model.read(self._prefixes[request.form], [self.layout.request(request)])
        state = DecoderState(self.model, memory)
        logits = state.feed([self.layout.opening()])
        written: list[int] = []
        while (token := int(logits[0].argmax())) != self.layout.end and len(written) < MOST_TOKENS[request.form]:
            written.append(token)
            logits = state.feed([[token]])
        return self.layout.text(written)

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
