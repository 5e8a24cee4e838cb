"""RetriBERT: one or two BERT encoders that put questions and documents into one space of vectors.

Knows token ids, masks and weights; knows nothing of text, of files other than safetensors, or of an index.
Importing this module registers "retribert" with AutoConfig, AutoModel and AutoTokenizer.
"""

import copy
import os
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import AutoConfig, AutoModel, AutoTokenizer, BertModel, PreTrainedModel

from retriever.configuration_retribert import RetriBertConfig
from retriever.tokenization_retribert import RetriBertTokenizer
from retriever.tokenization_retribert_fast import RetriBertTokenizerFast


class RetriBertPreTrainedModel(PreTrainedModel):
    """What `from_pretrained` and `save_pretrained` need to know of RetriBERT; weights come from safetensors only."""

    config_class = RetriBertConfig
    base_model_prefix = "retribert"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True
    # Files of 2020 hold this buffer, a plain count from 0; it is now made with the model.
    _keys_to_ignore_on_load_unexpected = [r"embeddings\.position_ids$"]

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | None,
        *model_args: Any,  # noqa: ANN401 (passed through)
        **kwargs: Any,  # noqa: ANN401 (passed through)
    ) -> Self:
        """Loads a model from a folder or from the hub, as `PreTrainedModel.from_pretrained`, but never unpickles.

        Args:
            pretrained_model_name_or_path: Folder with config.json and model.safetensors, or a name on the hub.
            *model_args: Passed on.
            **kwargs: Passed on.

        Returns:
            The model, in evaluation mode; with `output_loading_info=True`, the model and a dictionary.

        Raises:
            ValueError: `use_safetensors` is given and not True; the path is a file of another kind; a weight has
                not the shape that the configuration gives it.
            OSError: There is no safetensors file.
        """
        name = pretrained_model_name_or_path
        _refuse_pickles(name, kwargs.setdefault("use_safetensors", True))
        if kwargs.get("ignore_mismatched_sizes"):
            return super().from_pretrained(name, *model_args, **kwargs)
        wants_info = kwargs.pop("output_loading_info", False)
        kwargs |= {"ignore_mismatched_sizes": True, "output_loading_info": True}
        loaded: Any = super().from_pretrained(name, *model_args, **kwargs)
        mismatched = sorted(loaded[1]["mismatched_keys"])
        if mismatched:
            key, saved, expected = mismatched[0]
            raise ValueError(
                f"{key} has shape {tuple(saved)} in the file but {tuple(expected)} in the configuration: load {name} "
                "with the config.json that it was saved with"
            )
        return loaded if wants_info else loaded[0]


def _refuse_pickles(name: str | os.PathLike[str] | None, use_safetensors: bool | None) -> None:
    """Raises ValueError for a request to load weights that are not safetensors."""
    if use_safetensors is not True:
        raise ValueError(
            f"use_safetensors is {use_safetensors!r}, but pickled weights are never loaded: convert them to "
            "model.safetensors first"
        )
    if name is not None and os.path.isfile(name) and not str(name).endswith(".safetensors"):
        raise ValueError(f"{name} is not a safetensors file: pass the folder that holds model.safetensors")


