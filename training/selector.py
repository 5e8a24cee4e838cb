"""The command that trains the selector: `python -m training.selector --output runs/selector`.

    python -m training.selector --output runs/a --deep-index DIR --own-index OWN --install

DIR is built from the dump sample, OWN from data/lfqa/own.jsonl.

Examples are made once for a run (selector_examples.py), the judgement is fitted on questions that were kept apart
(selector_fit.py). The learning rate stays level and a running average of the weights is what is kept, so a run is good
at any length: with more `--steps` the same command goes on. `--with` joins finished runs of other seeds by averaging
their weights (Wortsman et al. 2022, arXiv 2203.05482). `--install` puts the result into the program.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from core.command import Parser, exit_status
from core.files import replacing, write_json
from data.questions import load_questions
from generator.selection.model import JOINT, WEIGHTS, load_network
from generator.selection.network import SelectorNetwork
from generator.selection.pieces import PieceReader
from generator.support.compact import pack
from retriever.embedded import load_tokenizer, plain_minilm
from retriever.search import Retriever
from training.checkpoint import seed_everything
from training.loop import STATE, STOPPED, Figures, Training
from training.options import add_run_options, check_range, run_folder, run_settings
from training.schedule import Schedule
from training.selector_examples import (
    Example,
    beside_next,
    close_examples,
    definitions_only,
    fewer,
    judged_examples,
    parent,
    shuffled,
    thinned,
    without_answer,
)
from training.selector_fit import fit, judge

# Every so many-th question of each kind is held out of training; the joint judgement is fitted on them.
HELD_OUT_EVERY = {"real": 6, "more": 10, "deep": 6, "own": 6, "close": 10}
# How the losses are weighed: of the whole, of single sentences, of single passages, of what is still to be said.
_WEIGHTS = {"holds": 1.0, "sentences": 4.0, "passages": 0.5, "more": 0.3}
# The new layers' learning rate is so many times the encoder's. Of that the lowest layers stay as they are.
_NEW_RATE, _FROZEN = 4.0, 2
# What the running average keeps of itself each step.
_KEEP = 0.99
_RISE = 20
_AVERAGE = "average/"


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = Parser(prog="python -m training.selector", description="Train the selector.")
    add = parser.add_argument
    add("--steps", type=int, default=900, help="of the optimiser; more may follow later (default %(default)s)")
    add("--deep-index", type=Path, metavar="DIR", help="the dump sample's index, for the questions over whole articles")
    add("--own-index", type=Path, metavar="DIR", help="the index of own.jsonl, for the questions about own documents")
    add("--start", type=Path, nargs="+", default=[], metavar="DIR", help="begin with the mean of these finished runs")
    add("--with", dest="others", type=Path, nargs="+", default=[], metavar="DIR", help="finished runs to average with")
    add("--install", action="store_true", help="put the result into the program")
    add_run_options(parser, batch_size=12, learning_rate=1.5e-4, save_every=20)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Train; the exit status is 0, 1 for a failure, 130 after Ctrl-C."""
    given = make_parser().parse_args(arguments)
    return exit_status(lambda: run(given), STOPPED)


def run(given: argparse.Namespace) -> None:
    """Examples, training, judgement; the result lies in the run's folder.

    Raises:
        core.errors.UserError: options are out of range, assets cannot be had, or the output folder holds another run.
    """
    check_range(given, 1, "steps", "batch_size", "save_every")
    check_range(given, 0, "learning_rate", above=True)
    with run_folder(given):
        _run(given)


def _run(given: argparse.Namespace) -> None:
    """The same in a folder that is this run's own."""
    chosen, kept = held_out(_examples(given.output / "examples.json", given.deep_index, given.own_index))
    reader = PieceReader(load_tokenizer())
    # Runs of all seeds start from the same weights, so that their averages lie between them.
    torch.manual_seed(0)
    network = SelectorNetwork.of(plain_minilm())
    before = {f"layers.{name}": value.clone() for name, value in network.encoder.encoder.state_dict().items()}
    if given.start:
        average(network, [folder / STATE for folder in given.start])
    train(network, reader, chosen, given)
    average(network, [folder / STATE for folder in (given.output, *given.others)])
    finish(network, before, reader, kept, given)
    if given.install:
        for name, place in ((WEIGHTS.name, WEIGHTS), (JOINT.name, JOINT)):
            shutil.copy(given.output / name, place)


