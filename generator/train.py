"""The command that trains a generator: `python -m generator.train --output runs/fused`.

Questions with their answers, read with the passages that the retriever finds for them; the loss is the answer's. A run
that ended early goes on where it stopped when the same command is given again. The loop is here; examples are drawn in
training_data.py, what is trained is in trainees.py.
"""

from __future__ import annotations

import argparse
import logging
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from generator.base import WORDINGS, GeneratorError
from generator.precision import faster_precision
from generator.trainees import Trainee, Tuning, load_trainee
from generator.training_data import Drawing, Example, ExampleSource
from training.checkpoint import CheckpointError, TrainingState, epoch_order, load_state, save_state, seed_everything
from training.log import TrainingLog, plot_log

log = logging.getLogger(__name__)

_STATE, _BEST, _LOG, _PICTURE = "state.safetensors", "best", "log.jsonl", "loss.png"
# Passages kept between epochs, if not told otherwise: this share of the memory that is free.
_CACHE_SHARE = 0.4


@dataclass(frozen=True)
class Schedule:
    """How long, how fast and how often.

    Attributes:
        epochs: over the main questions.
        most_steps: optimiser steps at most; 0 for as many as the epochs have.
        batch_size: examples for one optimiser step.
        micro_batch: examples computed at a time; their gradients are added up.
        learning_rate: the highest, after `warmup` (a share of all steps); it falls along a cosine to a tenth.
        weight_decay: of AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101).
        evaluate_every: optimiser steps between evaluations; 0 for once an epoch.
        save_every: optimiser steps between states that a run can go on from.
        patience: evaluations without a better loss after which training ends; 0 for never.
        seed: of weights, order and draws.
    """

    epochs: int = 3
    most_steps: int = 0
    batch_size: int = 8
    micro_batch: int = 4
    learning_rate: float = 4e-4
    warmup: float = 0.05
    weight_decay: float = 0.01
    evaluate_every: int = 0
    save_every: int = 50
    patience: int = 3
    seed: int = 0


@dataclass
class TrainingSet:
    """What a run learns from and is measured on.

    Attributes:
        main: the source of which every question is seen each epoch.
        mix: a second source, of which each epoch sees a random part, `mix_share` times as many as of the main one.
        held_out: examples whose loss decides which weights are kept, and when to end.
        dev: further examples whose loss is only reported; may be empty.
    """

    main: ExampleSource
    drawing: Drawing
    held_out: list[Example]
    dev: list[Example] = field(default_factory=list)
    mix: ExampleSource | None = None
    mix_share: float = 0.0

    def epoch(self, epoch: int, seed: int) -> list[tuple[ExampleSource, int]]:
        """The sources and numbers of an epoch's examples, in their order."""
        rows = [(self.main, number) for number in range(len(self.main))]
        if self.mix is not None:
            count = min(len(self.mix), round(self.mix_share * len(self.main)))
            rows += [(self.mix, int(number)) for number in epoch_order(len(self.mix), seed + 1, epoch)[:count]]
        return [rows[number] for number in epoch_order(len(rows), seed, epoch)]

    @property
    def size(self) -> int:
        """How many examples an epoch has."""
        return len(self.epoch(0, 0))


