"""Training of the support model on the claims of data/lfqa; everything it needs comes with the program.

    python -m generator.support.train --output runs/support                 # cross-encoder, then the joint judgement
    python -m generator.support.train --output runs/support --examples 0    # the joint judgement alone, anew
    python -m generator.support.train --output runs/more --start runs/support/cross_encoder.safetensors --lr 5e-5

A run that ended early goes on when the same command is given again. `--install` puts the result into the program.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import tqdm

from data.questions import load_claims, load_questions, passages_by_title
from generator.support.compact import pack, unpack
from generator.support.corpus import KeptPassages, held_out, make_examples, siblings_of, without_support
from generator.support.cross_encoder import CrossEncoder
from generator.support.examples import Example
from generator.support.model import FOLDER, NEW, WEIGHTS, View, collate, load_reader, view
from generator.support.reading import Claim, Reader, Source
from training.checkpoint import TrainingState, epoch_order, load_state, save_state, seed_everything
from training.command import exit_status
from training.log import TrainingLog, plot_log

SAVE_EVERY = 40


@dataclass(frozen=True)
class TrainSettings:
    """How the cross-encoder is trained.

    Attributes:
        examples: how many are shown in all; 0 leaves the weights as they are.
        batch: examples a step.
        lr: peak learning rate of the layers; the new head's is four times as high.
        hard_first: share of hand-written claims in the first batches.
        hard_last: their share from seven tenths of the run on.
        token_weight: of the loss of single tokens beside that of whole claims.
        seed: of everything that is drawn.
    """

    examples: int = 40_000
    batch: int = 32
    lr: float = 1.5e-4
    hard_first: float = 0.3
    hard_last: float = 0.8
    token_weight: float = 1.0
    seed: int = 0

    @property
    def steps(self) -> int:
        """Optimiser steps."""
        return self.examples // self.batch

    def rate(self, step: int) -> float:
        """The learning rate's factor: up over 6% of the steps, then straight down to 2%."""
        return min(1.0, (step + 1) / (0.06 * self.steps + 1)) * max(0.02, 1 - step / self.steps)

    def hard_share(self, step: int) -> float:
        """The share of hand-written claims at a step."""
        return self.hard_first + (self.hard_last - self.hard_first) * min(1.0, step / self.steps / 0.7)


@dataclass
class Prepared:
    """An example, ready for a batch.

    Attributes:
        example: as made.
        claim: read by the tokenizer; it has no vector.
        view: what the cross-encoder sees.
        wrong: float32 (tokens,), 1 where the token was made wrong.
    """

    example: Example
    claim: Claim
    view: View
    wrong: np.ndarray


class Preparer:
    """Makes examples ready: reads claims, finds their nearest sentences, keeps nothing."""

    def __init__(self, reader: Reader, kept: KeptPassages) -> None:
        """Hold the reader and the passages."""
        self.reader, self.kept = reader, kept

    def __call__(self, examples: Sequence[Example]) -> list[Prepared]:
        """Prepare examples; those whose support cannot be taken away are left out."""
        ready = []
        for example, claim in zip(examples, self.reader.claims([e.claim for e in examples]), strict=True):
            source: Source | None = self.kept.source(example.titles)
            if source is not None and example.source == "removed":
                source = without_support(claim, source, self.reader)
            if source is None or not source.sentences:
                continue
            seen = view(claim, source, self.reader.nearest(claim, source), self.reader.rarity)
            wrong = [any(a < end and b > start for start, end in example.wrong) and b > a for a, b in claim.places]
            ready.append(Prepared(example, claim, seen, np.array(wrong, np.float32)))
        return ready


