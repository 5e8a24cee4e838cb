"""Vectors of texts, kept on disk: what was embedded once is not embedded again.

It knows texts, vectors and the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from retriever.cache import Cache
    from retriever.encode import Encoder


class KeptVectors:
    """Texts → vectors by one encoder, from the cache where they are there."""

    def __init__(self, encoder: Encoder, cache: Cache) -> None:
        """Embed nothing yet."""
        self._encoder = encoder
        self._cache = cache

    def of(self, texts: Sequence[str]) -> np.ndarray:
        """Passages or introductions → float32 (n, dimensions); kept as float16, which moves a cosine by under 0.001."""
        if not texts:
            return np.zeros((0, self._encoder.dimensions), np.float32)
        keys = [f"vector {self._encoder.identity} {text}" for text in texts]
        found = self._cache.get_many(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if missing:
            vectors = self._encoder.encode_passages(list(missing.values())).astype(np.float16)
            new = {key: vector.tobytes() for key, vector in zip(missing, vectors, strict=True)}
            self._cache.put_many(new)
            found |= new
        return np.stack([np.frombuffer(found[key], np.float16) for key in keys]).astype(np.float32)