class Training:
    """A run: the loop, its record and its states, in one folder."""

    def __init__(
        self, trainee: Trainee, data: TrainingSet, schedule: Schedule, folder: Path, facts: dict[str, Any]
    ) -> None:
        """Begin a run, or go on with the one in `folder`.

        Args:
            trainee: the model.
            data: what it learns from.
            schedule: how long and how fast.
            folder: for states, record, picture, and the best weights in `best/`.
            facts: what else decides the run; a state made with others is refused, and they go into the result's card.

        Raises:
            CheckpointError: the folder holds a run with other settings, or a damaged one.
        """
        self.trainee, self.data, self.schedule, self.folder = trainee, data, schedule, folder
        self._facts = {"schedule": asdict(schedule), "drawing": asdict(data.drawing)} | facts
        self._parameters = trainee.parameters()
        self._optimizer = torch.optim.AdamW(
            self._parameters.values(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay
        )
        self._per_epoch = math.ceil(data.size / schedule.batch_size)
        steps = schedule.epochs * self._per_epoch
        self.steps = min(steps, schedule.most_steps or steps)
        self._step, self._best, self._since_best = 0, math.inf, 0
        self._resume()
        self._log = TrainingLog(folder / _LOG, self._step)

    def run(self) -> float:
        """Train to the end; the best loss on the held-out examples, in nats a token."""
        bar = tqdm(total=self.steps, initial=self._step, desc="training", unit="step", smoothing=0.05)
        with bar:
            while self._step < self.steps and not self._has_stalled():
                epoch, within = divmod(self._step, self._per_epoch)
                for batch in self._batches(epoch, within):
                    bar.set_postfix(loss=f"{self._train_step(batch):.3f}", best=f"{self._best:.3f}")
                    bar.update()
                    if self._is_due(self.schedule.evaluate_every or self._per_epoch):
                        self._evaluate()
                        self._save()
                    elif self._is_due(self.schedule.save_every):
                        self._save()
                    if self._step == self.steps:
                        break
                    if self._has_stalled():
                        tqdm.write(f"no better for {self.schedule.patience} evaluations: ended early", file=sys.stderr)
                        break
        self._draw()
        return self._best

    def _batches(self, epoch: int, start: int) -> Iterator[list[Example]]:
        """The batches of an epoch from the one numbered `start` on."""
        rows = self.data.epoch(epoch, self.schedule.seed)
        size = self.schedule.batch_size
        for first in range(start * size, len(rows), size):
            yield [source.draw(number, epoch, self.data.drawing) for source, number in rows[first : first + size]]

    def _train_step(self, batch: Sequence[Example]) -> float:
        """One optimiser step; the batch's loss in nats a token."""
        began = time.perf_counter()
        # Whatever is random in the model follows from the step, so that a resumed run repeats it.
        torch.manual_seed(self.schedule.seed * 1_000_003 + self._step)
        rate = self.schedule.learning_rate * _decay(self._step, self.steps, self.schedule.warmup)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self.trainee.train(True)
        tokens = sum(map(self.trainee.tokens, batch))
        ordered = sorted(batch, key=self.trainee.size)
        total = 0.0
        for first in range(0, len(ordered), self.schedule.micro_batch):
            loss = self.trainee.loss(ordered[first : first + self.schedule.micro_batch]) / tokens
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(self._parameters.values(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._step += 1
        self._log.add(self._step, loss=total, learning_rate=rate, seconds=time.perf_counter() - began)
        return total

    def _evaluate(self) -> None:
        """Measure, and keep the weights if they are the best so far."""
        held_out = mean_loss(self.trainee, self.data.held_out, self.schedule.micro_batch)
        values = {"held out": held_out}
        if self.data.dev:
            values["dev"] = mean_loss(self.trainee, self.data.dev, self.schedule.micro_batch)
        self._log.add(self._step, **values)
        said = ", ".join(f"{name} {value:.4f}" for name, value in values.items())
        tqdm.write(f"step {self._step}: loss {said}", file=sys.stderr)
        self._since_best = 0 if held_out < self._best else self._since_best + 1
        if held_out < self._best:
            self._best = held_out
            self.trainee.save(self.folder / _BEST, self._facts | {"step": self._step, "losses": values})
        self._draw()

    def _draw(self) -> None:
        plot_log(
            self._log.rows,
            self.folder / _PICTURE,
            {"loss (nats a token)": ["loss", "held out", "dev"], "learning rate": ["learning_rate"]},
            self.folder.name,
        )

    def _is_due(self, every: int) -> bool:
        return self._step % every == 0 or self._step == self.steps

    def _has_stalled(self) -> bool:
        return 0 < self.schedule.patience <= self._since_best

    def _save(self) -> None:
        progress = {"facts": self._facts, "best": self._best, "since_best": self._since_best}
        state = TrainingState(self._step, self._parameters, self._optimizer.state_dict(), progress)
        save_state(self.folder / _STATE, state)

    def _resume(self) -> None:
        """Take up the state in the folder, if there is one."""
        path = self.folder / _STATE
        if not path.is_file():
            return
        state = load_state(path)
        if state.progress["facts"] != _plain(self._facts):
            raise CheckpointError(
                f"{self.folder} holds a run with other settings or data: name another --output, or delete it"
            )
        with torch.no_grad():
            for name, parameter in self._parameters.items():
                parameter.copy_(state.tensors[name])
        self._optimizer.load_state_dict(dict(state.optimizer))
        self._step, self._best = state.step, state.progress["best"]
        self._since_best = state.progress["since_best"]


def mean_loss(trainee: Trainee, examples: Sequence[Example], at_once: int) -> float:
    """The loss over examples, in nats a token."""
    trainee.train(False)
    ordered = sorted(examples, key=trainee.size)
    with torch.no_grad():
        losses = [float(trainee.loss(ordered[first : first + at_once])) for first in range(0, len(ordered), at_once)]
    return sum(losses) / sum(map(trainee.tokens, examples))


def _decay(step: int, steps: int, warmup: float) -> float:
    """The share of the highest learning rate: a line up over the warm-up, then half a cosine down to a tenth.

    >>> [round(_decay(step, 100, 0.1), 2) for step in (0, 9, 10, 55, 99)]
    [0.1, 1.0, 1.0, 0.55, 0.1]
    """
    rising = max(1, round(warmup * steps))
    if step < rising:
        return (step + 1) / rising
    return 0.55 + 0.45 * math.cos(math.pi * (step - rising) / max(1, steps - rising))


def _plain(facts: Any) -> Any:  # noqa: ANN401 - any JSON
    """Facts as they come back from JSON."""
    import json

    return json.loads(json.dumps(facts))


def _parser() -> argparse.ArgumentParser:
    """The arguments; defaults are those of the settings' own classes."""
    schedule, drawing, tuning = Schedule(), Drawing(), Tuning()
    parser = argparse.ArgumentParser(
        prog="python -m generator.train",
        description="Train a generator. The same command goes on with a run that ended early.",
    )
    add = parser.add_argument
    add("--output", type=Path, required=True, metavar="DIR", help="the run's folder; the result is DIR/best")
    add("--generator", default="fused", metavar="NAME", help="fused, or a seq2seq checkpoint's name or folder")
    add("--start", type=Path, metavar="DIR", help="begin with an adapter that was trained before")
    add("--targets", default="close", metavar="SOURCE", help="close, train (free answers), or a JSONL file")
    add("--wording", choices=WORDINGS, default="close", help="of these answers (default close)")
    add("--sentences", type=int, default=0, help="of these answers only so many, the first ones (default 0: all)")
    add("--mix", metavar="SOURCE", help="a second source of answers")
    add("--mix-share", type=float, default=0.2, help="how many of it, for each of the first (default 0.2)")
    add("--mix-wording", choices=WORDINGS, default="own", help="of the second source's answers (default own)")
    add("--held-out", type=int, default=96, help="questions kept out to choose the best weights (default 96)")
    add("--dev", default="dev", metavar="SOURCE", help="questions whose loss is reported (default dev)")
    add("--dev-limit", type=int, default=80, help="how many of them (default 80)")
    add("--limit", type=int, help="train on the first so many questions only")
    add("--index", metavar="DIR", help="an index folder; default: the vital articles")
    add("--retrieval", default="mixed", help="how passages are found (default mixed)")
    add("--fewest", type=int, default=drawing.fewest, help=f"passages of an example (default {drawing.fewest})")
    add("--most", type=int, default=drawing.most, help=f"passages of an example (default {drawing.most})")
    add("--gold-share", type=float, default=drawing.gold_share, help="how often missing supporting passages are put in")
    add("--keep-order", action="store_true", help="best passage first, instead of a random order")
    add("--rank", type=int, default=tuning.rank, help=f"of the low-rank updates; 0: full (default {tuning.rank})")
    add("--alpha", type=float, default=tuning.alpha, help=f"updates count alpha / rank (default {tuning.alpha:g})")
    add("--tune-encoder", action="store_true", help="train the encoder too")
    add("--precision", choices=("auto", "bf16", "fp32"), default="auto", help="of matrix products (default auto)")
    add("--cache-gb", type=float, help="memory for passages read before (default: 40%% of what is free)")
    for name, kind in (
        ("epochs", int), ("most-steps", int), ("batch-size", int), ("micro-batch", int), ("learning-rate", float),
        ("warmup", float), ("weight-decay", float), ("evaluate-every", int), ("save-every", int), ("patience", int),
        ("seed", int),
    ):  # fmt: skip
        default = getattr(schedule, name.replace("-", "_"))
        add(f"--{name}", type=kind, default=default, help=f"(default {default})")
    return parser


def _check(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """Refuse arguments out of range, naming them."""
    least = {
        "sentences": 0,
        "epochs": 1,
        "batch_size": 1,
        "micro_batch": 1,
        "save_every": 1,
        "fewest": 1,
        "held_out": 1,
        "rank": 0,
    }
    for name, low in least.items():
        if getattr(given, name) < low:
            parser.error(f"--{name.replace('_', '-')} is {getattr(given, name)}; it must be at least {low}")
    if given.most < given.fewest:
        parser.error(f"--most is {given.most}, below --fewest, which is {given.fewest}")
    if given.sentences and given.generator != "fused":
        parser.error(f"--sentences is for fused; {given.generator} learns whole answers")
    if given.learning_rate <= 0:
        parser.error(f"--learning-rate is {given.learning_rate}; it must be above 0")
    for name in ("gold_share", "warmup"):
        if not 0 <= getattr(given, name) <= 1:
            parser.error(f"--{name.replace('_', '-')} is {getattr(given, name)}; allowed is 0 to 1")


def load_data(given: argparse.Namespace) -> TrainingSet:
    """Questions, and the passages found for them.

    Raises:
        data.questions.QuestionSetError: a file is missing, broken or too short.
    """
    from data.questions import QuestionSetError, load_questions
    from retriever.search import Retriever

    retriever = Retriever.load(given.index)
    questions = load_questions(given.targets)
    if len(questions) <= given.held_out:
        raise QuestionSetError(
            f"{given.targets} has {len(questions)} questions and {given.held_out} are to be held out: lower --held-out"
        )
    # Spread over the file, so that what is held out is like the rest; never trained on, in no other wording either.
    kept_out = {item.question for item in questions[:: math.ceil(len(questions) / given.held_out)]}
    drawing = Drawing(given.fewest, given.most, given.gold_share, not given.keep_order, given.seed)
    trained = [item for item in questions if item.question not in kept_out][: given.limit]
    main = ExampleSource(trained, retriever, given.retrieval, given.wording, given.sentences)
    kept = [item for item in questions if item.question in kept_out]
    held_out = ExampleSource(kept, retriever, given.retrieval, given.wording, given.sentences)
    dev = ExampleSource(load_questions(given.dev)[: given.dev_limit], retriever, given.retrieval, "own")
    mix = None
    if given.mix:
        mixed = [item for item in load_questions(given.mix) if item.question not in kept_out]
        mix = ExampleSource(mixed, retriever, given.retrieval, given.mix_wording)
    for source in filter(None, (main, mix)):
        if source.missing:
            log.warning("%d titles are not in the index: %s", len(source.missing), ", ".join(source.missing[:10]))
    return TrainingSet(main, drawing, _asked(held_out), _asked(dev), mix, given.mix_share)


def _asked(source: ExampleSource) -> list[Example]:
    """Examples with the passages that a visitor's question would get."""
    return [source.as_asked(number, 4) for number in range(len(source))]


def _cache_bytes(gigabytes: float | None) -> int:
    """The memory for passages read before."""
    if gigabytes is not None:
        return int(gigabytes * 1e9)
    import os

    return int(_CACHE_SHARE * os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def train(given: argparse.Namespace) -> float:
    """Run the command; the best loss on the held-out questions."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    precision = faster_precision(device) if given.precision == "auto" else given.precision
    tuning = Tuning(given.rank, given.alpha, given.tune_encoder, precision)
    seed_everything(given.seed)
    data = load_data(given)
    trainee = load_trainee(given.generator, tuning, _cache_bytes(given.cache_gb), given.start)
    schedule = Schedule(**{name: getattr(given, name) for name in asdict(Schedule())})
    named = (
        "generator",
        "targets",
        "wording",
        "mix",
        "mix_share",
        "mix_wording",
        "held_out",
        "retrieval",
        "limit",
        "sentences",
    )
    facts = {name: getattr(given, name) for name in named} | {"tuning": asdict(tuning)}
    facts |= {"start": given.start and given.start.name}
    return Training(trainee, data, schedule, given.output, facts).run()


def main(arguments: Sequence[str] | None = None) -> int:
    """Train; the exit status is 0, 1 for a failure, 2 for unusable arguments, 130 after Ctrl-C."""
    from data.assets import AssetError
    from data.questions import QuestionSetError
    from retriever.encode import EncoderError
    from retriever.index import IndexFolderError

    parser = _parser()
    given = parser.parse_args(arguments)
    _check(parser, given)
    try:
        best = train(given)
    except (AssetError, CheckpointError, EncoderError, GeneratorError, IndexFolderError, QuestionSetError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"error: {error.strerror or error}: {error.filename or given.output}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped; the same command goes on from the last saved step\n")
        return 130
    sys.stderr.write(f"best held-out loss {best:.4f}; try it: python qa.py --generator {given.output / _BEST} …\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
