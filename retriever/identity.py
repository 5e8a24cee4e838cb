"""What decides a model's vectors, as a hash."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

    from retriever.plain_bert import PlainRetriBertConfig


def identity(config: PreTrainedConfig | PlainRetriBertConfig, hashes: dict[str, str]) -> str:
    """A hash of everything that decides a model's vectors: its architecture and its weights' hashes."""
    names = ("hidden_size", "num_hidden_layers", "pooling", "normalize", "projection_dim", "share_encoders")
    facts = {name: getattr(config, name) for name in names} | hashes
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
