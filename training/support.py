"""Training of the support model on the claims of data/lfqa; everything it needs comes with the program.

    python -m training.support --output runs/support --deep-index sample   # cross-encoder, then the joint judgement
    python -m training.support --output runs/support --examples 0          # the joint judgement alone, anew
    python -m training.support --output runs/more --start runs/support/cross_encoder.safetensors --learning-rate 5e-5

`--install` puts the result into the program. See generator/support/README.md for how the embedded one was made.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from core.command import Parser, exit_status
from data.assets import asset_path
from data.passages import read_vital_articles
from data.questions import (
    beside_evidence,
    by_title,
    load_claims,
    load_questions,
    load_sentence_claims,
    passages_by_title,
)
from generator.support.compact import pack, unpack
from generator.support.cross_encoder import CrossEncoder
from generator.support.model import FOLDER, JOINT, NEW, WEIGHTS, View, collate, load_reader, view
from generator.support.reading import Claim, Reader
from retriever.search import Retriever
from training.checkpoint import seed_everything
from training.loop import STOPPED, Figures, Training, TrainingError
from training.options import add_run_options, check_range, run_folder, run_settings
from training.schedule import Schedule, epoch_order
from training.support_examples import KeptPassages, held_out, make_examples, siblings_of
from training.support_judgement import FIGURES, PRECISION_RECALL, RELIABILITY, fit_joint
from training.support_spoiler import HAND_WRITTEN, ClaimExample


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = Parser(prog="python -m training.support", description="Train the support model.")
    add = parser.add_argument
    add("--start", type=Path, metavar="FILE", help="begin with the cross-encoder of an earlier run")
    add("--examples", type=int, default=40_000, help="shown in all (default %(default)s); 0: only the judgement")
    add("--hard-first", type=float, default=0.3, help="share of hand-written claims at first (default %(default)s)")
    add("--hard-last", type=float, default=0.8, help="and from seven tenths of the run on (default %(default)s)")
    add("--sentences", type=float, default=0.6, help="share among these of sentences beside their evidence alone")
    add("--deep-index", type=Path, metavar="DIR", help="the dump sample's index, for sentences over whole articles")
    add("--install", action="store_true", help="put the result into generator/support")
    add_run_options(parser, batch_size=32, learning_rate=1.5e-4, save_every=40)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 for a failure, 130 after Ctrl-C."""
    given = make_parser().parse_args(arguments)
    return exit_status(lambda: run(given), STOPPED)


def run(given: argparse.Namespace) -> None:
    """Examples, cross-encoder, joint judgement.

    Raises:
        core.errors.UserError: options are out of range, assets cannot be had, --start is no cross-encoder, or the
            output folder holds another run.
    """
    check_range(given, 0, "examples")
    check_range(given, 1, "batch_size", "save_every")
    check_range(given, 0, "hard_first", "hard_last", "sentences", high=1)
    check_range(given, 0, "learning_rate", above=True)
    with run_folder(given):
        _run(given)


def _run(given: argparse.Namespace) -> None:
    """The same in a folder that is this run's own."""
    leads = read_vital_articles(asset_path("vital-articles"))
    passages = passages_by_title(leads)
    texts = {title: passage.text for title, passage in passages.items()}
    claims, dev = load_claims("train"), load_claims("dev")
    titles = by_title([*leads, *(Retriever.load(given.deep_index).index.passages if given.deep_index else ())])
    written = [*load_sentence_claims("train"), *load_sentence_claims("more")]
    sentences, pieces = beside_evidence(written, titles)
    apart, more = beside_evidence(load_sentence_claims("dev"), titles)
    passages |= pieces | more
    answers = {
        name: {question.id: question for question in load_questions(split)}
        for name, split in (("written", "train"), ("close", "close"))
    }
    reader = load_reader()
    examples = make_examples(claims, answers, texts, siblings_of(reader, list(texts.values())), given.seed)
    examples += [ClaimExample(c.claim, c.read, c.supported, (), "sentence", c.id) for c in sentences]
    needed = list(dict.fromkeys(title for claim in [*dev, *claims, *apart, *sentences] for title in claim.read))
    kept = KeptPassages(given.output, passages, needed, reader)
    cross = CrossEncoder(reader.encoder)
    before = {name: value.clone() for name, value in cross.state_dict().items() if not name.startswith(NEW)}
    if given.start is not None:
        begin_with(cross, given.start)
    if given.examples >= given.batch_size:
        train(cross, [example for example in examples if not held_out(example.group)], reader, kept, given)
    packed = pack(before, cross.state_dict())
    save_file(packed, given.output / WEIGHTS, {"settings": json.dumps(run_settings(given))})
    # What is judged is what will be loaded: the weights after rounding.
    judged = CrossEncoder(reader.encoder)
    unpack(judged, packed, NEW)
    fit_joint(judged, reader, kept, examples, dev, apart, given.output)
    if given.install:
        for name in (WEIGHTS, JOINT, FIGURES, RELIABILITY, PRECISION_RECALL):
            shutil.copy(given.output / name, FOLDER / name)


