"""Texts to vectors: RetriBERT with its tokenizer, in batches of like length.

It knows models and texts. It knows nothing of indexes or passages.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from core.errors import reading
from core.files import file_sha256
from data.assets import cache_folder
from retriever.errors import EncoderError
from retriever.identity import identity

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

    from retriever.int8_bert import FastEmbedder
    from retriever.modeling_retribert import RetriBertModel
    from retriever.plain_bert import AnyRetriBert

logger = logging.getLogger(__name__)

BATCH_SIZE = 16
# Fewer texts than this are encoded before a reader would notice a bar.
_SHOW_PROGRESS_FROM = 256


class Encoder:
    """A RetriBERT model and its tokenizer, turning texts into vectors.

    Attributes:
        model: the model, in evaluation mode.
        tokenizer: `RetriBertTokenizerFast` or `RetriBertTokenizer`.
        identity: a hash of configuration and weights; vectors of different identities must not be mixed.
        name: for people, such as the checkpoint's name.
    """

    def __init__(
        self,
        model: AnyRetriBert,
        tokenizer: PreTrainedTokenizerBase,
        identity: str,
        name: str,
        fast: FastEmbedder | None = None,
    ) -> None:
        """Hold a model and its tokenizer, ready to encode; `fast`, where given, computes in the model's place."""
        self.model = model.eval()
        self._fast = fast
        self.tokenizer = tokenizer
        self.identity = identity
        self.name = name

    @classmethod
    def load(cls, checkpoint: str | Path | None = None, exact: bool = False) -> Encoder:
        """Load a checkpoint, or the embedded encoder when None is named.

        On a CPU the embedded encoder computes with 8-bit products where ONNX Runtime is installed: twice as fast, and
        its vectors have a cosine of 0.997 on average with the exact ones.

        Args:
            checkpoint: a folder with config.json, vocab.txt or tokenizer.json, and model.safetensors.
            exact: whether the embedded encoder computes in float32 all the same.

        Raises:
            EncoderError: the folder is missing or holds no RetriBERT.
        """
        if checkpoint is None:
            from retriever.embedded import load_embedded

            model, tokenizer, identity, name = load_embedded()
            return cls(model, tokenizer, identity, name, None if exact else _fast_embedder(model, identity))
        return cls(*_load_checkpoint(Path(checkpoint)))

    @property
    def dimensions(self) -> int:
        """The length of a vector."""
        return self.model.config.projection_dim

    @property
    def score_name(self) -> str:
        """What the product of two of its vectors is."""
        return "cosine" if self.model.config.normalize else "inner product"

    def encode_questions(self, questions: Sequence[str]) -> np.ndarray:
        """Questions → float32 (n, dimensions); never in 8 bits: one is quick, and its neighbours depend on it."""
        return encode(questions, self.tokenizer, self.model.embed_questions, self.dimensions, self._device)

    def encode_passages(self, texts: Sequence[str], batch_size: int = BATCH_SIZE) -> np.ndarray:
        """Passages or sentences → float32 (n, dimensions); `batch_size` is for the model, `fast` needs none."""
        if self._fast:
            return encode_singly(texts, self.tokenizer, self._fast.embed_answer, self.dimensions)
        return encode(texts, self.tokenizer, self.model.embed_answers, self.dimensions, self._device, batch_size)

    @property
    def _device(self) -> torch.device:
        return self.model.device


def encode(
    texts: Sequence[str],
    tokenizer: PreTrainedTokenizerBase,
    embed: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    dimensions: int,
    device: torch.device | str = "cpu",
    batch_size: int = BATCH_SIZE,
) -> np.ndarray:
    """Encode texts in batches of like length, so that little padding is computed.

    Args:
        texts: any number of texts, cut at the model's longest input.
        tokenizer: texts → input_ids and attention_mask.
        embed: `(batch, tokens)` ids and mask → `(batch, dimensions)`.
        dimensions: the length of a vector.
        device: where `embed` computes.
        batch_size: texts at a time, at least 1.

    Returns:
        float32 (n, dimensions), rows in the order of the texts; a progress bar shows when n is large.

    Raises:
        ValueError: `batch_size` is below 1.
    """
    import torch

    if batch_size < 1:
        raise ValueError(f"the batch size is {batch_size}; it must be at least 1")
    vectors = np.zeros((len(texts), dimensions), dtype=np.float32)
    if not texts:
        return vectors
    tokens = _token_ids(texts, tokenizer)
    order = sorted(range(len(texts)), key=lambda row: -len(tokens[row]))
    with (
        torch.inference_mode(),
        _progress(len(texts)) as bar,
    ):
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            ids, mask = _padded([tokens[row] for row in rows], tokenizer.pad_token_id)
            vectors[rows] = embed(ids.to(device), mask.to(device)).float().cpu().numpy()
            bar.update(len(rows))
    return vectors


