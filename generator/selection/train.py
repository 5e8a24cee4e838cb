"""The command that trains the sentence ranker: `python -m generator.selection.train --output runs/ranker`.

Close answers say which passage sentences belong into an answer (examples.py). A run that ended early goes on where it
stopped when the same command is given again; `--install` puts the result into the program.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import tqdm

from data.questions import Question
from generator.selection.examples import Rows, make_rows
from generator.selection.ranker import (
    ALPHA,
    RANK,
    TARGETS,
    WEIGHTS,
    CrossEncoder,
    Sentence,
    SentenceRanker,
    features,
    pairs,
)
from training.checkpoint import CheckpointError, TrainingState, epoch_order, load_state, save_state, seed_everything
from training.command import exit_status
from training.log import TrainingLog, plot_log
from training.lora import adapter_tensors, add_adapters

# Every so many-th question is held out of training; the joining regression is fitted on them.
HELD_OUT_EVERY = 10
_STATE, _LOG = "state.safetensors", "log.jsonl"
_SAVE_EVERY = 50
_MICRO_BATCH = 12


@dataclass(frozen=True)
class Settings:
    """How the ranker is trained.

    Attributes:
        epochs: over the questions.
        questions: in a batch.
        sentences: of a question shown in an epoch: those that belong into the answer, and others by chance.
        lr: the highest learning rate, of the updates; the head's is the same.
        seed: of everything that is drawn.
    """

    epochs: int = 2
    questions: int = 6
    sentences: int = 7
    lr: float = 1e-3
    seed: int = 0


Encode = Callable[[Sequence[tuple[str, Sentence]]], dict[str, Tensor]]


def train_ranker(model: CrossEncoder, encode: Encode, rows: Sequence[Rows], settings: Settings, folder: Path) -> None:
    """Train the adapters and the head in place, going on from the folder's state when there is one.

    Raises:
        CheckpointError: the folder's state is another run's or damaged.
    """
    seed_everything(settings.seed)
    add_adapters(model.encoder, TARGETS, RANK, ALPHA)
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    optimizer = torch.optim.AdamW(trained.values(), lr=settings.lr, weight_decay=0.01)
    per_epoch = -(-len(rows) // settings.questions)
    steps, start = settings.epochs * per_epoch, _resume(folder / _STATE, trained, optimizer, settings)
    log = TrainingLog(folder / _LOG, start)
    model.train()
    for step in tqdm(range(start, steps), initial=start, total=steps, desc="ranker", unit="step"):
        for group in optimizer.param_groups:
            group["lr"] = settings.lr * min(1.0, (step + 1) / (0.06 * steps + 1)) * max(0.03, 1 - step / steps)
        torch.manual_seed(settings.seed * 1_000_003 + step)
        epoch, place = divmod(step, per_epoch)
        chosen = epoch_order(len(rows), settings.seed, epoch)[place * settings.questions :][: settings.questions]
        batch, wanted = draw(
            [rows[number] for number in chosen], settings, np.random.default_rng([step, settings.seed])
        )
        optimizer.zero_grad()
        loss = 0.0
        # Pairs of about the same length together: padding costs as much as words.
        order = sorted(range(len(batch)), key=lambda row: len(batch[row][1].text))
        for first in range(0, len(order), _MICRO_BATCH):
            part = order[first : first + _MICRO_BATCH]
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(**encode([batch[row] for row in part]))
            target = torch.tensor([wanted[row] for row in part])
            share = binary_cross_entropy_with_logits(logits, target, reduction="sum") / len(batch)
            share.backward()
            loss += float(share.detach())
        torch.nn.utils.clip_grad_norm_(trained.values(), 1.0)
        optimizer.step()
        log.add(step + 1, loss=loss)
        if (step + 1) % _SAVE_EVERY == 0 or step + 1 == steps:
            save_state(folder / _STATE, TrainingState(step + 1, trained, optimizer.state_dict(), asdict(settings)))
    plot_log(log.rows, folder / "loss.png", {"loss": ["loss"]}, "Sentence ranker")


def _resume(path: Path, trained: dict[str, Any], optimizer: torch.optim.Optimizer, settings: Settings) -> int:
    """Take over a state; the step to go on with."""
    if not path.is_file():
        return 0
    state = load_state(path)
    if state.progress != asdict(settings):
        raise CheckpointError(f"{path} is of a run with other settings ({state.progress}): name another folder")
    for name, weight in trained.items():
        weight.data.copy_(state.tensors[name])
    optimizer.load_state_dict(dict(state.optimizer))
    return state.step


def draw(
    rows: Sequence[Rows], settings: Settings, random: np.random.Generator
) -> tuple[list[tuple[str, Sentence]], list[float]]:
    """Pairs of question and sentence, and their targets: first those that belong, then others, nearer ones likelier."""
    batch: list[tuple[str, Sentence]] = []
    wanted: list[float] = []
    for row in rows:
        targets = np.array(row.targets)
        near = np.array([item.similarity - 0.1 * item.rank for item in row.sentences])
        # Gumbel noise makes the order a draw without replacement, in proportion to exp(4 · similarity).
        order = np.argsort(-(10.0 * (targets > 0) + 4 * near + random.gumbel(size=len(near))))
        for place in order[: settings.sentences]:
            batch.append((row.question.question, row.sentences[place]))
            wanted.append(row.targets[place])
    return batch, wanted


def fit_weights(ranker: SentenceRanker, rows: Sequence[Rows]) -> tuple[list[float], dict[str, float]]:
    """The joining regression's weights, fitted on held-out questions, and what is measured on them."""
    from sklearn.linear_model import LogisticRegression

    logits = [
        ranker.logits(row.question.question, row.sentences) for row in tqdm(rows, desc="judging", unit="question")
    ]
    inputs = np.vstack([features(own, row.sentences) for own, row in zip(logits, rows, strict=True)])
    wanted = np.concatenate([row.targets for row in rows])
    # A target of 0.3 counts as three tenths of an example that belongs and seven of one that does not.
    fitted = LogisticRegression(max_iter=2000).fit(
        np.vstack([inputs, inputs]),
        np.repeat([1, 0], len(inputs)),
        np.concatenate([wanted, 1 - wanted]),
    )
    weights = [*map(float, fitted.coef_[0]), float(fitted.intercept_[0])]
    judged = SentenceRanker(ranker.model, ranker.tokenizer, weights)
    scores = [features(own, row.sentences) @ judged.weights[:-1] for own, row in zip(logits, rows, strict=True)]
    nearest = [np.array([item.similarity - 0.1 * item.rank for item in row.sentences]) for row in rows]
    return weights, measure(rows, scores, "") | measure(rows, logits, "logit ") | measure(rows, nearest, "nearest ")


