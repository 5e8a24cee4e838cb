"""Epochs, steps, held-out checks and resumption of a retriever's training.

It knows models, losses and vectors. It knows no files of questions and no command line.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase, get_scheduler

from retriever.modeling_retribert import RetriBertModel
from retriever.objectives import document_vectors, question_vectors
from training.checkpoint import CheckpointError, TrainingState, epoch_order, load_state, save_state
from training.log import TrainingLog, plot_log

if TYPE_CHECKING:
    from collections.abc import Mapping

# Settings that a run may be resumed with although they differ.
_FREE_SETTINGS = ("output", "restart", "save_every", "device")


class Objective(Protocol):
    """Gives the loss of examples by their numbers."""

    def loss(self, numbers: Sequence[int], rng: random.Random) -> Tensor:
        """The loss, a scalar."""


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


class TrainingLoop:
    """One run: it goes on from `state.safetensors` of the output folder if there is one.

    Besides it the folder gets `log.jsonl`, `loss.png` and `best.safetensors`, the weights of the best epoch by the
    held-out MRR@10 (the last epoch's without held-out questions).
    """

    def __init__(
        self,
        settings: argparse.Namespace,
        model: RetriBertModel,
        objective: Objective,
        check: RetrievalCheck,
        count: int,
    ) -> None:
        """Hold the parts; `count` is the number of training examples, `settings` those of `retriever.train`."""
        self.settings, self.model, self.objective, self.check, self.count = settings, model, objective, check, count
        self.weights = {name: value for name, value in model.named_parameters() if value.requires_grad}
        # A last batch of one would have nothing to compare with; it is left out.
        self.batches = max(1, count // settings.batch_size)
        self.steps = self.batches * settings.epochs
        self.optimizer = self._make_optimizer()
        self.scheduler = get_scheduler(
            settings.schedule, self.optimizer, round(settings.warmup * self.steps), self.steps
        )
        self.step = 0
        self.best = -math.inf
        self.state_path = settings.output / "state.safetensors"
        self.best_path = settings.output / "best.safetensors"

    def run(self) -> None:
        """Train to the end.

        Raises:
            CheckpointError: the output folder holds a run with other settings, or a damaged state.
            FloatingPointError: the loss is not a number.
        """
        resumed = self._resume()
        log = TrainingLog(self.settings.output / "log.jsonl", self.step if resumed else None)
        if not resumed:
            log.add(0, **self.check())
        with tqdm(total=self.steps, initial=self.step, desc="training", unit="step", mininterval=0.5) as bar:
            while self.step < self.steps:
                loss = self._train_step()
                self.step += 1
                bar.update()
                bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
                log.add(self.step, loss=loss, learning_rate=self.scheduler.get_last_lr()[0])
                epoch_ends = self.step % self.batches == 0
                if epoch_ends:
                    self._end_epoch(log, bar)
                if epoch_ends or self.step % self.settings.save_every == 0:
                    self._save()
        plot_log(
            log.rows,
            self.settings.output / "loss.png",
            {"training loss": ["loss"], "held out": ["recall@1", "recall@5", "recall@10", "mrr@10"]},
            f"{self.settings.output.name}: {self.count:,} examples, {self.settings.epochs} epochs",
        )

    def load_best(self) -> None:
        """Put the best epoch's weights into the model."""
        self._load_weights(load_file(self.best_path))

    def _train_step(self) -> float:
        """One optimiser step; everything drawn depends only on the seed, the step and torch's generator."""
        epoch, place = divmod(self.step, self.batches)
        size = self.settings.batch_size
        numbers = epoch_order(self.count, self.settings.seed, epoch)[place * size : (place + 1) * size].tolist()
        self.model.train()
        device = self.model.device.type
        with torch.autocast(device, torch.bfloat16, enabled=self.settings.bf16):
            loss = self.objective.loss(numbers, random.Random(self.settings.seed * 1_000_003 + self.step))
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss.item()} at step {self.step + 1}: lower --learning-rate, or check the data"
            )
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.weights.values(), 1.0)
        self.optimizer.step()
        self.scheduler.step()
        return loss.item()

    def _end_epoch(self, log: TrainingLog, bar: tqdm) -> None:
        """Check the held-out questions and keep the weights if they are the best so far."""
        figures = self.check()
        score = figures.get("mrr@10", float(self.step))
        log.add(self.step, epoch=self.step // self.batches, **figures)
        bar.write(f"epoch {self.step // self.batches}: " + ", ".join(f"{k} {v:.3f}" for k, v in figures.items()))
        if score > self.best:
            self.best = score
            part = self.best_path.with_suffix(".part")
            save_file({name: value.detach().cpu().contiguous() for name, value in self.weights.items()}, part)
            part.replace(self.best_path)

    def _make_optimizer(self) -> torch.optim.Optimizer:
        projections = [value for name, value in self.weights.items() if name.startswith("project_")]
        others = [value for name, value in self.weights.items() if not name.startswith("project_")]
        rate = self.settings.learning_rate
        groups = [{"params": projections, "lr": self.settings.projection_rate or rate}]
        if others:
            groups.insert(0, {"params": others, "lr": rate})
        return torch.optim.AdamW(groups, lr=rate, weight_decay=self.settings.weight_decay)

    def _facts(self) -> dict[str, str]:
        """The settings that must not change within a run."""
        chosen = {name: str(value) for name, value in vars(self.settings).items() if name not in _FREE_SETTINGS}
        return chosen | {"examples": str(self.count)}

    def _save(self) -> None:
        progress = {"best": self.best, "settings": self._facts(), "scheduler": self.scheduler.state_dict()}
        # JSON has no infinity.
        progress = json.loads(json.dumps(progress, default=str).replace("-Infinity", "null"))
        save_state(self.state_path, TrainingState(self.step, self.weights, self.optimizer.state_dict(), progress))

    def _resume(self) -> bool:
        """Take up the state of the output folder; False if there is none or it is to be forgotten."""
        if self.settings.restart or not self.state_path.is_file():
            return False
        state = load_state(self.state_path)
        saved, given = state.progress["settings"], self._facts()
        changed = sorted(name for name in saved | given if saved.get(name) != given.get(name))
        if changed:
            name = changed[0]
            raise CheckpointError(
                f"{self.settings.output} holds a run with other settings ({name} was {saved.get(name)}, now "
                f"{given.get(name)}): give the same, or --restart to forget it, or another --output"
            )
        self._load_weights(state.tensors)
        self.optimizer.load_state_dict(dict(state.optimizer))
        self.scheduler.load_state_dict(state.progress["scheduler"])
        self.step = state.step
        self.best = -math.inf if state.progress["best"] is None else state.progress["best"]
        return True

    def _load_weights(self, tensors: Mapping[str, Tensor]) -> None:
        """Copy weights into the model in place.

        Raises:
            CheckpointError: a weight is missing or has another shape.
        """
        for name, value in self.weights.items():
            saved = tensors.get(name)
            if saved is None or saved.shape != value.shape:
                found = "missing" if saved is None else f"of shape {tuple(saved.shape)}"
                raise CheckpointError(
                    f"{name} is {found} in the run of {self.settings.output}, expected {tuple(value.shape)}: "
                    "--restart to forget it, or name another --output"
                )
            with torch.no_grad():
                value.copy_(saved)