def encode_singly(
    texts: Sequence[str],
    tokenizer: PreTrainedTokenizerBase,
    embed: Callable[[Sequence[int]], np.ndarray],
    dimensions: int,
) -> np.ndarray:
    """Encode texts one by one, as many at a time as torch uses threads: no padding is computed.

    Args:
        texts: any number of texts, cut at the model's longest input.
        tokenizer: texts → input_ids.
        embed: the ids of one text → (dimensions,); called from several threads.
        dimensions: the length of a vector.

    Returns:
        float32 (n, dimensions), rows in the order of the texts; a progress bar shows when n is large.
    """
    import torch

    vectors = np.zeros((len(texts), dimensions), dtype=np.float32)
    tokens = _token_ids(texts, tokenizer)
    if len(tokens) <= 1:
        for row, ids in enumerate(tokens):
            vectors[row] = embed(ids)
        return vectors
    with _progress(len(texts)) as bar, ThreadPoolExecutor(torch.get_num_threads(), "encoder") as threads:
        for row, vector in enumerate(threads.map(embed, tokens)):
            vectors[row] = vector
            bar.update()
    return vectors


def _token_ids(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    """The token ids of texts, cut at the model's longest input, which is said."""
    if not texts:
        return []
    tokens = tokenizer(list(texts), truncation=False, add_special_tokens=True, verbose=False)["input_ids"]
    longest = tokenizer.model_max_length
    cut = sum(len(ids) > longest for ids in tokens)
    if not cut:
        return tokens
    logger.warning("%d of %d texts are longer than %d tokens and were cut", cut, len(texts), longest)
    # The closing special token stays the last one.
    return [ids if len(ids) <= longest else [*ids[: longest - 1], ids[-1]] for ids in tokens]


def _progress(count: int) -> tqdm:
    """A progress bar, shown when there is much to do."""
    return tqdm(total=count, desc="encoding", unit="text", mininterval=0.5, disable=count < _SHOW_PROGRESS_FROM)


def _fast_embedder(model: AnyRetriBert, identity: str) -> FastEmbedder | None:
    """What computes in the embedded model's place, in float32 on a CPU; None where it cannot."""
    from retriever.int8_bert import FastEmbedder, why_not

    if problem := why_not(model):
        logger.warning("passages are encoded in float32, half as fast: %s", problem)
        return None
    try:
        return FastEmbedder.load(model, cache_folder() / "encoder", identity)
    except ImportError as error:
        logger.warning("passages are encoded in float32, half as fast: %s", error)
        return None


def _padded(tokens: Sequence[Sequence[int]], padding: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids of one batch → ids and mask, both (batch, longest)."""
    import torch

    longest = max(len(ids) for ids in tokens)
    ids = torch.tensor([[*row, *[padding] * (longest - len(row))] for row in tokens])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in tokens])
    return ids, mask


def _load_checkpoint(folder: Path) -> tuple[RetriBertModel, PreTrainedTokenizerBase, str, str]:
    """A checkpoint in a folder, with its identity and its name."""
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise EncoderError(
            f"{folder} holds no RetriBERT checkpoint: {weights.name} is missing; "
            "name a folder that RetriBertModel.save_pretrained wrote"
        )
    from retriever.modeling_retribert import RetriBertModel
    from retriever.tokenization_retribert_fast import RetriBertTokenizerFast

    with reading(folder, "RetriBERT checkpoint", EncoderError, "name one that RetriBertModel.save_pretrained wrote"):
        model = RetriBertModel.from_pretrained(folder)
        tokenizer = RetriBertTokenizerFast.from_pretrained(folder)
    return model, tokenizer, identity(model.config, {weights.name: file_sha256(weights)}), folder.name
