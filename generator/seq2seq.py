"""Any sequence-to-sequence checkpoint of transformers behind the common interface: BART, T5, LED and their like.

Writing is left to transformers' own `generate`; here are the prompt, the limits in words, stopping and streaming.
Only safetensors are loaded, and no code that a checkpoint brings along is run.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.files import at_home
from core.records import Draft, Found, Retrieved
from core.settings import Settings
from generator.base import GeneratorError
from generator.prompt import fit_passages, seq2seq_prompt

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# T5 has relative positions and no limit of its own; longer inputs only cost time.
_MOST_TOKENS = 4096
_KNOWN = 'allowed are "extractive", "fused", "writer", or the name or folder of a sequence-to-sequence checkpoint'


class Seq2SeqGenerator:
    """Writes with an `AutoModelForSeq2SeqLM` (`generator.base.Generator`)."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str) -> None:
        """Hold a model and its tokenizer."""
        self.name = name
        self.model = model.eval()
        self.tokenizer = tokenizer
        self._budget = _input_limit(model, tokenizer)

    @classmethod
    def load(cls, name: str) -> Seq2SeqGenerator:
        """Load a checkpoint.

        Args:
            name: a folder, or a model's name on the hub.

        Raises:
            GeneratorError: it is not there, has no safetensors weights, or is no sequence-to-sequence model.
        """
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        folder = at_home(name, "the generator")
        if folder.is_dir():
            _check_folder(folder)
        elif name.startswith((".", "/", "~")) or name.count("/") > 1:
            raise GeneratorError(f"there is no generator folder {name}; {_KNOWN}")
        else:
            _check_hub(name)
        try:
            model = AutoModelForSeq2SeqLM.from_pretrained(
                str(folder) if folder.is_dir() else name, use_safetensors=True, trust_remote_code=False
            )
            tokenizer = AutoTokenizer.from_pretrained(str(folder) if folder.is_dir() else name, trust_remote_code=False)
        except Exception as error:  # transformers raises what its parts raise, of many kinds
            reason = " ".join(str(error).split())[:300]
            raise GeneratorError(f"the generator {name} cannot be loaded: {reason}; {_KNOWN}") from error
        return cls(model, tokenizer, name)

    def read(self, retrieved: Retrieved) -> Retrieved:
        """What fits of the passages; see `Generator.read`."""
        return fit_passages(retrieved, lambda parts: len(self._encode(retrieved.whole, parts)), self._budget)

    def stream(self, retrieved: Retrieved, settings: Settings, stop: threading.Event | None = None) -> Iterator[Draft]:
        """Write the answer; with beams the text comes at the end. See `Generator.stream`.

        The model writes in a thread of its own, which ends at the next token when `stop` is set or the iterator is
        closed.
        """
        from generator.finishing import split_answer

        stop = stop or threading.Event()
        closed = threading.Event()
        pieces: queue.SimpleQueue[str | BaseException | None] = queue.SimpleQueue()
        ids = self._encode(retrieved.whole, retrieved.read)
        writer = threading.Thread(target=self._write, args=(ids, settings, (stop, closed), pieces), daemon=True)
        writer.start()
        text = ""
        try:
            while (piece := pieces.get()) is not None:
                if isinstance(piece, BaseException):
                    raise GeneratorError(f"the generator {self.name} failed while writing: {piece}") from piece
                text = piece
                yield Draft(tail=text)
        finally:
            closed.set()
            writer.join()
        yield Draft(split_answer(text, settings), done=True, stopped=stop.is_set())

    def answer_ids(self, answer: str) -> list[int]:
        """An answer's token ids with special tokens at its ends; of one longer than the model writes, the beginning."""
        ids = self.tokenizer(text_target=answer, split_special_tokens=True, verbose=False)["input_ids"]
        end = self.tokenizer.eos_token_id
        if end is not None and ids[-1:] != [end]:
            ids = [*ids, end]
        return ids[: _most_written(self.model)]

    def answer_nll(self, retrieved: Retrieved, answer: str) -> Tensor:
        """How surprising an answer is to the model: the negative log-likelihood of its tokens, summed, in nats.

        Args:
            retrieved: what `read` returned.
            answer: any text; the tokens that count are those of `answer_ids`.
        """
        import torch

        ids = self._encode(retrieved.whole, retrieved.read)
        labels = torch.tensor([self.answer_ids(answer)], device=self.model.device)
        logits = self.model(**self._inputs(ids), labels=labels).logits[0].float()
        return torch.nn.functional.cross_entropy(logits, labels[0], reduction="sum")

    def answer_loss(self, retrieved: Retrieved, answer: str) -> tuple[float, int]:
        """The loss that fine-tuning on an answer would begin with, see `answer_nll`, and its number of tokens."""
        import torch

        with torch.inference_mode():
            return self.answer_nll(retrieved, answer).item(), len(self.answer_ids(answer))

    def _inputs(self, ids: Sequence[int]) -> dict[str, Tensor]:
        """What the encoder gets, each (1, tokens)."""
        import torch

        inputs = {"input_ids": torch.tensor([list(ids)], device=self.model.device)}
        inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
        if self.model.config.model_type == "led":
            # The first token sees everything and is seen by everything (Beltagy et al. 2020, arXiv 2004.05150).
            inputs["global_attention_mask"] = torch.zeros_like(inputs["input_ids"])
            inputs["global_attention_mask"][:, 0] = 1
        return inputs

    def _write(
        self,
        ids: Sequence[int],
        settings: Settings,
        stops: Sequence[threading.Event],
        pieces: queue.SimpleQueue[str | BaseException | None],
    ) -> None:
        """Generate, putting the text so far on the queue after every token, and None at the end."""
        try:
            output = self._generate(ids, settings, stops, pieces)
            pieces.put(self._text(output))
        except Exception as error:  # whatever it is, the reader of the queue tells it
            pieces.put(error)
        finally:
            pieces.put(None)

    def _generate(
        self,
        ids: Sequence[int],
        settings: Settings,
        stops: Sequence[threading.Event],
        pieces: queue.SimpleQueue[str | BaseException | None],
    ) -> list[int]:
        """The answer's token ids."""
        import torch
        from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

        streamed = settings.decoding != "beams"
        hook = _Limits(self, settings, stops, pieces if streamed else None)
        config = GenerationConfig.from_model_config(self.model.config)
        config.update(
            max_length=None,
            max_new_tokens=_output_limit(self.model, settings),
            min_length=0,
            do_sample=settings.decoding == "sampling",
            num_beams=1 if streamed else settings.beams,
            repetition_penalty=settings.repetition_penalty,
            no_repeat_ngram_size=settings.no_repeat_ngram,
            early_stopping=False,
        )
        if settings.decoding == "sampling":
            config.update(temperature=settings.temperature, top_p=settings.top_p, top_k=0)
        with torch.inference_mode(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            output = self.model.generate(
                **self._inputs(ids),
                generation_config=config,
                logits_processor=LogitsProcessorList([hook.forbid_early_end]),
                stopping_criteria=StoppingCriteriaList([hook.ended]),
            )
        return output[0].tolist()

    def _encode(self, question: str, passages: Sequence[Found]) -> list[int]:
        """The input's token ids; text that looks like a special token is only text."""
        prompt = seq2seq_prompt(question, [part.text for part in passages], self.model.config.model_type)
        return self.tokenizer(prompt, split_special_tokens=True, verbose=False)["input_ids"]

    def _text(self, tokens: Sequence[int]) -> str:
        """Tokens as text, without the beginning of a character that is not whole yet."""
        text = self.tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return str(text).rstrip("\ufffd").strip()


class _Limits:
    """The limits in words, and stopping, in the two forms that `generate` asks for."""

    def __init__(
        self,
        generator: Seq2SeqGenerator,
        settings: Settings,
        stops: Sequence[threading.Event],
        pieces: queue.SimpleQueue[str | BaseException | None] | None,
    ) -> None:
        self._text, self._settings, self._stops, self._pieces = generator._text, settings, stops, pieces
        end = generator.model.generation_config.eos_token_id
        self._end = end if isinstance(end, list) else [end] if end is not None else []

    def forbid_early_end(self, ids: Tensor, scores: Tensor) -> Tensor:
        """No end before the shortest answer."""
        short = [len(self._text(row).split()) < self._settings.min_words for row in ids.tolist()]
        scores = scores.clone()
        for end in self._end:
            scores[[row for row, is_short in enumerate(short) if is_short], end] = float("-inf")
        return scores

    def ended(self, ids: Tensor, scores: Tensor, **_: object) -> Tensor:
        """Which hypotheses are long enough; all of them when stopped."""
        import torch

        from generator.decoding import is_enough

        texts = [self._text(row) for row in ids.tolist()]
        if self._pieces is not None:
            self._pieces.put(texts[0])
        stopped = any(stop.is_set() for stop in self._stops)
        enough = [stopped or is_enough(text, ids.shape[1], self._settings) for text in texts]
        return torch.tensor(enough, device=ids.device)


def _check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be loaded, before transformers says so at length."""
    if not (folder / "config.json").is_file():
        raise GeneratorError(f"{folder} is no checkpoint: config.json is missing; {_KNOWN}")
    if any(folder.glob("*.safetensors")):
        return
    if any(folder.glob("*.bin")):
        raise GeneratorError(
            f"{folder} has its weights only in pickled form (*.bin), which is never loaded; save them again as "
            "safetensors, for example with save_pretrained of a recent transformers"
        )
    raise GeneratorError(f"{folder} has no weights: expected model.safetensors; {_KNOWN}")


def _check_hub(name: str) -> None:
    """Refuse a name that neither the local cache nor the hub knows, without waiting long."""
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        if isinstance(try_to_load_from_cache(name, "config.json"), str):
            return
        HfApi().model_info(name, timeout=5)
    except HFValidationError as error:
        raise GeneratorError(f"there is no generator {name!r}; {_KNOWN}") from error
    except HfHubHTTPError as error:
        raise GeneratorError(
            f"the hub has no model {name!r} for you ({error.response.status_code}); {_KNOWN}"
        ) from error
    except Exception as error:  # a hub out of reach fails in the ways of its HTTP library
        raise GeneratorError(
            f"there is no generator {name!r} on this machine, and the hub cannot be reached; {_KNOWN}"
        ) from error


def _input_limit(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """The most tokens that a model reads."""
    names = ("max_encoder_position_embeddings", "max_position_embeddings", "n_positions")
    limits = [getattr(model.config, name, None) for name in names]
    limits = [limit for limit in limits if limit][:1]
    return min([_MOST_TOKENS, tokenizer.model_max_length, *limits])


def _output_limit(model: PreTrainedModel, settings: Settings) -> int:
    """The most tokens that a model may write."""
    limit = 4 * settings.max_words + 8
    return min(limit, _most_written(model) or limit)


def _most_written(model: PreTrainedModel) -> int | None:
    """The most tokens that a model can write; None when it has no limit."""
    names = ("max_decoder_position_embeddings", "max_position_embeddings")
    return next((limit - 2 for name in names if (limit := getattr(model.config, name, None))), None)
