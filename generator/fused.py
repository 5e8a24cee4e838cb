"""The fused generator: the embedded encoder–decoder behind the common interface.

It holds the model and its tokenizer together and lays out what they read, in the chat form that SmolLM2 was tuned on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data.passages import Passage
from generator.base import GenerationSettings, GeneratorError, ReadPassage, Step
from generator.prompt import FUSED_INSTRUCTION, fit_passages, fused_passage

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from generator.modeling_fused import FusedModel

# Tokens of all passages together, and of one: reading time grows with them.
MOST_TOKENS = 3000
LONGEST_PASSAGE = 400


class FusedGenerator:
    """Writes with the fused encoder–decoder (`generator.base.Generator`)."""

    name = "fused"

    def __init__(self, model: FusedModel, tokenizer: Tokenizer) -> None:
        """Hold a model and its tokenizer.

        Raises:
            GeneratorError: the tokenizer lacks `<|im_start|>` or `<|im_end|>`.
        """
        self._model = model
        self._tokenizer = tokenizer
        # Text that looks like a control token is only text, whoever wrote it.
        tokenizer.encode_special_tokens = True
        self._turn, self._end = _control_token(tokenizer, "<|im_start|>"), _control_token(tokenizer, "<|im_end|>")
        system = f"system\n{FUSED_INSTRUCTION}"
        self._prefix = [self._turn, *self._ids(system), self._end, *self._ids("\n")]
        self._prefix += [self._turn, *self._ids("user\nPassages:\n")]

    @classmethod
    def load(cls, gguf: Path, cache: Path) -> FusedGenerator:
        """Load SmolLM2 from its GGUF file; the first time it is prepared in the cache folder.

        Raises:
            generator.base.GeneratorError: the file is no such model.
        """
        import torch

        from generator.gguf_checkpoint import load_gguf
        from generator.modeling_fused import FusedModel

        stack, tokenizer = load_gguf(gguf, cache)
        if torch.cuda.is_available():
            stack = stack.to("cuda", torch.bfloat16)
        return cls(FusedModel(stack.config, stack), tokenizer)

    def read(self, question: str, passages: Sequence[Passage]) -> list[ReadPassage]:
        """What fits of the passages; see `Generator.read`."""
        return fit_passages(passages, self._cost, MOST_TOKENS, LONGEST_PASSAGE)

    def stream(
        self,
        question: str,
        passages: Sequence[ReadPassage],
        settings: GenerationSettings,
        stop: threading.Event | None = None,
    ) -> Iterator[Step]:
        """Write the answer; see `Generator.stream`."""
        import torch

        from generator.decoding import decode, finish
        from generator.modeling_fused import DecoderState

        stop = stop or threading.Event()
        yield Step("reading", "")
        texts = [fused_passage(part.passage.title, part.text) for part in passages if part.text]
        with torch.inference_mode():
            memory = self._model.encode(self._prefix, [self._ids(text) for text in texts])
        state = DecoderState(self._model, memory)
        logits = state.feed([self._question_ids(question)])
        text = ""
        for text in decode(logits, state.feed, self._text, self._end, settings, stop):
            yield Step("writing", text)
        yield Step("done", finish(text, settings), stopped=stop.is_set())

    def _question_ids(self, question: str) -> list[int]:
        """The end of the prompt, from the question to where the answer begins."""
        asked = [*self._ids(f"\nQuestion: {question}"), self._end, *self._ids("\n")]
        return [*asked, self._turn, *self._ids("assistant\n")]

    def _cost(self, texts: Sequence[str]) -> int:
        return sum(len(self._ids(text)) for text in texts)

    def _ids(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def _text(self, tokens: Sequence[int]) -> str:
        """Tokens as text, without the beginning of a character that is not whole yet."""
        return self._tokenizer.decode(list(tokens), skip_special_tokens=True).rstrip("\ufffd").strip()


def _control_token(tokenizer: Tokenizer, token: str) -> int:
    """The id of a control token of the chat form."""
    number = tokenizer.token_to_id(token)
    if number is None:
        raise GeneratorError(f"the model's vocabulary lacks {token}: it was not tuned on this chat form")
    return number
