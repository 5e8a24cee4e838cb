"""The model that a training starts from: a RetriBERT, a plain BERT with new projections, or the embedded one's start.

It knows names and folders of checkpoints. It knows nothing of data or of training.
"""

from __future__ import annotations

from pathlib import Path

from transformers import AutoConfig, BertModel, PreTrainedTokenizerBase

from retriever.configuration_retribert import RetriBertConfig
from retriever.errors import EncoderError
from retriever.modeling_retribert import RetriBertModel
from retriever.tokenization_retribert_fast import RetriBertTokenizerFast
from training.embedded import load_starting_point

# What a BERT and a RetriBERT built around it have in common.
_SHARED_SETTINGS = (
    "vocab_size hidden_size num_hidden_layers num_attention_heads intermediate_size hidden_act hidden_dropout_prob "
    "attention_probs_dropout_prob max_position_embeddings type_vocab_size initializer_range layer_norm_eps pad_token_id"
).split()


def load_start(name: str, encoders: int | None = None) -> tuple[RetriBertModel, PreTrainedTokenizerBase]:
    """The model to start from, and its tokenizer.

    Args:
        name: "minilm" for the embedded model before its training; else a folder or a name on the hub, of a RetriBERT
            (such as yjernite/retribert-base-uncased) or of a BERT (such as google/bert_uncased_L-8_H-768_A-12, where
            the published one began), which gets new projections. Weights are safetensors.
        encoders: 1 or 2; 2 gives documents a copy of the shared encoder. None leaves it as it is.

    Raises:
        EncoderError: there is no such model, it is of another kind, or has two encoders and one was asked for.
        data.assets.AssetError: "minilm" cannot be had.
    """
    if name == "minilm":
        model, tokenizer = load_starting_point()
    else:
        model, tokenizer = _load_named(name)
    if encoders == 1 and not model.config.share_encoders:
        raise EncoderError(f"{name} has two encoders, and one cannot stand for both: leave --encoders out")
    if encoders == 2:
        model.split_encoders()
    return model, tokenizer


def _load_named(name: str) -> tuple[RetriBertModel, PreTrainedTokenizerBase]:
    """A RetriBERT or a BERT from a folder or the hub."""
    if Path(name).is_dir() and not (Path(name) / "model.safetensors").is_file():
        raise EncoderError(f"{name} holds no checkpoint: model.safetensors is missing")
    try:
        config = AutoConfig.from_pretrained(name)
        if config.model_type not in ("retribert", "bert"):
            raise EncoderError(f"{name} is a {config.model_type}; name a RetriBERT or a BERT")
        tokenizer = RetriBertTokenizerFast.from_pretrained(name)
        # A tokenizer without a length of its own says that any is fine; the model has so many positions.
        tokenizer.model_max_length = min(tokenizer.model_max_length, config.max_position_embeddings)
        if config.model_type == "retribert":
            return RetriBertModel.from_pretrained(name), tokenizer
        return _around_bert(name, config), tokenizer
    except (OSError, ValueError) as error:
        raise EncoderError(
            f"{name} cannot be loaded: {error}. Name a folder with a RetriBERT or BERT checkpoint, one on the hub "
            "that is within reach, or minilm"
        ) from error


def _around_bert(name: str, config: object) -> RetriBertModel:
    """A RetriBERT whose encoder is a BERT, pooler included, with new projections."""
    model = RetriBertModel(RetriBertConfig(**{key: getattr(config, key) for key in _SHARED_SETTINGS}))
    bert = BertModel.from_pretrained(name, use_safetensors=True)
    model.bert_query.load_state_dict(bert.state_dict())
    return model.eval()
