"""The command that trains the sentence ranker: `python -m training.ranker --output runs/ranker`.

Close answers say which passage sentences belong into an answer (ranker_examples.py). `--install` puts the result into
the program.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

from core.command import exit_status
from data.questions import load_questions
from generator.selection.ranker import (
    ALPHA,
    FEATURES,
    RANK,
    TARGETS,
    WEIGHTS,
    CrossEncoder,
    Sentence,
    SentenceRanker,
    features,
    pairs,
)
from retriever.embedded import load_minilm, load_tokenizer
from retriever.search import Retriever
from training.checkpoint import seed_everything
from training.loop import STOPPED, Figures, Training
from training.lora import adapter_tensors, add_adapters
from training.options import add_run_options, check_range, run_folder, run_settings
from training.ranker_examples import RankedQuestion, ranked_questions
from training.schedule import Batches, Schedule

# Every so many-th question is held out of training; the joining regression is fitted on them.
HELD_OUT_EVERY = 10
_MICRO_BATCH = 12


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training.ranker", description="Train the sentence ranker.")
    add = parser.add_argument
    add("--epochs", type=int, default=2, help="over the questions (default %(default)s)")
    add("--sentences", type=int, default=7, help="shown of a question, those wanted first (default %(default)s)")
    add("--limit", type=int, help="train on the first so many questions only")
    add("--install", action="store_true", help="put the result into generator/selection")
    add_run_options(parser, batch_size=6, learning_rate=1e-3, save_every=50)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Train; the exit status is 0, 1 for a failure, 130 after Ctrl-C."""
    given = make_parser().parse_args(arguments)
    return exit_status(lambda: run(given), STOPPED)


def run(given: argparse.Namespace) -> None:
    """Examples, training, regression; what was measured is printed as JSON.

    Raises:
        core.errors.UserError: options are out of range, assets cannot be had, or the output folder holds another run.
    """
    check_range(given, 1, "epochs", "sentences", "limit", "batch_size", "save_every")
    check_range(given, 0, "learning_rate", above=True)
    with run_folder(given):
        _run(given)


def _run(given: argparse.Namespace) -> None:
    """The same in a folder that is this run's own."""
    questions = load_questions("close")
    held_out = questions[::HELD_OUT_EVERY]
    kept = {item.question for item in held_out}
    retriever, tokenizer = Retriever.load(), load_tokenizer()
    trained = [item for item in questions if item.question not in kept][: given.limit]
    model = CrossEncoder(load_minilm())
    train(model, tokenizer, ranked_questions(trained, retriever, with_gold=True), given)
    ranker = SentenceRanker(model, tokenizer, [1.0] + [0.0] * len(FEATURES))
    weights, figures = fit_weights(ranker, ranked_questions(held_out, retriever, with_gold=False))
    judged = SentenceRanker(model, tokenizer, weights)
    facts = {"settings": json.dumps(run_settings(given)), "figures": json.dumps(figures)}
    judged.save(given.output / WEIGHTS.name, adapter_tensors(model.encoder), facts)
    if given.install:
        shutil.copy(given.output / WEIGHTS.name, WEIGHTS)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


def train(
    model: CrossEncoder,
    tokenizer: PreTrainedTokenizerBase,
    questions: Sequence[RankedQuestion],
    given: argparse.Namespace,
) -> None:
    """Train adapters and head in place, with low-rank updates on all of the encoder's layers."""
    seed_everything(given.seed)
    add_adapters(model.encoder, TARGETS, RANK, ALPHA)
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    batches = Batches(len(questions), given.batch_size, given.seed)

    def step(number: int) -> Figures:
        # Dropout follows from the step alone.
        torch.manual_seed(given.seed * 1_000_003 + number)
        chosen = [questions[row] for row in batches.at(number)[1]]
        shown = draw(chosen, given.sentences, np.random.default_rng([number, given.seed]))
        # Pairs of about the same length together: padding costs as much as words.
        shown.sort(key=lambda row: len(row[1].text))
        total = 0.0
        model.train()
        for first in range(0, len(shown), _MICRO_BATCH):
            part = shown[first : first + _MICRO_BATCH]
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(**pairs(tokenizer, [(question, sentence) for question, sentence, _ in part]))
            target = torch.tensor([wanted for *_, wanted in part])
            loss = binary_cross_entropy_with_logits(logits, target, reduction="sum") / len(shown)
            loss.backward()
            total += loss.item()
        return {"loss": total}

    steps = given.epochs * batches.per_epoch
    Training(
        given.output,
        trained,
        torch.optim.AdamW(trained.values(), lr=given.learning_rate, weight_decay=0.01),
        step,
        Schedule(steps, 0.06 * steps + 1, floor=0.03, falls_from=0),
        run_settings(given),
        save_every=given.save_every,
        restart=given.restart,
    ).run()


def draw(
    questions: Sequence[RankedQuestion], most: int, random: np.random.Generator
) -> list[tuple[str, Sentence, float]]:
    """Question, sentence and target, `most` of a question: those that belong, then others, nearer ones likelier."""
    shown = []
    for row in questions:
        near = np.array([item.similarity - 0.1 * item.rank for item in row.sentences])
        # Gumbel noise makes the order a draw without replacement, in proportion to exp(4 · similarity).
        order = np.argsort(-(10.0 * (np.array(row.targets) > 0) + 4 * near + random.gumbel(size=len(near))))
        shown += [(row.question.question, row.sentences[place], row.targets[place]) for place in order[:most]]
    return shown


def fit_weights(ranker: SentenceRanker, questions: Sequence[RankedQuestion]) -> tuple[list[float], Figures]:
    """The joining regression's weights, fitted on held-out questions, and what is measured on them."""
    logits = [
        ranker.logits(row.question.question, row.sentences) for row in tqdm(questions, desc="judging", unit="question")
    ]
    parts = [features(own, row.sentences) for own, row in zip(logits, questions, strict=True)]
    inputs, wanted = np.vstack(parts), np.concatenate([row.targets for row in questions])
    # A target of 0.3 counts as three tenths of an example that belongs and seven of one that does not.
    fitted = LogisticRegression(max_iter=2000).fit(
        np.vstack([inputs, inputs]),
        np.repeat([1, 0], len(inputs)),
        np.concatenate([wanted, 1 - wanted]),
    )
    joined = [part @ fitted.coef_[0] for part in parts]
    nearest = [np.array([item.similarity - 0.1 * item.rank for item in row.sentences]) for row in questions]
    figures = measure(questions, joined, "") | measure(questions, logits, "logit ")
    weights = [*map(float, fitted.coef_[0]), float(fitted.intercept_[0])]
    return weights, figures | measure(questions, nearest, "nearest ")


def measure(questions: Sequence[RankedQuestion], scores: Sequence[np.ndarray], name: str) -> Figures:
    """Mean average precision, and how far the first and the first three sentences belong; answerable questions only."""
    precision, first, three = [], [], []
    for row, own in zip(questions, scores, strict=True):
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


if __name__ == "__main__":
    sys.exit(main())