def train(
    network: SelectorNetwork, reader: PieceReader, examples: Sequence[Example], given: argparse.Namespace
) -> None:
    """Train in place; the folder's state then holds the running averages, too."""
    seed_everything(given.seed)
    weights = trained_weights(network)
    old, new = ([w for n, w in weights.items() if n.startswith("layers.") == is_old] for is_old in (True, False))
    groups = [{"params": old, "lr": given.learning_rate}, {"params": new, "lr": _NEW_RATE * given.learning_rate}]
    means = {name: nn.Parameter(weight.detach().clone(), requires_grad=False) for name, weight in weights.items()}
    draw = Drawer(examples, given.batch_size, given.seed)

    def step(number: int) -> Figures:
        with torch.no_grad():
            # A young average holds few steps.
            keep = min(_KEEP, (1 + number) / (10 + number))
            for name, mean in means.items():
                mean.lerp_(weights[name], 1 - keep)
        # Dropout follows from the step alone.
        torch.manual_seed(given.seed * 1_000_003 + number)
        network.train()
        found = losses(network, reader, draw(number), np.random.default_rng([given.seed, number, 1]))
        torch.stack([_WEIGHTS[name] * value for name, value in found.items()]).sum().backward()
        return {name: value.item() for name, value in found.items()}

    settings = run_settings(given)
    # The same run goes on with more steps, and may be joined with others.
    for free in ("steps", "others"):
        del settings[free]
    Training(
        given.output,
        weights | {f"{_AVERAGE}{name}": mean for name, mean in means.items()},
        torch.optim.AdamW(groups, weight_decay=0.01),
        step,
        Schedule(given.steps, _RISE, shape="constant"),
        settings,
        save_every=given.save_every,
        restart=given.restart,
        panels={"loss": list(_WEIGHTS)},
    ).run()
    network.eval()


