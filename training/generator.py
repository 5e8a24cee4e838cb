"""The command that trains a generator: `python -m training.generator --output runs/fused`.

Questions with their answers, read with the passages that the retriever finds for them; the loss is the answer's. See
generator/README.md for how the embedded adapter was made.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import argparse
import logging
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from core.command import Parser, exit_status
from core.errors import SettingsError
from core.settings import METHODS, WORDINGS
from core.terminal import remark
from data.questions import QuestionSetError, load_questions
from generator.precision import faster_precision
from retriever.search import Retriever
from training.checkpoint import seed_everything
from training.generator_examples import AnswerExample, Drawing, ExampleSource, TrainingSet
from training.generator_models import Trainee, Tuning, load_trainee, mean_loss
from training.loop import BEST, STOPPED, Evaluation, Figures, Training
from training.options import add_run_options, check_range, run_folder, run_settings
from training.schedule import Batches, Schedule

log = logging.getLogger(__name__)

# Passages kept between epochs, if not told otherwise: this share of the memory that is free.
_CACHE_SHARE = 0.4
_PANELS = {"loss (nats a token)": ["loss", "held out", "dev"], "learning rate": ["learning_rate"]}


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = Parser(
        prog="python -m training.generator",
        description="Train a generator; the best weights are in DIR/best. The same command goes on with a run.",
    )
    data = parser.add_argument_group("data").add_argument
    data(
        "--targets",
        default="close",
        metavar="SOURCE",
        help="close, train (free answers), or a JSONL file (default %(default)s)",
    )
    data("--wording", choices=WORDINGS, default="close", help="of these answers (default %(default)s)")
    data(
        "--sentences",
        type=int,
        default=0,
        help="of these answers only so many, the first ones; 0: all (default %(default)s)",
    )
    data("--mix", metavar="SOURCE", help="a second source of answers")
    data("--mix-share", type=float, default=0.2, help="how many of it, for each of the first (default %(default)s)")
    data("--mix-wording", choices=WORDINGS, default="own", help="of the second source's answers (default %(default)s)")
    data("--held-out", type=int, default=96, help="questions kept out to choose the best weights (default %(default)s)")
    data("--dev", default="dev", metavar="SOURCE", help="questions whose loss is reported (default %(default)s)")
    data("--dev-limit", type=int, default=80, help="how many of them (default %(default)s)")
    data("--limit", type=int, help="train on the first so many questions only")
    data("--index", metavar="DIR", help="an index folder; without: the vital articles")
    data("--retrieval", default="mixed", help="how passages are found (default %(default)s)")
    data("--fewest", type=int, default=Drawing.fewest, help="passages of an example (default %(default)s)")
    data("--most", type=int, default=Drawing.most, help="passages of an example (default %(default)s)")
    data(
        "--gold-share",
        type=float,
        default=Drawing.gold_share,
        help="how often missing supporting passages are put in (default %(default)s)",
    )
    data("--keep-order", action="store_true", help="best passage first, instead of a random order")
    model = parser.add_argument_group("model").add_argument
    model(
        "--generator",
        default="fused",
        metavar="NAME",
        help="fused, or a seq2seq checkpoint's name or folder (default %(default)s)",
    )
    model("--start", type=Path, metavar="DIR", help="begin with an adapter that was trained before")
    model("--rank", type=int, default=Tuning.rank, help="of the low-rank updates; 0: full (default %(default)s)")
    model("--alpha", type=float, default=Tuning.alpha, help="updates count alpha / rank (default %(default)s)")
    model("--tune-encoder", action="store_true", help="train the encoder too")
    model(
        "--precision", choices=("auto", "bf16", "fp32"), default="auto", help="of matrix products (default %(default)s)"
    )
    model("--cache-gb", type=float, help="memory for passages read before; without: 40%% of what is free")
    loop = parser.add_argument_group("training").add_argument
    loop("--epochs", type=int, default=3, help="over the first source (default %(default)s)")
    loop("--most-steps", type=int, default=0, help="0: as many as the epochs have (default %(default)s)")
    loop("--micro-batch", type=int, default=4, help="examples computed at a time (default %(default)s)")
    loop(
        "--warmup",
        type=float,
        default=0.05,
        help="share of the steps; then the rate falls along a cosine to a tenth (default %(default)s)",
    )
    loop("--weight-decay", type=float, default=0.01, help="of AdamW (default %(default)s)")
    loop("--evaluate-every", type=int, default=0, metavar="STEPS", help="0: once an epoch (default %(default)s)")
    loop(
        "--patience",
        type=int,
        default=3,
        help="evaluations without a better loss that end a run; 0: any number (default %(default)s)",
    )
    add_run_options(parser, batch_size=8, learning_rate=4e-4, save_every=50)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Train; the exit status is 0, 1 for a failure, 130 after Ctrl-C."""
    given = make_parser().parse_args(arguments)
    return exit_status(lambda: run(given), STOPPED)


