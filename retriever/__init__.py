"""Finding passages: RetriBERT (model, configuration, both tokenizers), encoding, the index and search.

This package is given passages and questions. It knows nothing of generators or the page. The names below are imported
when first used, so that importing the package costs nothing; using one registers RetriBERT with transformers'
AutoConfig, AutoModel and AutoTokenizer.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retriever.configuration_retribert import RetriBertConfig
    from retriever.modeling_retribert import RetriBertModel
    from retriever.tokenization_retribert import RetriBertTokenizer
    from retriever.tokenization_retribert_fast import RetriBertTokenizerFast

__all__ = ["RetriBertConfig", "RetriBertModel", "RetriBertTokenizer", "RetriBertTokenizerFast"]

_MODULES = {
    "RetriBertConfig": "configuration_retribert",
    "RetriBertModel": "modeling_retribert",
    "RetriBertTokenizer": "tokenization_retribert",
    "RetriBertTokenizerFast": "tokenization_retribert_fast",
}


def __getattr__(name: str) -> object:
    """Import one of the public names, and register RetriBERT with transformers."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import_module("retriever.modeling_retribert")
    return getattr(import_module(f"retriever.{_MODULES[name]}"), name)
