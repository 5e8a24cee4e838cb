"""The 384-d teacher: MiniLM's own mean vectors, by which the 128-d default is taught and measured.

It knows texts and vectors. The vectors of many passages take minutes, so they are kept in the cache folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.kept_files import kept
from data.assets import cache_folder, read_assets
from retriever.encode import encode

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from retriever.plain_bert import AnyBert

_KEEP_FROM = 1000


class Teacher:
    """all-MiniLM-L6-v2 as it is published: masked mean of the last layer, 384 numbers a text."""

    def __init__(self, encoder: AnyBert, tokenizer: PreTrainedTokenizerBase, identity: str) -> None:
        """Hold an encoder, ready to encode; `identity` names its weights in the cache."""
        self.encoder = encoder.eval()
        self.tokenizer = tokenizer
        self.identity = identity

    @classmethod
    def load(cls) -> Teacher:
        """Load the embedded encoder without projections or adapters.

        Raises:
            data.assets.AssetError: its weights or vocabulary cannot be had.
        """
        from retriever.embedded import load_tokenizer, plain_minilm

        return cls(plain_minilm(), load_tokenizer(), read_assets()["minilm"].sha256)

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """Texts → float32 (n, 384), not normalised; those of a whole corpus are kept in the cache folder."""
        from safetensors.numpy import load_file, save_file

        def embedded() -> np.ndarray:
            return encode(texts, self.tokenizer, self._mean, self.encoder.config.hidden_size)

        if len(texts) < _KEEP_FROM:
            return embedded()
        path = kept(self._cache_path(texts), lambda part: save_file({"vectors": embedded()}, part))
        return load_file(path)["vectors"]

    def similarities(self, questions: Sequence[str], passages: Sequence[str]) -> np.ndarray:
        """Cosines float32 (questions, passages), in [-1, 1]."""
        return _unit(self.vectors(questions)) @ _unit(self.vectors(passages)).T

    def _mean(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask[..., None].to(states.dtype)
        return (states * weights).sum(1) / weights.sum(1)

    def _cache_path(self, texts: Sequence[str]) -> Path:
        digest = hashlib.sha256(self.identity.encode())
        for text in texts:
            digest.update(text.encode() + b"\0")
        return cache_folder() / "vectors" / f"{digest.hexdigest()[:32]}.safetensors"


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
