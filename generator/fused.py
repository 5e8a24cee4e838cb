"""The fused generator: the embedded encoder–decoder behind the common interface.

It holds the model, the layout of its inputs and the passages read before together, and writes answers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.memory import give_back_memory
from core.records import Draft, Found, Retrieved
from core.settings import Settings
from generator.fused_layout import FusedLayout
from generator.prompt import fused_passage

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor

    from generator.decoding import Voice
    from generator.fast_stack import FastDecoder, FastState
    from generator.judging import Judge
    from generator.modeling_fused import DecoderState, FusedModel, Memory
    from generator.opening import OpeningWriter
    from generator.selecting import Selector

# Passages that were read stay in memory up to this size; one of usual length takes 2.5 MB in bf16.
_CACHE_BYTES = 32 << 20
# The adapter that comes along.
EMBEDDED_ADAPTER = Path(__file__).with_name("embedded")


class FusedGenerator:
    """Writes with the fused encoder–decoder (`generator.base.Generator`)."""

    def __init__(
        self,
        model: FusedModel,
        tokenizer: Tokenizer,
        name: str = "fused",
        selector: Callable[[], Selector] | None = None,
        fast: FastDecoder | None = None,
        judge: Callable[[], Judge] | None = None,
    ) -> None:
        """Hold the parts.

        Args:
            model: reads, and writes where `fast` is None.
            tokenizer: the model's.
            name: by which the generator was asked for.
            selector: gives what chooses passage sentences; without it, every sentence is written.
            fast: writes.
            judge: gives what judges written sentences by the passages; without it, only words are compared.

        Raises:
            GeneratorError: the tokenizer lacks `<|im_start|>` or `<|im_end|>`.
        """
        from generator.passage_cache import PassageCache

        self.name = name
        self.layout = FusedLayout(tokenizer)
        self._model, self._fast, self._selector, self._judge = model, fast, selector, judge
        self._passages = PassageCache(model, self.layout.prefix, _CACHE_BYTES)

    @classmethod
    def load(
        cls,
        adapter: Path | None = EMBEDDED_ADAPTER,
        name: str = "fused",
        selector: Callable[[], Selector] | None = None,
        judge: Callable[[], Judge] | None = None,
    ) -> FusedGenerator:
        """Load the embedded SmolLM2 with an adapter; the first time it is prepared in the cache folder.

        Args:
            adapter: the folder of an adapter; None for the model as it was before training.
            name: by which it was asked for.
            selector: see `__init__`.
            judge: see `__init__`.

        Raises:
            generator.base.GeneratorError: the adapter is missing or another model's.
            data.assets.AssetError: the embedded model cannot be had.
        """
        import torch

        from data.assets import asset_path, cache_folder, read_assets
        from generator.fast_loading import Parts, fast_model
        from generator.gguf_checkpoint import GgufCheckpoint
        from generator.modeling_fused import best_device

        path, base = asset_path("smollm2"), read_assets()["smollm2"].sha256
        checkpoint = GgufCheckpoint.prepare(path, cache_folder() / "fused")
        parts, tokenizer = Parts(checkpoint, path.stem, base, adapter), checkpoint.tokenizer()
        device = best_device()
        if device.type != "cpu":
            return cls(parts.model().to(device, torch.bfloat16), tokenizer, name, selector, None, judge)
        model, fast = fast_model(parts, cache_folder())
        return cls(model, tokenizer, name, selector, fast, judge)

    def read(self, retrieved: Retrieved) -> Retrieved:
        """What fits of the passages; see `Generator.read`."""
        return self.layout.fit(retrieved)

    def stream(self, retrieved: Retrieved, settings: Settings, stop: threading.Event | None = None) -> Iterator[Draft]:
        """Write the answer; see `Generator.stream`."""
        from generator.decoding import decode
        from generator.finishing import finished, split_answer

        stop = stop or threading.Event()
        question, read = retrieved.whole, retrieved.read
        asked = self.layout.question(question, settings.wording)
        ids = self._ids(read)
        memory, voice = self._memory(ids), self._voice(question, read)
        give_back_memory()
        (state, logits), spans = self._ask([asked], [memory], [ids]), memory.spans
        del memory  # the state has its own, and both are large
        if settings.decoding == "opening" and self._selector is not None:
            draft = Draft()
            writer = self._opening_writer(self._selector(), retrieved, settings, state, state.views(spans), voice)
            for draft in writer.write(logits, asked[-1], stop):
                yield draft
            yield Draft(finished(draft.sentences, settings), done=True, stopped=stop.is_set())
            return
        text = ""
        for text in decode(logits, state.feed, voice, settings, stop):
            yield Draft(tail=text)
        yield Draft(split_answer(text, settings), done=True, stopped=stop.is_set())

    def _opening_writer(
        self,
        selector: Selector,
        retrieved: Retrieved,
        settings: Settings,
        state: DecoderState | FastState,
        views: Tensor,
        voice: Voice,
    ) -> OpeningWriter:
        """What writes an opening and quotes behind it."""
        from generator.grounding import Source
        from generator.opening import OpeningWriter
        from generator.selecting import Room
        from generator.sentencewise import SentenceWriter

        sources = [Source.of(part.passage.title, part.text) for part in retrieved.read]
        writer = SentenceWriter(state, views, sources, voice, settings)
        return OpeningWriter(writer, retrieved, Room.of(settings), selector, self._judge)

    def forget(self) -> None:
        """Keep nothing of the passages that were read; see `generator.base.Forgetful`."""
        self._passages.clear()

    def answer_loss(self, retrieved: Retrieved, answer: str, wording: str = "own") -> tuple[float, int]:
        """How surprising an answer is to the model: negative log-likelihood in nats, and how many tokens it has.

        Args:
            retrieved: what `read` returned.
            answer: any text; its end counts as a token too.
            wording: the model's, see `Settings`; answers that people wrote are in their own words.
        """
        import torch

        asked, written = self.layout.question(retrieved.whole, wording), self.layout.answer(answer)
        memory, ids = self._memory(self._ids(retrieved.read)), [asked + written[:-1]]
        with torch.inference_mode():
            if self._fast:
                logits = self._fast.start([memory]).feed_all(ids)[0, len(asked) - 1 :]
            else:
                states = self._model.states(torch.tensor(ids, device=memory.mask.device), memory)
                logits = self._model.decoder.logits(states[0, len(asked) - 1 :]).float()
            target = torch.tensor(written, device=logits.device)
            loss = torch.nn.functional.cross_entropy(logits, target, reduction="sum")
        return float(loss), len(written)

    def _voice(self, question: str, passages: Sequence[Found]) -> Voice:
        """How tokens become the text of an answer to this question."""
        from generator.decoding import Voice
        from generator.sources import Sources

        texts = [fused_passage(part.passage.title, part.text) for part in passages]
        return Voice(self.layout.text, self.layout.end, Sources(self.layout.tokenizer, question, texts))

    def _ids(self, passages: Sequence[Found]) -> list[list[int]]:
        """The token ids of the passages that were read, best first."""
        return [self.layout.passage(part.passage.title, part.text) for part in passages]

    def _memory(self, passages: Sequence[Sequence[int]]) -> Memory:
        """What the decoder attends to of passages, given as token ids."""
        return self._model.fuse(self._passages.prefix, self._passages.read(passages))

    def _ask(
        self, prompts: Sequence[list[int]], memories: Sequence[Memory], passages: Sequence[Sequence[Sequence[int]]]
    ) -> tuple[DecoderState | FastState, Tensor]:
        """Let the decoder read questions: its state, one row for each, and the logits of the answers' first tokens.

        Args:
            prompts: token ids of each question.
            memories: of each question.
            passages: the token ids of what each question's memory holds, which answers may copy.
        """
        import torch

        if self._fast:
            from generator.fast_stack import Drafts

            state = self._fast.start(memories, [Drafts(texts) for texts in passages])
            return state, state.feed(prompts)
        from generator.modeling_fused import DecoderState, Memory

        with torch.inference_mode():
            asked = [self._model.ask(prompt, memory) for prompt, memory in zip(prompts, memories, strict=True)]
        both = DecoderState(self._model, Memory.batch([memory for memory, _ in asked]))
        return both, torch.cat([logits for _, logits in asked])
