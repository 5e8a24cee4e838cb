"""What a retriever is trained to do: find its document in the batch, or its passage in a whole corpus; and how well.

It knows models, texts and tokens, and gives losses and recalls. It knows no optimisers or files.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from retriever.encode import encode
from retriever.modeling_retribert import RetriBertModel
from training.retriever_examples import Augmenter, RetrievalExample, random_span

logger = logging.getLogger(__name__)


def tokenize(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_tokens: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Texts, cut at `max_tokens`, → ids and mask, both (texts, longest)."""
    batch = tokenizer(list(texts), padding=True, truncation=True, max_length=max_tokens, return_tensors="pt")
    return batch["input_ids"].to(device), batch["attention_mask"].to(device)


def count_cut(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_tokens: int, what: str) -> int:
    """How many texts are longer than `max_tokens`; a warning says so."""
    lengths = [len(ids) for ids in tokenizer(list(texts), truncation=False, verbose=False)["input_ids"]]
    cut = sum(length > max_tokens for length in lengths)
    if cut:
        logger.warning(
            "%d of %d %s are longer than %d tokens (the longest has %d) and are cut there",
            cut, len(texts), what, max_tokens, max(lengths),
        )  # fmt: skip
    return cut


class Objective(Protocol):
    """Gives the loss of examples by their numbers."""

    def loss(self, numbers: Sequence[int], rng: random.Random) -> Tensor:
        """The loss, a scalar."""


class InBatchObjective:
    """The published loss: each question finds its document among the batch's, and each document its question.

    Hard negatives, if the examples have any, stand beside the batch's documents. Source: Jernite (2020); hard
    negatives as in DPR (Karpukhin et al. 2020, arXiv 2004.04906).
    """

    def __init__(
        self,
        model: RetriBertModel,
        tokenizer: PreTrainedTokenizerBase,
        examples: Sequence[RetrievalExample],
        *,
        temperature: float = 1.0,
        checkpoint_batch_size: int = -1,
        spans: bool = False,
        max_question_tokens: int = 512,
        max_document_tokens: int = 512,
    ) -> None:
        """Hold the examples.

        Args:
            model: gives the vectors.
            tokenizer: its tokenizer.
            examples: what `loss` is asked for by number.
            temperature: scores are divided by it; 1 as published, about 0.05 for cosines.
            checkpoint_batch_size: texts encoded at a time, the rest being computed again in the backward pass.
            spans: the ELI5 recipe: the document is a random span of it.
            max_question_tokens: longer questions are cut.
            max_document_tokens: longer documents are cut.
        """
        self.model, self.tokenizer, self.examples = model, tokenizer, examples
        self.temperature, self.checkpoint_batch_size, self.spans = temperature, checkpoint_batch_size, spans
        self.max_question_tokens, self.max_document_tokens = max_question_tokens, max_document_tokens

    def loss(self, numbers: Sequence[int], rng: random.Random) -> Tensor:
        """The loss of the examples with these numbers, a scalar.

        Args:
            numbers: of at least two examples, unless they have negatives: alone, a question has nothing to tell
                its document from.
            rng: draws documents, spans and negatives.
        """
        batch = [self.examples[number] for number in numbers]
        documents = [rng.choice(example.documents) for example in batch]
        if self.spans:
            documents = [random_span(document, rng) for document in documents]
        documents += [rng.choice(example.negatives) for example in batch if example.negatives]
        device = self.model.device
        queries = tokenize(self.tokenizer, [example.question for example in batch], self.max_question_tokens, device)
        texts = tokenize(self.tokenizer, documents, self.max_document_tokens, device)
        questions = self.model.embed_questions(*queries, self.checkpoint_batch_size)
        vectors = self.model.embed_answers(*texts, self.checkpoint_batch_size)
        scores = full_precision_scores(questions, vectors.T) / self.temperature  # (batch, batch + negatives)
        own = torch.arange(len(batch), device=device)
        return (F.cross_entropy(scores, own) + F.cross_entropy(scores[:, : len(batch)].T, own)) / 2