def train_cross(
    cross: CrossEncoder, examples: Sequence[Example], prepare: Preparer, settings: TrainSettings, folder: Path
) -> None:
    """Train the cross-encoder in place, going on from the folder's checkpoint when there is one.

    The loss is the cross-entropy of whole claims plus that of single tokens, the latter where it is known which are
    wrong: in claims made wrong by rule, and, all of them right, in supported ones.
    """
    seed_everything(settings.seed)
    groups = [
        {"params": cross.layers.parameters(), "lr": settings.lr},
        {"params": [p for n, p in cross.named_parameters() if n.startswith(NEW)], "lr": 4 * settings.lr},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, settings.rate)
    checkpoint, start = folder / "state.safetensors", 0
    if checkpoint.is_file():
        state = load_state(checkpoint)
        if state.progress != asdict(settings):
            raise ValueError(f"{folder} holds a run of other settings: {state.progress}; name another folder")
        cross.load_state_dict(state.tensors)
        optimizer.load_state_dict(dict(state.optimizer))
        start = state.step
        schedule.last_epoch = start - 1
        schedule.step()
    log = TrainingLog(folder / "log.jsonl", resume_step=start if start else None)
    drawn = _drawn(examples, settings)
    with tqdm(total=settings.steps, initial=start, desc="cross-encoder", unit="step") as bar:
        for step, batch in enumerate(drawn, 1):
            if step <= start:
                continue
            with torch.autocast("cpu", torch.bfloat16):
                ready = prepare(batch)
            losses = _step(cross, ready, prepare.reader, settings)
            optimizer.zero_grad()
            (losses[0] + settings.token_weight * losses[1]).backward()
            torch.nn.utils.clip_grad_norm_(cross.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            log.add(step, claims=float(losses[0].detach()), tokens=float(losses[1].detach()))
            bar.set_postfix(loss=f"{float(losses[0].detach()):.3f}")
            bar.update()
            if step % SAVE_EVERY == 0 or step == settings.steps:
                save_state(
                    checkpoint, TrainingState(step, cross.state_dict(), optimizer.state_dict(), asdict(settings))
                )
    plot_log(log.rows, folder / "loss.png", {"loss": ["claims", "tokens"]}, "Cross-encoder of the support model")


def _drawn(examples: Sequence[Example], settings: TrainSettings) -> Iterator[list[Example]]:
    """The batches of a run: each pool in a new order whenever it is used up."""
    pools = [[e for e in examples if e.source == "hard"], [e for e in examples if e.source != "hard"]]
    places = [0, 0]
    rng = np.random.default_rng(settings.seed)
    for step in range(settings.steps):
        batch = []
        for easy in rng.random(settings.batch) >= settings.hard_share(step):
            pool = pools[int(easy)] or pools[1 - int(easy)]
            epoch, place = divmod(places[int(easy)], len(pool))
            batch.append(pool[epoch_order(len(pool), settings.seed, epoch)[place]])
            places[int(easy)] += 1
        yield batch


def _step(
    cross: CrossEncoder, ready: Sequence[Prepared], reader: Reader, settings: TrainSettings
) -> tuple[Tensor, Tensor]:
    """The two losses of a batch; matrix products in bfloat16."""
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        hidden, mask = reader.joint_inputs([item.claim for item in ready])
    flags, states, shown = collate([item.view for item in ready], mask.shape[1])
    with torch.autocast("cpu", torch.bfloat16):
        whole, wrong = cross(hidden.float(), mask, flags, states, shown)
    truth = torch.tensor([float(item.example.supported) for item in ready])
    known = torch.tensor([float(item.example.supported or bool(item.example.wrong)) for item in ready])
    marks = torch.zeros_like(wrong)
    for row, item in enumerate(ready):
        marks[row, : len(item.wrong)] = torch.from_numpy(item.wrong)
    weights = mask * known[:, None]
    # Wrong tokens are few: each counts three times.
    tokens = binary_cross_entropy_with_logits(wrong, marks, weights, reduction="sum", pos_weight=torch.tensor(3.0))
    return binary_cross_entropy_with_logits(whole, truth), tokens / weights.sum().clamp(min=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 for a failure, 130 after Ctrl-C."""
    from data.assets import AssetError
    from training.checkpoint import CheckpointError

    given = _parser().parse_args(arguments)
    failures = (AssetError, CheckpointError, OSError, ValueError)
    return exit_status(lambda: _run(given), failures, "stopped; run the same command again to go on")


def _run(given: argparse.Namespace) -> None:
    """Examples, cross-encoder, joint judgement."""
    from data.assets import asset_path
    from data.passages import read_vital_articles
    from generator.support.fit import fit_joint

    settings = TrainSettings(given.examples, given.batch, given.lr, given.hard_first, given.hard_last, seed=given.seed)
    given.output.mkdir(parents=True, exist_ok=True)
    passages = passages_by_title(read_vital_articles(asset_path("vital-articles")))
    texts = {title: passage.text for title, passage in passages.items()}
    train, dev = load_claims("train"), load_claims("dev")
    answers = {
        name: {question.id: question for question in load_questions(split)}
        for name, split in (("written", "train"), ("close", "close"))
    }
    reader = load_reader()
    examples = make_examples(train, answers, texts, siblings_of(reader, list(texts.values())), settings.seed)
    titles = list(dict.fromkeys(title for claim in [*dev, *train] for title in claim.read))
    kept = KeptPassages(given.output, passages, titles, reader)
    cross = CrossEncoder(reader.encoder)
    before = {name: value.clone() for name, value in cross.state_dict().items() if not name.startswith(NEW)}
    if given.start is not None:
        unpack(cross, load_file(given.start), NEW)
    if settings.steps:
        chosen = [example for example in examples if not held_out(example.group)]
        train_cross(cross.train().requires_grad_(True), chosen, Preparer(reader, kept), settings, given.output)
    packed = pack(before, cross.state_dict())
    save_file(packed, given.output / WEIGHTS, {"settings": json.dumps(asdict(settings))})
    # What is judged is what will be loaded: the weights after rounding.
    judged = CrossEncoder(reader.encoder)
    unpack(judged, packed, NEW)
    fit_joint(judged, reader, kept, examples, dev, given.output)
    if given.install:
        for name in (WEIGHTS, "joint.json", "figures.json", "precision-recall.png", "reliability.png"):
            shutil.copy(given.output / name, FOLDER / name)


def _parser() -> argparse.ArgumentParser:
    """The arguments; defaults are the settings' own."""
    own = TrainSettings()
    parser = argparse.ArgumentParser(prog="python -m generator.support.train", description="Train the support model.")
    add = parser.add_argument
    add("--output", type=Path, required=True, metavar="DIR", help="the run's folder; a run in it goes on")
    add("--start", type=Path, metavar="FILE", help="begin with the cross-encoder of an earlier run")
    add("--examples", type=int, default=own.examples, help=f"shown in all (default {own.examples}); 0: only the rest")
    add("--batch", type=int, default=own.batch, help=f"examples a step (default {own.batch})")
    add("--lr", type=float, default=own.lr, help=f"peak learning rate of the layers (default {own.lr:g})")
    add("--hard-first", type=float, default=own.hard_first, help="share of hand-written claims at the beginning")
    add("--hard-last", type=float, default=own.hard_last, help="and towards the end")
    add("--seed", type=int, default=own.seed)
    add("--install", action="store_true", help="put the result into generator/support")
    return parser


if __name__ == "__main__":
    sys.exit(main())