def held_out(examples: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """Examples to train on, and those that are kept apart, by their place among those of their source.

    What was judged again without its evidence stays with the question that it comes from.
    """
    places: dict[str, int] = {}
    apart: set[str] = set()
    for example in examples:
        if example.less:
            continue
        place = places.get(example.source, 0)
        places[example.source] = place + 1
        if place % HELD_OUT_EVERY[example.source] == 0:
            apart.add(example.id)
    kept = [example for example in examples if parent(example) in apart]
    return [example for example in examples if parent(example) not in apart], kept


class Drawer:
    """Draws a step's examples: a function of seed and step alone."""

    # The share of each pool, in eighths.
    SHARES = (
        ("real+", 2.1),
        ("real-", 1.8),
        ("deep", 0.9),
        ("close", 0.9),
        ("less", 1.4),
        ("removed", 0.5),
        ("beside", 0.4),
    )

    def __init__(self, examples: Sequence[Example], size: int, seed: int) -> None:
        """Sort the examples into pools; `size` are drawn a step."""
        self._size, self._seed = size, seed
        whole = [example for example in examples if not example.less]
        answered = [example for example in whole if example.holds != "no"]
        judged = {parent(example) for example in examples if example.less}
        self._pools = {
            "real+": [e for e in answered if e.source in ("real", "more")],
            "real-": [e for e in whole if e.source in ("real", "more") and e.holds == "no"],
            "deep": [e for e in whole if e.source in ("deep", "own")],
            "close": [e for e in whole if e.source == "close"],
            "less": [e for e in examples if e.less],
            # Where nobody looked again, what is left is taken to hold nothing.
            "removed": [e for e in answered if e.id not in judged],
            "beside": [e for e in answered if e.source in ("deep", "close")],
        }

    def __call__(self, step: int) -> list[Example]:
        """The examples of a step."""
        random = np.random.default_rng([self._seed, step])
        pools = [name for name, _ in self.SHARES if self._pools[name]]
        shares = np.array([value for name, value in self.SHARES if self._pools[name]])
        # So even that each batch has about its share of each pool.
        starts = (np.arange(self._size) + random.random()) / self._size
        names = [pools[int(np.searchsorted(np.cumsum(shares / shares.sum()), start))] for start in starts]
        return [self._drawn(name, random) for name in names]

    def _drawn(self, name: str, random: np.random.Generator) -> Example:
        pool = self._pools[name]
        example = pool[int(random.integers(len(pool)))]
        if name == "removed":
            example = definitions_only(example) if random.random() < 0.15 else without_answer(example)
        elif name == "beside":
            example = beside_next(example)
        example = fewer(example, random)
        if random.random() < 0.5:
            example = thinned(example, random)
        return shuffled(example, random) if random.random() < 0.3 else example


@dataclass(frozen=True)
class Wanted:
    """What the network should say of an example.

    Attributes:
        said: bool (sentences,).
        targets: (sentences,), 0 to 1.
        passages: (pieces,), 1 where one holds something.
        holds: (2,): at least a part, the whole.
        more: whether something is still to be said.
    """

    said: Tensor
    targets: Tensor
    passages: Tensor
    holds: Tensor
    more: float


def wanted(
    example: Example, owners: Sequence[tuple[int, int]], pieces: Sequence[int], random: np.random.Generator
) -> Wanted:
    """Targets of an example; half of those with an answer are seen after a part of it was said.

    Args:
        example: as drawn.
        owners: (passage, sentence) of each sentence that was read.
        pieces: the passage of each piece.
        random: draws what was said.
    """
    values = [example.passages[passage].targets[place] for passage, place in owners]
    said: set[tuple[int, int]] = set()
    if random.random() < 0.5:
        if example.steps:
            said = {
                place for step in example.steps[: int(random.integers(1, len(example.steps) + 1))] for place in step
            }
        else:
            strong = [owner for owner, value in zip(owners, values, strict=True) if value >= 0.5]
            said = {owner for owner in strong if random.random() < 0.5}
    targets = [0.0 if owner in said else value for owner, value in zip(owners, values, strict=True)]
    holding = {passage for (passage, _), value in zip(owners, values, strict=True) if value >= 0.5}
    return Wanted(
        torch.tensor([owner in said for owner in owners], dtype=torch.bool),
        torch.tensor(targets),
        torch.tensor([float(piece in holding) for piece in pieces]),
        torch.tensor([float(example.holds != "no"), float(example.holds == "full")]),
        float(any(value >= 0.5 for value in targets)),
    )


def losses(
    network: SelectorNetwork, reader: PieceReader, batch: Sequence[Example], random: np.random.Generator
) -> dict[str, Tensor]:
    """The mean losses of a batch, by name."""
    read = [reader.read(e.question, [(p.title, p.section, p.sentences) for p in e.passages]) for e in batch]
    aims = [wanted(example, own.owners, own.passages, random) for example, own in zip(batch, read, strict=True)]
    with torch.autocast("cpu", torch.bfloat16):
        judged = network.judge(network.read([own.pieces for own in read]), [aim.said for aim in aims])
    # A sentence that was said already has nothing to learn.
    each = [
        binary_cross_entropy_with_logits(logits, aim.targets, (~aim.said).float(), reduction="sum")
        / max(1, len(logits))
        for logits, aim in zip(judged.sentences, aims, strict=True)
    ]
    return {
        "holds": binary_cross_entropy_with_logits(judged.holds, torch.stack([aim.holds for aim in aims])),
        "sentences": torch.stack(each).mean(),
        "passages": binary_cross_entropy_with_logits(
            torch.cat(judged.passages), torch.cat([aim.passages for aim in aims])
        ),
        "more": binary_cross_entropy_with_logits(judged.more, torch.tensor([aim.more for aim in aims])),
    }


def trained_weights(network: SelectorNetwork) -> dict[str, nn.Parameter]:
    """What training changes: all but the encoder's tables and lowest layers."""
    fixed = tuple(f"layers.layer.{number}." for number in range(_FROZEN))
    network.requires_grad_(False)
    found = {name: weight for name, weight in network.trained().named_parameters() if not name.startswith(fixed)}
    for weight in found.values():
        weight.requires_grad_(True)
    return found


def average(network: SelectorNetwork, states: Sequence[Path]) -> None:
    """Take over the mean of the running averages of finished runs."""
    kept = [load_file(path) for path in states]
    with torch.no_grad():
        for name, weight in network.trained().named_parameters():
            found = [tensors[kept_as] for tensors in kept if (kept_as := f"tensor/{_AVERAGE}{name}") in tensors]
            if found:
                weight.copy_(torch.stack(found).mean(0))


def finish(
    network: SelectorNetwork,
    before: dict[str, Tensor],
    reader: PieceReader,
    kept: Sequence[Example],
    given: argparse.Namespace,
) -> None:
    """Pack the weights, and fit the judgement on what was kept apart, judged by the weights as they were packed."""
    packed = pack(before, network.trained().state_dict())
    with replacing(given.output / WEIGHTS.name) as part:
        save_file(packed, part, {"settings": json.dumps(run_settings(given))})
    judged = load_network(given.output / WEIGHTS.name)
    joint = fit(judge(judged.requires_grad_(False).eval(), reader, kept))
    write_json(given.output / JOINT.name, joint.to_json())


def _examples(path: Path, deep_index: Path | None, own_index: Path | None) -> list[Example]:
    """The examples of a run, made once."""
    if not path.is_file():
        leads = Retriever.load()
        made = judged_examples(load_questions("real_train"), leads, "real")
        made += judged_examples(load_questions("real_more", required=("question",)), leads, "more")
        if deep_index is not None:
            deep = Retriever.load(deep_index)
            made += judged_examples(load_questions("deep_train"), deep, "deep")
            made += judged_examples(load_questions("deep_more", required=("question",)), deep, "deep")
        if own_index is not None:
            own = load_questions("own_questions", required=("question",))
            made += judged_examples(own, Retriever.load(own_index), "own")
        made += close_examples(load_questions("close"), leads)
        write_json(path, [asdict(example) for example in made], indent=None)
    return [Example.of(row) for row in json.loads(path.read_text(encoding="utf-8"))]


if __name__ == "__main__":
    raise SystemExit(main())