def measure(rows: Sequence[Rows], scores: Sequence[np.ndarray], name: str) -> dict[str, float]:
    """Mean average precision, and how far the first and the first three sentences belong; answerable questions only."""
    from sklearn.metrics import average_precision_score

    precision, first, three = [], [], []
    for row, own in zip(rows, scores, strict=True):
        targets = np.array(row.targets)
        belongs = targets >= 0.5
        if not belongs.any() or belongs.all():
            continue
        precision.append(average_precision_score(belongs, own))
        best = targets[np.argsort(-own)]
        first.append(best[0])
        three.append(best[:3].mean())
    found = {"map": precision, "first": first, "first three": three}
    return {f"{name}{key}": round(float(np.mean(values)), 4) for key, values in found.items()}


def run(given: argparse.Namespace) -> dict[str, float]:
    """The command: examples, training, regression; what was measured."""
    from data.questions import load_questions
    from retriever.embedded import load_tokenizer
    from retriever.search import Retriever
    from training.embedded import load_minilm

    settings = Settings(given.epochs, given.questions, given.sentences, given.lr, given.seed)
    given.output.mkdir(parents=True, exist_ok=True)
    questions = load_questions("close")
    held_out = questions[::HELD_OUT_EVERY]
    kept = {item.question for item in held_out}
    retriever, tokenizer = Retriever.load(), load_tokenizer()
    trained = [item for item in questions if item.question not in kept][: given.limit]
    rows = _kept_rows(given.output / "rows.json", lambda: make_rows(trained, retriever, with_gold=True))
    model = CrossEncoder(load_minilm())
    train_ranker(model, lambda batch: pairs(tokenizer, batch), rows, settings, given.output)
    ranker = SentenceRanker(model, tokenizer, [1.0] + [0.0] * 4)
    weights, figures = fit_weights(ranker, make_rows(held_out, retriever, with_gold=False))
    judged = SentenceRanker(model, tokenizer, weights)
    facts = {"settings": json.dumps(asdict(settings)), "figures": json.dumps(figures)}
    judged.save(given.output / WEIGHTS.name, adapter_tensors(model.encoder), facts)
    if given.install:
        shutil.copy(given.output / WEIGHTS.name, WEIGHTS)
    return figures


def _kept_rows(path: Path, make: Callable[[], list[Rows]]) -> list[Rows]:
    """The examples, made once for a run."""
    if not path.is_file():
        text = json.dumps([asdict(row) for row in make()], ensure_ascii=False)
        part = path.with_suffix(".part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    return [
        Rows(
            Question(**row["question"] | {"titles": tuple(row["question"]["titles"])}),
            tuple(Sentence(**sentence) for sentence in row["sentences"]),
            tuple(row["targets"]),
        )
        for row in json.loads(path.read_text(encoding="utf-8"))
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Train; the exit status is 0, 1 for a failure, 130 after Ctrl-C."""
    from data.assets import AssetError

    given = _parser().parse_args(arguments)

    def work() -> None:
        sys.stdout.write(json.dumps(run(given), indent=2) + "\n")

    failures = (AssetError, CheckpointError, OSError, ValueError)
    return exit_status(work, failures, "stopped; run the same command again to go on")


def _parser() -> argparse.ArgumentParser:
    own = Settings()
    parser = argparse.ArgumentParser(prog="python -m generator.selection.train", description="Train the ranker.")
    add = parser.add_argument
    add("--output", type=Path, required=True, metavar="DIR", help="the run's folder; a run in it goes on")
    add("--epochs", type=int, default=own.epochs, help=f"(default {own.epochs})")
    add("--questions", type=int, default=own.questions, help=f"in a batch (default {own.questions})")
    add("--sentences", type=int, default=own.sentences, help=f"of a question (default {own.sentences})")
    add("--lr", type=float, default=own.lr, help=f"(default {own.lr:g})")
    add("--seed", type=int, default=own.seed)
    add("--limit", type=int, help="train on the first so many questions only")
    add("--install", action="store_true", help="put the result into generator/selection")
    return parser


if __name__ == "__main__":
    sys.exit(main())