class RetriBertModel(RetriBertPreTrainedModel):
    """Embeds questions and documents so that the dot product of a question and its document is high.

    `bert_query` encodes questions, `bert_doc` documents (None when they share `bert_query`); `project_query` and
    `project_doc` take the pooled vectors to `projection_dim` numbers. Source: Jernite (2020),
    https://yjernite.github.io/lfqa.html.
    """

    def __init__(self, config: RetriBertConfig) -> None:
        """Makes the model with new random weights; `from_pretrained` loads trained ones.

        Args:
            config: Sizes, and whether documents have their own encoder.
        """
        super().__init__(config)
        self.bert_query = self._make_encoder()
        self.bert_doc = None if config.share_encoders else self._make_encoder()
        self.project_query = nn.Linear(config.hidden_size, config.projection_dim, bias=False)
        self.project_doc = nn.Linear(config.hidden_size, config.projection_dim, bias=False)
        self.post_init()

    def _make_encoder(self) -> BertModel:
        return BertModel(self.config.encoder_config(), add_pooling_layer=self.config.pooling == "cls")

    def forward(
        self,
        input_ids_query: Tensor,
        attention_mask_query: Tensor | None,
        input_ids_doc: Tensor,
        attention_mask_doc: Tensor | None,
        checkpoint_batch_size: int = -1,
    ) -> Tensor:
        """Computes the training loss over a batch in which document i answers question i.

        Every question is scored against every document of the batch by a dot product. The loss is the mean of
        two cross-entropies: of finding each question's document, and of finding each document's question.

        Args:
            input_ids_query: Token ids of the questions, (batch, question tokens).
            attention_mask_query: 1 for tokens to read, 0 for padding, the same shape; None reads them all.
            input_ids_doc: Token ids of the documents, (batch, document tokens).
            attention_mask_doc: Mask of the documents; None reads them all.
            checkpoint_batch_size: If above 0, encode this many texts at a time and keep only their embeddings,
                computing the rest again in the backward pass: less memory, the same loss and gradients.

        Returns:
            The loss, a scalar of at least 0; ln(batch) when all scores are equal.

        Raises:
            ValueError: The batch has different numbers of questions and documents, or a text is too long.
        """
        if input_ids_query.shape[0] != input_ids_doc.shape[0]:
            raise ValueError(
                f"the batch has {input_ids_query.shape[0]} questions but {input_ids_doc.shape[0]} documents: "
                "give one document for each question"
            )
        questions = self.embed_questions(input_ids_query, attention_mask_query, checkpoint_batch_size)
        documents = self.embed_answers(input_ids_doc, attention_mask_doc, checkpoint_batch_size)
        scores = questions @ documents.T  # (batch, batch): row a question, column a document
        own = torch.arange(scores.shape[0], device=scores.device)
        return (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2

    def embed_questions(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, checkpoint_batch_size: int = -1
    ) -> Tensor:
        """Embeds questions.

        Args:
            input_ids: Token ids, (batch, tokens).
            attention_mask: 1 for tokens to read, 0 for padding, (batch, tokens); None reads them all.
            checkpoint_batch_size: See `forward`.

        Returns:
            (batch, projection_dim); of length 1 if the configuration says `normalize`.

        Raises:
            ValueError: There are more tokens than positions, or the mask has another shape.
        """
        pooled = self.embed_sentences_checkpointed(input_ids, attention_mask, self.bert_query, checkpoint_batch_size)
        return self._normalized(self.project_query(pooled))

    def embed_answers(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, checkpoint_batch_size: int = -1
    ) -> Tensor:
        """Embeds documents (passages, answers); arguments, result and errors as in `embed_questions`."""
        encoder = self.bert_query if self.bert_doc is None else self.bert_doc
        pooled = self.embed_sentences_checkpointed(input_ids, attention_mask, encoder, checkpoint_batch_size)
        return self._normalized(self.project_doc(pooled))

    def embed_sentences_checkpointed(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None,
        sent_encoder: BertModel,
        checkpoint_batch_size: int = -1,
    ) -> Tensor:
        """Runs an encoder and pools its output, without projection.

        Args:
            input_ids: Token ids, (batch, tokens).
            attention_mask: (batch, tokens) or None.
            sent_encoder: `bert_query` or `bert_doc`.
            checkpoint_batch_size: See `forward`.

        Returns:
            (batch, hidden_size).

        Raises:
            ValueError: There are more tokens than positions, or the mask has another shape.
        """
        self._check_inputs(input_ids, attention_mask)
        if checkpoint_batch_size <= 0 or input_ids.shape[0] < checkpoint_batch_size:
            return self._encode(sent_encoder, input_ids, attention_mask)
        chunks = input_ids.split(checkpoint_batch_size)
        masks = [None] * len(chunks) if attention_mask is None else attention_mask.split(checkpoint_batch_size)
        pooled = [
            checkpoint(self._encode, sent_encoder, ids, mask, use_reentrant=False)
            for ids, mask in zip(chunks, masks, strict=True)
        ]
        return torch.cat(pooled)

    def _check_inputs(self, input_ids: Tensor, attention_mask: Tensor | None) -> None:
        """Raises ValueError for inputs that the encoder would fail on less clearly."""
        positions = self.config.max_position_embeddings
        if input_ids.shape[1] > positions:
            raise ValueError(
                f"a text has {input_ids.shape[1]} tokens but the model has {positions} positions: tokenize with "
                f"truncation=True, max_length={positions}"
            )
        if attention_mask is not None and attention_mask.shape != input_ids.shape:
            raise ValueError(
                f"attention_mask has shape {tuple(attention_mask.shape)} but input_ids {tuple(input_ids.shape)}: "
                "they must be equal"
            )

    def _encode(self, encoder: BertModel, input_ids: Tensor, attention_mask: Tensor | None) -> Tensor:
        """Encodes and pools one batch: (batch, tokens) to (batch, hidden_size)."""
        output = encoder(input_ids, attention_mask=attention_mask)
        if self.config.pooling == "cls":
            return output.pooler_output
        hidden = output.last_hidden_state  # (batch, tokens, hidden)
        if attention_mask is None:
            return hidden.mean(dim=1)
        weights = attention_mask.to(hidden.dtype).unsqueeze(-1)  # (batch, tokens, 1)
        return (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1.0)

    def _normalized(self, embeddings: Tensor) -> Tensor:
        return F.normalize(embeddings, dim=-1) if self.config.normalize else embeddings

    def split_encoders(self) -> None:
        """Gives documents an encoder of their own, a copy of the one that they shared with questions, in place."""
        if self.bert_doc is None:
            self.bert_doc = copy.deepcopy(self.bert_query)
            self.config.share_encoders = False

    def get_input_embeddings(self) -> nn.Module:
        """Returns the word embeddings of `bert_query`."""
        return self.bert_query.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replaces the word embeddings of `bert_query`."""
        self.bert_query.set_input_embeddings(value)

    def resize_token_embeddings(self, *args: Any, **kwargs: Any) -> nn.Embedding:  # noqa: ANN401 (passed through)
        """Gives every encoder room for another number of tokens; arguments as in the library's method."""
        embeddings = super().resize_token_embeddings(*args, **kwargs)
        self.bert_query.config.vocab_size = self.config.vocab_size
        if self.bert_doc is not None:
            self.bert_doc.resize_token_embeddings(*args, **kwargs)
        return embeddings


def register_auto_classes() -> None:
    """Makes AutoConfig, AutoModel and AutoTokenizer know "retribert"; may be called more than once."""
    AutoConfig.register(RetriBertConfig.model_type, RetriBertConfig, exist_ok=True)
    AutoModel.register(RetriBertConfig, RetriBertModel, exist_ok=True)
    AutoTokenizer.register(
        RetriBertConfig,
        slow_tokenizer_class=RetriBertTokenizer,
        fast_tokenizer_class=RetriBertTokenizerFast,
        exist_ok=True,
    )


register_auto_classes()
