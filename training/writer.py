"""The command that trains the writer: `python -m training.writer --form sentence --output runs/writer --steps 1000`.

The base, Qwen2.5-Coder-0.5B-Instruct, stays as it is; the adapters of its encoder and decoder are trained to write from
given evidence: the next sentence, or the paragraph at once. See generator/writer/README.md.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import argparse
import json
import math
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from core.command import Parser, exit_status
from core.errors import SettingsError
from core.files import write_text
from core.json_lines import json_lines
from core.terminal import remark
from data.questions import by_title, load_questions
from generator.precision import faster_precision
from generator.writer.answering import EMBEDDED_ADAPTER
from generator.writer.layout import FORMS
from generator.writer.writing import load_base
from retriever.search import Retriever
from training.checkpoint import seed_everything
from training.loop import BEST, STOPPED, Evaluation, Figures, Training, TrainingError
from training.options import add_run_options, check_range, run_folder, run_settings
from training.schedule import Schedule, SizedBatches
from training.writer_examples import WrittenAnswer, close_answers, examples, noted_answers
from training.writer_model import EncodedExample, WriterTrainee, mean_loss

# Tokens of what is read and of what is written; an example with more is left out.
LONGEST_READ, LONGEST_WRITTEN = 480, 200
NOTED = ("real_train", "deep_train", "answers_more")
# In the run's folder: all answers with their evidence, made once; and those that are held out.
ANSWERS, HELD_OUT = "answers.jsonl", "held_out.jsonl"
_PANELS = {"loss (nats a token)": ["loss", "held out"], "learning rate": ["learning_rate"]}


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = Parser(
        prog="python -m training.writer",
        description="Train the writer; the best weights are in DIR/best. The same command goes on with a run.",
    )
    add = parser.add_argument
    add("--form", choices=FORMS, default="sentence", help="what is written at a time (default %(default)s)")
    add("--steps", type=int, default=1000, help="of the optimiser (default %(default)s)")
    add("--deep-index", type=Path, metavar="DIR", help="the dump sample's index, for the questions over whole articles")
    add("--held-out", type=int, default=48, help="answers kept out to choose the best weights (default %(default)s)")
    add("--start", type=Path, metavar="DIR", help="begin with an adapter that was trained before")
    add("--rank", type=int, default=16, help="of the low-rank updates (default %(default)s)")
    add("--alpha", type=float, default=32.0, help="updates count alpha / rank (default %(default)s)")
    add("--precision", choices=("auto", "bf16", "fp32"), default="auto", help="of the base (default %(default)s)")
    add("--micro-batch", type=int, default=8, help="examples computed at a time (default %(default)s)")
    add("--warmup", type=int, default=20, help="steps; then the rate falls along a cosine (default %(default)s)")
    add("--evaluate-every", type=int, default=100, metavar="STEPS", help="(default %(default)s)")
    add("--install", action="store_true", help="put the best weights into the program")
    add_run_options(parser, batch_size=8, learning_rate=3e-4, save_every=25)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Train; the exit status is 0, 1 for a failure, 130 after Ctrl-C."""
    given = make_parser().parse_args(arguments)
    return exit_status(lambda: run(given), STOPPED)


def run(given: argparse.Namespace) -> None:
    """Train as the command line says.

    Raises:
        core.errors.UserError: options are out of range, data or base cannot be had, or the output folder holds another
            run.
    """
    check_range(given, 1, "steps", "batch_size", "micro_batch", "save_every", "held_out", "rank", "evaluate_every")
    check_range(given, 0, "warmup")
    check_range(given, 0, "learning_rate", "alpha", above=True)
    if given.precision == "auto":
        given.precision = faster_precision("cuda" if torch.cuda.is_available() else "cpu")
    with run_folder(given):
        answers = _answers(given.output / ANSWERS, given.deep_index)
        seed_everything(given.seed)
        stack, tokenizer, base = load_base(torch.bfloat16 if given.precision == "bf16" else torch.float32)
        if torch.cuda.is_available():
            stack = stack.to("cuda")
        trainee = WriterTrainee(stack, tokenizer, base, given.form, given.rank, given.alpha)
        if given.start is not None:
            trainee.start_from(given.start)
        best = train(trainee, answers, given)
        if given.install:
            shutil.copytree(given.output / BEST, EMBEDDED_ADAPTER, dirs_exist_ok=True)
        remark(f"best held-out loss {best:.4f}: python -m evaluation.writing --adapter {given.output / BEST} …\n")