class CorpusObjective:
    """Each question finds its passage among all of a corpus, whose vectors stay as they are.

    Only the question's side learns. The target is the first supporting passage, with a share for the others; beside
    it stands the similarity that the model had before training (a distillation that keeps it from forgetting), and
    queries made from the corpus itself.
    """

    def __init__(
        self,
        model: RetriBertModel,
        tokenizer: PreTrainedTokenizerBase,
        examples: Sequence[RetrievalExample],
        rows: Sequence[Sequence[int]],
        vectors: Tensor,
        *,
        temperature: float = 0.05,
        others: float = 0.2,
        distil: float = 0.5,
        augmenter: Augmenter | None = None,
        augmented: float = 0.5,
        augmented_weight: float = 0.5,
        max_question_tokens: int = 64,
    ) -> None:
        """Hold examples and corpus, and take the similarities of the model as it is now.

        Args:
            model: gives the questions' vectors.
            tokenizer: its tokenizer.
            examples: what `loss` is asked for by number.
            rows: for each example its supporting passages' rows, the main one first.
            vectors: of the corpus, (passages, dimensions).
            temperature: scores are divided by it.
            others: the share of the target that supporting passages after the first have together.
            distil: weight of the cross-entropy with the model's first similarities; 0 for none.
            augmenter: makes further queries; None for none.
            augmented: how many of them for each question of a batch.
            augmented_weight: the weight of one beside a question's.
            max_question_tokens: longer questions are cut.
        """
        self.model, self.tokenizer, self.examples, self.rows = model, tokenizer, examples, rows
        self.corpus = vectors.T.contiguous()  # (dimensions, passages)
        self.temperature, self.others, self.distil = temperature, others, distil
        self.augmenter, self.augmented, self.augmented_weight = augmenter, augmented, augmented_weight
        self.max_question_tokens = max_question_tokens
        self.first = self._question_vectors([example.question for example in examples]) if distil else None

    def loss(self, numbers: Sequence[int], rng: random.Random) -> Tensor:
        """The loss of the examples with these numbers, a scalar; `rng` draws the further queries."""
        scores = self._log_probabilities([self.examples[number].question for number in numbers])
        loss = -(self._targets(numbers) * scores).sum(dim=1).mean()
        count = round(self.augmented * len(numbers)) if self.augmenter else 0
        if self.augmenter and count:
            texts, rows = zip(*(self.augmenter.draw(rng) for _ in range(count)), strict=True)
            own = torch.tensor(rows, device=scores.device)
            extra = F.nll_loss(self._log_probabilities(texts), own, reduction="sum")
            loss = loss + self.augmented_weight * extra / len(numbers)
        return loss

    def _log_probabilities(self, texts: Sequence[str]) -> Tensor:
        """Log of the softmax over the corpus, (texts, passages)."""
        inputs = tokenize(self.tokenizer, texts, self.max_question_tokens, self.model.device)
        scores = full_precision_scores(self.model.embed_questions(*inputs), self.corpus)
        return F.log_softmax(scores / self.temperature, dim=-1)

    def _targets(self, numbers: Sequence[int]) -> Tensor:
        """What each question should find, (questions, passages); rows sum to 1 + distil."""
        device = self.corpus.device
        targets = torch.zeros(len(numbers), self.corpus.shape[1], device=device)
        for place, number in enumerate(numbers):
            main, *others = self.rows[number]
            targets[place, main] = 1 - self.others if others else 1.0
            for row in others:
                targets[place, row] += self.others / len(others)
        if self.first is not None:
            first = self.first[list(numbers)].to(device)
            targets += self.distil * F.softmax(full_precision_scores(first, self.corpus) / self.temperature, dim=-1)
        return targets

    def _question_vectors(self, texts: Sequence[str]) -> Tensor:
        return torch.from_numpy(question_vectors(self.model, self.tokenizer, texts))


def full_precision_scores(queries: Tensor, documents: Tensor) -> Tensor:
    """Products (queries, documents) of (queries, d) and (d, documents) in float32, whatever precision encodes."""
    with torch.autocast(queries.device.type, enabled=False):
        return queries.float() @ documents.float()


def question_vectors(model: RetriBertModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> np.ndarray:
    """Questions → float32 (n, dimensions), in evaluation mode, which is left as it was."""
    return _vectors(model, tokenizer, texts, model.embed_questions)


def document_vectors(model: RetriBertModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> np.ndarray:
    """Documents → float32 (n, dimensions), in evaluation mode, which is left as it was."""
    return _vectors(model, tokenizer, texts, model.embed_answers)


def _vectors(
    model: RetriBertModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    embed: Callable[[Tensor, Tensor], Tensor],
) -> np.ndarray:
    training = model.training
    model.eval()
    try:
        return encode(texts, tokenizer, embed, model.config.projection_dim, model.device)
    finally:
        model.train(training)


class RetrievalCheck:
    """Recall and MRR of held-out questions, over a corpus or over their own documents."""

    def __init__(
        self,
        model: RetriBertModel,
        tokenizer: PreTrainedTokenizerBase,
        questions: Sequence[str],
        own: Sequence[int],
        documents: Sequence[str] | Tensor,
    ) -> None:
        """Hold the questions, the row of each one's document, and the documents or their vectors (n, dimensions)."""
        self.model, self.tokenizer = model, tokenizer
        self.questions, self.own, self.documents = questions, np.asarray(own, dtype=np.int64), documents

    def __call__(self) -> dict[str, float]:
        """Recall@1, 5 and 10 and MRR@10; empty without held-out questions."""
        if not self.questions:
            return {}
        queries = question_vectors(self.model, self.tokenizer, self.questions)
        if isinstance(self.documents, Tensor):
            vectors = self.documents.cpu().numpy()
        else:
            vectors = document_vectors(self.model, self.tokenizer, self.documents)
        return retrieval_figures(queries @ vectors.T, self.own)


def retrieval_figures(scores: np.ndarray, own: np.ndarray) -> dict[str, float]:
    """Recall@1, 5, 10 and MRR@10 of scores (questions, documents) with the row of each question's document.

    >>> retrieval_figures(np.array([[0.9, 0.1], [0.8, 0.7]]), np.array([0, 1]))["mrr@10"]
    0.75
    """
    ranks = 1 + (scores > scores[np.arange(len(own)), own][:, None]).sum(axis=1)
    figures = {f"recall@{k}": float((ranks <= k).mean()) for k in (1, 5, 10)}
    return figures | {"mrr@10": float(np.where(ranks <= 10, 1 / ranks, 0).mean())}
