"""The settings of a RetriBERT model, with the names and defaults of the published one.

Knows sizes and how the pieces are put together; knows no weights, and nothing of tokens or of training.
"""

from typing import Any, ClassVar

from transformers import BertConfig, PreTrainedConfig
from transformers.activations import ACT2FN

POOLINGS = ("cls", "mean")


class RetriBertConfig(PreTrainedConfig):
    """Settings of a `RetriBertModel`: one or two BERT encoders, each followed by a linear projection.

    The defaults are those of yjernite/retribert-base-uncased. `pooling` and `normalize` are additions; their
    defaults give the published model. Source: Jernite (2020), https://yjernite.github.io/lfqa.html.

    Example:
        >>> RetriBertConfig(projection_dim=64).encoder_config().num_hidden_layers
        8
        >>> RetriBertConfig(pooling="max")
        Traceback (most recent call last):
        ...
        ValueError: pooling is 'max': use one of 'cls', 'mean'
    """

    model_type: ClassVar[str] = "retribert"

    def __init__(
        self,
        vocab_size: int = 30522,
        hidden_size: int = 768,
        num_hidden_layers: int = 8,
        num_attention_heads: int = 12,
        intermediate_size: int = 3072,
        hidden_act: str = "gelu",
        hidden_dropout_prob: float = 0.1,
        attention_probs_dropout_prob: float = 0.1,
        max_position_embeddings: int = 512,
        type_vocab_size: int = 2,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        share_encoders: bool = True,
        projection_dim: int = 128,
        pad_token_id: int | None = 0,
        pooling: str = "cls",
        normalize: bool = False,
        **kwargs: Any,  # noqa: ANN401 (whatever every configuration of the library takes)
    ) -> None:
        """Checks and keeps the settings.

        Args:
            vocab_size: Number of different tokens.
            hidden_size: Width of the encoder's vectors; a multiple of `num_attention_heads`.
            num_hidden_layers: Number of transformer layers.
            num_attention_heads: Attention heads in each layer.
            intermediate_size: Width of each layer's feed-forward part.
            hidden_act: Name of the activation function: "gelu", "relu", "silu", "gelu_new", ...
            hidden_dropout_prob: Dropout after each part of the encoder, in [0, 1].
            attention_probs_dropout_prob: Dropout of the attention weights, in [0, 1].
            max_position_embeddings: Longest text in tokens, [CLS] and [SEP] included.
            type_vocab_size: Number of different token types.
            initializer_range: Standard deviation of new weights.
            layer_norm_eps: Added to the variance in layer normalisation.
            share_encoders: True: questions and documents go through one encoder, `bert_query`. False: documents
                have their own, `bert_doc`. Projections are separate either way.
            projection_dim: Width of an embedding.
            pad_token_id: Id of the padding token, or None.
            pooling: How a text's vectors become one. "cls": BERT's pooler on the first vector, as published.
                "mean": the mean of the last layer over the tokens that the mask keeps.
            normalize: True: embeddings have length 1, so that scores are cosines in [-1, 1].
            **kwargs: Passed to `PreTrainedConfig`.

        Raises:
            ValueError: A setting is out of its range; the message names it, its value and what is allowed.
        """
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.hidden_act = hidden_act
        self.hidden_dropout_prob = hidden_dropout_prob
        self.attention_probs_dropout_prob = attention_probs_dropout_prob
        self.max_position_embeddings = max_position_embeddings
        self.type_vocab_size = type_vocab_size
        self.initializer_range = initializer_range
        self.layer_norm_eps = layer_norm_eps
        self.share_encoders = share_encoders
        self.projection_dim = projection_dim
        self.pad_token_id = pad_token_id
        self.pooling = pooling
        self.normalize = normalize
        self._check_sizes()
        self._check_ranges()
        super().__init__(**kwargs)

    def _check_sizes(self) -> None:
        """Raises ValueError for a count that is not a positive whole number, or for sizes that do not fit."""
        for name in (
            "vocab_size",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "max_position_embeddings",
            "type_vocab_size",
            "projection_dim",
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} is {value!r}: it must be a whole number of at least 1")
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} cannot be divided among {self.num_attention_heads} attention "
                "heads: choose num_attention_heads so that it divides hidden_size"
            )

    def _check_ranges(self) -> None:
        """Raises ValueError for a choice that does not exist or a number out of its range."""
        if self.pooling not in POOLINGS:
            raise ValueError(f"pooling is {self.pooling!r}: use one of {', '.join(map(repr, POOLINGS))}")
        if not callable(self.hidden_act) and self.hidden_act not in ACT2FN:
            raise ValueError(f"hidden_act is {self.hidden_act!r}: use one of {', '.join(sorted(ACT2FN))}")
        for name in ("share_encoders", "normalize"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} is {getattr(self, name)!r}: use True or False")
        for name, low, high in (
            ("hidden_dropout_prob", 0.0, 1.0),
            ("attention_probs_dropout_prob", 0.0, 1.0),
            ("initializer_range", 0.0, float("inf")),
            ("layer_norm_eps", 0.0, float("inf")),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise ValueError(f"{name} is {value!r}: it must be a number from {low} to {high}")
        pad = self.pad_token_id
        if pad is not None and (not isinstance(pad, int) or not 0 <= pad < self.vocab_size):
            raise ValueError(f"pad_token_id is {pad!r}: use None or an id from 0 to {self.vocab_size - 1}")

    def encoder_config(self) -> BertConfig:
        """Returns the settings of one of the model's BERT encoders, its attention implementation included."""
        config = BertConfig(
            vocab_size=self.vocab_size,
            hidden_size=self.hidden_size,
            num_hidden_layers=self.num_hidden_layers,
            num_attention_heads=self.num_attention_heads,
            intermediate_size=self.intermediate_size,
            hidden_act=self.hidden_act,
            hidden_dropout_prob=self.hidden_dropout_prob,
            attention_probs_dropout_prob=self.attention_probs_dropout_prob,
            max_position_embeddings=self.max_position_embeddings,
            type_vocab_size=self.type_vocab_size,
            initializer_range=self.initializer_range,
            layer_norm_eps=self.layer_norm_eps,
            pad_token_id=self.pad_token_id,
        )
        config._attn_implementation = self._attn_implementation
        return config