def _answers(path: Path, deep_index: Path | None) -> list[WrittenAnswer]:
    """The answers of a run, made once."""
    if not path.is_file():
        write_text(path, _lines(load_answers(deep_index)))
    return [WrittenAnswer.of(row) for _, row in json_lines(path, TrainingError, "; delete it and start again")]


def _lines(answers: Sequence[WrittenAnswer]) -> str:
    """Answers as JSON lines."""
    return "".join(json.dumps(asdict(answer), ensure_ascii=False) + "\n" for answer in answers)


def load_answers(deep_index: Path | None) -> list[WrittenAnswer]:
    """All answers with their evidence; how many of each file is said.

    Raises:
        core.errors.UserError: a file is missing or broken, or the passages cannot be had.
    """
    passages = list(Retriever.load().index.passages)
    if deep_index is not None:
        passages += Retriever.load(deep_index).index.passages
    titles = by_title(passages)
    made = []
    for name in (*NOTED, "close"):
        questions = load_questions(name)
        found = close_answers(questions, titles) if name == "close" else noted_answers(questions, titles)
        remark(f"{name}: {len(found)} of {len(questions)} answers have their evidence in the passages\n")
        made += found
    return made


def train(trainee: WriterTrainee, answers: Sequence[WrittenAnswer], given: argparse.Namespace) -> float:
    """Train to the end; the best loss on the held-out answers, in nats a token."""
    held, rest = _apart(answers, given.held_out)
    write_text(given.output / HELD_OUT, _lines(held))
    learnt, kept = (_encoded(trainee, part, given) for part in (rest, held))
    batches = SizedBatches(
        [(len(example.read), len(example.target)) for example in learnt], given.batch_size, given.seed
    )

    def step(number: int) -> Figures:
        drawn = [learnt[place] for place in batches.at(number)]
        targets, total = sum(len(example.target) for example in drawn), 0.0
        for first in range(0, len(drawn), given.micro_batch):
            loss = trainee.loss(drawn[first : first + given.micro_batch]) / targets
            loss.backward()
            total += loss.item()
        return {"loss": total, "tokens": float(sum(example.size for example in drawn))}

    settings = run_settings(given)
    # Of folders, the names alone are worth keeping beside the weights.
    told = settings | {name: Path(settings[name]).name for name in ("deep_index", "start") if settings[name]}
    weights = trainee.parameters()
    best = Training(
        given.output,
        weights,
        torch.optim.AdamW(weights.values(), lr=given.learning_rate, weight_decay=0.01),
        step,
        Schedule(given.steps, given.warmup, "cosine", floor=0.1),
        settings,
        save_every=given.save_every,
        evaluation=Evaluation(
            lambda: {"held out": mean_loss(trainee, kept, given.micro_batch)},
            score=lambda figures: -figures["held out"],
            keep=lambda number, figures: trainee.save(given.output / BEST, told | {"step": number, "losses": figures}),
            every=given.evaluate_every,
            at_start=True,
        ),
        restart=given.restart,
        panels=_PANELS,
    ).run()
    return math.nan if best is None else -best


def _apart(answers: Sequence[WrittenAnswer], count: int) -> tuple[list[WrittenAnswer], list[WrittenAnswer]]:
    """Answers that are held out, spread over all, and the others, none of them to a question that is held out.

    Raises:
        SettingsError: there are not enough.
    """
    if len(answers) <= count:
        raise SettingsError(f"there are {len(answers)} answers and --held-out is {count}: lower it")
    held = answers[:: math.ceil(len(answers) / count)]
    asked = {answer.question for answer in held}
    return list(held), [answer for answer in answers if answer.question not in asked]


def _encoded(
    trainee: WriterTrainee, answers: Sequence[WrittenAnswer], given: argparse.Namespace
) -> list[EncodedExample]:
    """The examples of answers as token ids, without those that are too long; how many is said."""
    made = [trainee.encode(example) for answer in answers for example in examples(answer, given.form, given.seed)]
    fitting = [one for one in made if len(one.read) <= LONGEST_READ and len(one.target) <= LONGEST_WRITTEN]
    if not fitting:
        raise SettingsError(f"none of {len(made)} examples has at most {LONGEST_READ} tokens to read")
    mean = sum(example.size for example in fitting) / len(fitting)
    remark(
        f"{len(fitting)} examples of {len(answers)} answers, {mean:.0f} tokens each; "
        f"{len(made) - len(fitting)} are too long\n"
    )
    return fitting


if __name__ == "__main__":
    sys.exit(main())
