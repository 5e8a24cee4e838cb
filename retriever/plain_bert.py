"""BERT's encoder for inference, with the layout and the names of transformers' `BertModel`, and its results.

Importing `BertModel` brings 1,700 modules: more than a second and 120 MB that a page on a small machine misses. What is
trained, saved or shared is a `BertModel` all the same; this only computes. It knows token ids and weights, no text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.weights import filled

if TYPE_CHECKING:
    from transformers import BertModel

    from retriever.modeling_retribert import RetriBertModel

    # What computes alike, whichever it is.
    AnyBert: TypeAlias = BertModel | "PlainBert"
    AnyRetriBert: TypeAlias = RetriBertModel | "PlainRetriBert"


@dataclass(frozen=True)
class PlainBertConfig:
    """Sizes, named as in `BertConfig`; the defaults are BERT's own."""

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-12
    hidden_dropout_prob: float = 0.1
    hidden_act: str = "gelu"


@dataclass(frozen=True)
class PlainOutput:
    """What the encoder gives.

    Attributes:
        last_hidden_state: (batch, tokens, hidden).
        hidden_states: before every layer, and the last; empty unless asked for.
    """

    last_hidden_state: Tensor
    hidden_states: tuple[Tensor, ...] = ()


class PlainBert(nn.Module):
    """Token ids to hidden states."""

    def __init__(self, config: PlainBertConfig) -> None:
        """Make the parts, with torch's random weights; `of` takes given ones."""
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.encoder = Layers(config)

    @classmethod
    def of(cls, config: PlainBertConfig, weights: Mapping[str, Tensor]) -> PlainBert:
        """An encoder that holds these very tensors, by their names in `BertModel`; none is copied."""
        return filled(lambda: cls(config), weights)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        output_hidden_states: bool = False,
    ) -> PlainOutput:
        """Encode texts.

        Args:
            input_ids: (batch, tokens), at most `max_position_embeddings` tokens.
            attention_mask: 1 for tokens to read, 0 for padding, the same shape; None reads them all.
            token_type_ids: 1 for the second text of a pair, the same shape; None has one text.
            output_hidden_states: whether the states before every layer are wanted, too.
        """
        mask = None if attention_mask is None or bool(attention_mask.all()) else attention_mask[:, None, None, :].bool()
        # The layers may be in another precision than the tables, which many encoders share.
        hidden = self.embeddings(input_ids, token_type_ids).to(self.encoder.dtype)
        states = [hidden]
        for layer in self.encoder.layer:
            hidden = layer(hidden, mask)
            if output_hidden_states:
                states.append(hidden)
        return PlainOutput(hidden, tuple(states) if output_hidden_states else ())


class Embeddings(nn.Module):
    """Words, positions and kinds of text, summed and normed."""

    def __init__(self, config: PlainBertConfig) -> None:
        """Make the three tables and the norm."""
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)

    def forward(
        self, input_ids: Tensor, token_type_ids: Tensor | None = None, position_ids: Tensor | None = None
    ) -> Tensor:
        """Ids (batch, tokens) → (batch, tokens, hidden); positions count from 0 where none are given."""
        kinds = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        places = (
            torch.arange(input_ids.shape[1], device=input_ids.device)[None] if position_ids is None else position_ids
        )
        words = self.word_embeddings(input_ids) + self.token_type_embeddings(kinds)
        return self.LayerNorm(words + self.position_embeddings(places))


class Layers(nn.Module):
    """The stack of layers."""

    def __init__(self, config: PlainBertConfig) -> None:
        """Make them."""
        super().__init__()
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return next(self.parameters()).dtype