def _check(given: argparse.Namespace) -> None:
    """Raises SettingsError for options that are out of range or do not fit together."""
    check_range(given, 1, "epochs", "batch_size", "micro_batch", "save_every", "fewest", "held_out", "limit")
    check_range(given, 0, "sentences", "rank", "most_steps", "evaluate_every", "patience", "mix_share", "cache_gb")
    check_range(given, 0, "learning_rate", above=True)
    check_range(given, 0, "gold_share", "warmup", high=1)
    if given.most < given.fewest:
        raise SettingsError(f"--most is {given.most}, below --fewest, which is {given.fewest}")
    if given.sentences and given.generator != "fused":
        raise SettingsError(f"--sentences is for fused; {given.generator} learns whole answers")
    if given.retrieval not in METHODS:
        raise SettingsError(f"--retrieval is {given.retrieval!r}; allowed are {', '.join(METHODS)}")


def run(given: argparse.Namespace) -> None:
    """Train as the command line says.

    Raises:
        core.errors.UserError: options do not fit together, data or model cannot be read, or the output folder holds
            another run.
    """
    _check(given)
    if given.precision == "auto":
        given.precision = faster_precision("cuda" if torch.cuda.is_available() else "cpu")
    with run_folder(given):
        _run(given)


def _run(given: argparse.Namespace) -> None:
    """The same in a folder that is this run's own."""
    seed_everything(given.seed)
    data = load_data(given)
    tuning = Tuning(given.rank, given.alpha, given.tune_encoder, given.precision)
    trainee = load_trainee(given.generator, tuning, _cache_bytes(given.cache_gb), given.start)
    best = train(trainee, data, given)
    remark(f"best held-out loss {best:.4f}; try it: python qa.py --generator {given.output / BEST} …\n")


def train(trainee: Trainee, data: TrainingSet, given: argparse.Namespace) -> float:
    """Train to the end; the best loss on the held-out examples, in nats a token."""
    batches = Batches(len(data), given.batch_size, given.seed)
    settings = run_settings(given)

    def step(number: int) -> Figures:
        # Dropout follows from the step alone.
        torch.manual_seed(given.seed * 1_000_003 + number)
        epoch, numbers = batches.at(number)
        examples = sorted((data.draw(row, epoch) for row in numbers), key=trainee.size)
        tokens, total = sum(map(trainee.tokens, examples)), 0.0
        trainee.model.train()
        for first in range(0, len(examples), given.micro_batch):
            loss = trainee.loss(examples[first : first + given.micro_batch]) / tokens
            loss.backward()
            total += loss.item()
        return {"loss": total}

    def measure() -> Figures:
        kinds = {"held out": data.held_out} | ({"dev": data.dev} if data.dev else {})
        return {name: mean_loss(trainee, examples, given.micro_batch) for name, examples in kinds.items()}

    steps = given.epochs * batches.per_epoch
    steps = min(steps, given.most_steps or steps)
    weights = trainee.parameters()
    best = Training(
        given.output,
        weights,
        torch.optim.AdamW(weights.values(), lr=given.learning_rate, weight_decay=given.weight_decay),
        step,
        Schedule(steps, max(1, round(given.warmup * steps)), "cosine", floor=0.1),
        settings,
        save_every=given.save_every,
        evaluation=Evaluation(
            measure,
            score=lambda figures: -figures["held out"],
            keep=lambda number, figures: trainee.save(
                given.output / BEST, settings | {"step": number, "losses": figures}
            ),
            every=given.evaluate_every or batches.per_epoch,
            patience=given.patience,
        ),
        restart=given.restart,
        panels=_PANELS,
    ).run()
    return math.nan if best is None else -best


def load_data(given: argparse.Namespace) -> TrainingSet:
    """Questions, and the passages found for them.

    Raises:
        data.questions.QuestionSetError: a file is missing, broken or too short.
    """
    questions = load_questions(given.targets)
    if len(questions) <= given.held_out:
        raise QuestionSetError(
            f"{given.targets} has {len(questions)} questions and {given.held_out} are to be held out: lower --held-out"
        )
    # Spread over the file, so that what is held out is like the rest; never trained on, in no other wording either.
    kept_out = {item.question for item in questions[:: math.ceil(len(questions) / given.held_out)]}
    trained = [item for item in questions if item.question not in kept_out][: given.limit]
    retriever = Retriever.load(given.index)
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
    drawing = Drawing(given.fewest, given.most, given.gold_share, not given.keep_order, given.seed)
    return TrainingSet(main, drawing, _asked(held_out), _asked(dev), mix, given.mix_share)


def _asked(source: ExampleSource) -> list[AnswerExample]:
    """Examples with the passages that a visitor's question would get."""
    return [source.as_asked(number, 4) for number in range(len(source))]


def _cache_bytes(gigabytes: float | None) -> int:
    """The memory for passages read before."""
    if gigabytes is not None:
        return int(gigabytes * 1e9)
    return int(_CACHE_SHARE * os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


if __name__ == "__main__":
    sys.exit(main())