def begin_with(cross: CrossEncoder, path: Path) -> None:
    """Take over the weights of an earlier run.

    Raises:
        TrainingError: the file is missing, or is no cross-encoder's.
    """
    try:
        unpack(cross, load_file(path), NEW)
    except (OSError, SafetensorError, ValueError) as error:
        raise TrainingError(f"--start {path} is no cross-encoder of a run: {error}") from error


def train(
    cross: CrossEncoder,
    examples: Sequence[ClaimExample],
    reader: Reader,
    kept: KeptPassages,
    given: argparse.Namespace,
) -> None:
    """Train the cross-encoder in place; its new parts learn four times as fast as the layers."""
    seed_everything(given.seed)
    steps = given.examples // given.batch_size
    hard = (given.hard_first, given.hard_last)
    mixture = Mixture(examples, steps, given.batch_size, hard, given.sentences, given.seed)
    cross.train().requires_grad_(True)

    def step(number: int) -> Figures:
        with torch.autocast("cpu", torch.bfloat16):
            ready = prepare(mixture.at(number), reader, kept)
        claims, tokens = losses(cross, ready, reader)
        (claims + tokens).backward()
        return {"claims": claims.item(), "tokens": tokens.item()}

    weights = dict(cross.named_parameters())
    groups = [
        {"params": list(cross.layers.parameters()), "lr": given.learning_rate},
        {"params": [p for name, p in weights.items() if name.startswith(NEW)], "lr": 4 * given.learning_rate},
    ]
    Training(
        given.output,
        weights,
        torch.optim.AdamW(groups, weight_decay=0.01),
        step,
        Schedule(steps, 0.06 * steps + 1, floor=0.02, falls_from=0),
        run_settings(given),
        save_every=given.save_every,
        restart=given.restart,
        panels={"loss": ["claims", "tokens"]},
    ).run()


class Mixture:
    """Two kinds of hand-written claims and made ones, in changing shares; what is used up comes in a new order."""

    def __init__(
        self,
        examples: Sequence[ClaimExample],
        steps: int,
        size: int,
        hard: tuple[float, float],
        sentences: float,
        seed: int,
    ) -> None:
        """Draw the kinds of a whole run.

        Args:
            examples: of all kinds.
            steps: of the run.
            size: of a batch.
            hard: the share of hand-written claims at first, and from seven tenths of the run on.
            sentences: the share among these of sentences beside their evidence alone.
            seed: of everything drawn.
        """
        made = [example for example in examples if example.source not in HAND_WRITTEN]
        self._kinds = [[example for example in examples if example.source == name] for name in HAND_WRITTEN] + [made]
        self._seed = seed
        shares = np.array([hard[0] + (hard[1] - hard[0]) * min(1.0, step / steps / 0.7) for step in range(steps)])
        drawn = np.random.default_rng(seed).random((steps, size))
        # Without sentences, all of the hand-written are of the first kind.
        split = (1 - sentences * bool(self._kinds[1])) * shares[:, None]
        # Which kind each example is of, and how many of it came before, (steps, size).
        self._kind = (drawn >= split).astype(np.int64) + (drawn >= shares[:, None])
        self._before = np.zeros((steps, size), np.int64)
        for kind in range(len(self._kinds)):
            own = self._kind == kind
            self._before[own] = np.arange(own.sum())

    def at(self, step: int) -> list[ClaimExample]:
        """The examples of a step, from 0."""
        batch = []
        for number, before in zip(self._kind[step], self._before[step], strict=True):
            kind = self._kinds[number] or next(filter(None, self._kinds))
            epoch, place = divmod(int(before), len(kind))
            batch.append(kind[epoch_order(len(kind), self._seed, epoch)[place]])
        return batch


@dataclass
class Prepared:
    """An example, ready for a batch.

    Attributes:
        example: as made.
        claim: read by the tokenizer; it has no vector.
        view: what the cross-encoder sees.
        wrong: float32 (tokens,), 1 where the token was made wrong.
    """

    example: ClaimExample
    claim: Claim
    view: View
    wrong: np.ndarray


def prepare(examples: Sequence[ClaimExample], reader: Reader, kept: KeptPassages) -> list[Prepared]:
    """Read claims and find their nearest sentences; examples whose support cannot be taken away are left out."""
    ready = []
    for example, claim in zip(examples, reader.claims([example.claim for example in examples]), strict=True):
        source = kept.beside(claim, example)
        if source is not None:
            seen = view(claim, source, reader.nearest(claim, source), reader.rarity)
            wrong = [any(a < end and b > start for start, end in example.wrong) and b > a for a, b in claim.places]
            ready.append(Prepared(example, claim, seen, np.array(wrong, np.float32)))
    return ready


def losses(cross: CrossEncoder, ready: Sequence[Prepared], reader: Reader) -> tuple[Tensor, Tensor]:
    """The cross-entropy of whole claims, and that of single tokens; matrix products in bfloat16.

    The latter counts where it is known which tokens are wrong: in claims made wrong by rule and, all of them right, in
    supported ones.
    """
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


if __name__ == "__main__":
    sys.exit(main())