class Layer(nn.Module):
    """Attention and a feed-forward net, each added to its input and normed."""

    def __init__(self, config: PlainBertConfig) -> None:
        """Make the parts."""
        super().__init__()
        self.attention = Attention(config)
        self.intermediate = Intermediate(config)
        self.output = SkipOutput(config, config.intermediate_size)

    def forward(self, hidden: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """(batch, tokens, hidden) → the same; the mask, True or 0 where a token is seen, fits (batch, 1, 1, tokens)."""
        hidden = self.attention(hidden, attention_mask)
        return self.output(self.intermediate(hidden), hidden)


class Attention(nn.Module):
    """Self-attention with its skip connection."""

    def __init__(self, config: PlainBertConfig) -> None:
        """Make the projections."""
        super().__init__()
        self.heads = config.num_attention_heads
        self.self = nn.Module()
        for name in ("query", "key", "value"):
            self.self.add_module(name, nn.Linear(config.hidden_size, config.hidden_size))
        self.output = SkipOutput(config, config.hidden_size)

    def forward(self, hidden: Tensor, attention_mask: Tensor | None) -> Tensor:
        """See `Layer.forward`."""
        query, key, value = (
            self.self.get_submodule(name)(hidden).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=attention_mask)
        return self.output(mixed.transpose(1, 2).flatten(2), hidden)


class Intermediate(nn.Module):
    """The feed-forward net's wide layer."""

    def __init__(self, config: PlainBertConfig) -> None:
        """Make the layer.

        Raises:
            ValueError: the activation is not gelu.
        """
        super().__init__()
        if config.hidden_act != "gelu":
            raise ValueError(f"the activation is {config.hidden_act!r}; only gelu is known here")
        self.dense = nn.Linear(config.hidden_size, config.intermediate_size)

    def forward(self, hidden: Tensor) -> Tensor:
        """(…, hidden) → (…, intermediate)."""
        return functional.gelu(self.dense(hidden))


class SkipOutput(nn.Module):
    """A projection back to the hidden size, added to what came in, and normed."""

    def __init__(self, config: PlainBertConfig, width: int) -> None:
        """Make the projection from `width`."""
        super().__init__()
        self.dense = nn.Linear(width, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, inner: Tensor, hidden: Tensor) -> Tensor:
        """(…, width) and (…, hidden) → (…, hidden)."""
        return self.LayerNorm(self.dropout(self.dense(inner)) + hidden)


@dataclass
class PlainRetriBertConfig:
    """What decides RetriBERT's vectors, named as in `RetriBertConfig`; pooling is the mean."""

    hidden_size: int
    num_hidden_layers: int
    projection_dim: int
    normalize: bool
    share_encoders: bool = True
    pooling: str = "mean"


class PlainRetriBert(nn.Module):
    """RetriBERT with mean pooling, for inference; see `RetriBertModel`, whose names it has."""

    def __init__(self, config: PlainRetriBertConfig, encoder: PlainBert) -> None:
        """Put the projections, still zero, on an encoder that both sides share."""
        super().__init__()
        self.config = config
        self.bert_query = encoder
        self.bert_doc: PlainBert | None = None
        zeros = torch.zeros(config.projection_dim, config.hidden_size)
        self.project_query = nn.Linear(config.hidden_size, config.projection_dim, bias=False)
        self.project_doc = nn.Linear(config.hidden_size, config.projection_dim, bias=False)
        self.load_state_dict({"project_query.weight": zeros, "project_doc.weight": zeros}, strict=False)
        self.eval().requires_grad_(False)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.project_query.weight.device

    def split_encoders(self) -> None:
        """Give documents an encoder of their own; its weights are the other's until they are replaced."""
        if self.bert_doc is None:
            self.bert_doc = PlainBert.of(self.bert_query.config, self.bert_query.state_dict())
            self.config.share_encoders = False

    def embed_questions(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Ids and mask (batch, tokens) → (batch, projection_dim), of length 1 if the configuration says so."""
        return self._embed(self.bert_query, self.project_query, input_ids, attention_mask)

    def embed_answers(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """The same of documents."""
        encoder = self.bert_query if self.bert_doc is None else self.bert_doc
        return self._embed(encoder, self.project_doc, input_ids, attention_mask)

    def _embed(self, encoder: PlainBert, projection: nn.Linear, ids: Tensor, mask: Tensor | None) -> Tensor:
        hidden = encoder(ids, mask).last_hidden_state
        weights = torch.ones_like(ids) if mask is None else mask
        weights = weights.to(hidden.dtype)[..., None]
        vectors = projection((hidden * weights).sum(1) / weights.sum(1).clamp(min=1.0))
        return functional.normalize(vectors, dim=-1) if self.config.normalize else vectors
