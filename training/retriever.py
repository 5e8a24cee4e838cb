"""The command that trains a retriever: `python -m training.retriever --questions FILE --output DIR`.

It puts together examples, an objective and which weights learn. See retriever/README.md for recipes, the command that
made the embedded default among them.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from core.command import Parser, exit_status
from core.errors import SettingsError
from data.assets import asset_path
from data.passages import read_vital_articles
from data.questions import load_claims
from retriever.modeling_retribert import RetriBertModel
from training.checkpoint import seed_everything
from training.embedded import shipped_vectors
from training.loop import BEST, STOPPED, Evaluation, Figures, Training
from training.lora import adapter_tensors, add_adapters, merged_state
from training.options import add_run_options, check_range, run_folder, run_settings
from training.retriever_examples import Augmenter, RetrievalExample, claims_of_one_passage, read_examples
from training.retriever_objectives import (
    CorpusObjective,
    InBatchObjective,
    Objective,
    RetrievalCheck,
    count_cut,
    document_vectors,
)
from training.retriever_start import load_start
from training.schedule import Batches, Schedule, epoch_order

_PANELS = {"training loss": ["loss"], "held out": ["recall@1", "recall@5", "recall@10", "mrr@10"]}


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = Parser(prog="python -m training.retriever", description="Train a RetriBERT retriever.")
    data = parser.add_argument_group("data").add_argument
    data("--questions", required=True, metavar="SOURCE", help=".jsonl, .parquet or a dataset's name")
    data("--split", default="train", help="of a dataset (default train)")
    data("--question-field", metavar="NAME", help="default: question, query or title")
    data("--document-field", metavar="NAME", help="default: document, positive, passage or answers")
    data("--recipe", choices=("pairs", "eli5"), default="pairs", help="eli5: a random span of the answer")
    data("--held-out", metavar="SOURCE|N", default="400", help="a source, or how many to hold out")
    data("--corpus", choices=("vital",), help="titles are passages of it, all of which compete")
    data("--claims", help="claims that become queries too (with --corpus): train, or a file")
    data("--augment", type=float, default=0.0, metavar="N", help="queries of the corpus per question")
    data("--max-question-tokens", type=int, default=512)
    data("--max-document-tokens", type=int, default=512)
    model = parser.add_argument_group("model").add_argument
    model("--model", default="minilm", help="minilm, or a RetriBERT or BERT: folder or hub name")
    model("--encoders", type=int, choices=(1, 2), help="one for both sides, or two (default: as it is)")
    model("--tune", choices=("full", "projections", "adapters"), default="full", help="which weights learn")
    model("--rank", type=int, default=8, help="of the adapters")
    model("--layers", default=r"layer\.", metavar="REGEX", help="linear layers that get adapters")
    loop = parser.add_argument_group("training").add_argument
    loop("--epochs", type=int, default=3)
    loop("--checkpoint-batch-size", type=int, default=-1, help="texts at a time: less memory, same loss")
    loop("--projection-rate", type=float, help="of the projections (default: the learning rate)")
    loop("--weight-decay", type=float, default=0.01)
    loop("--warmup", type=float, default=0.1, help="share of the steps")
    loop("--schedule", choices=("linear", "cosine", "constant"), default="linear", help="how the rate falls")
    loop("--temperature", type=float, help="default: 1, or 0.05 where vectors are normalised")
    loop("--distil", type=float, default=0.0, help="weight of the model's first similarities (--corpus)")
    loop("--others", type=float, default=0.2, help="share of the further titles in the target (--corpus)")
    loop("--bf16", action=argparse.BooleanOptionalAction, help="default: on a GPU")
    loop("--device", help="default: cuda if there is one")
    add_run_options(parser, batch_size=64, learning_rate=1e-3, save_every=100)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Train; the exit status is 0, 1 for a failure, 130 after Ctrl-C."""
    given = make_parser().parse_args(arguments)
    return exit_status(lambda: run(given), STOPPED)


def run(given: argparse.Namespace) -> None:
    """Train in a folder that is this run's own.

    Raises:
        core.errors.UserError: see `train`; or the output folder holds other things, or another process trains in it.
    """
    _check(given)
    with run_folder(given):
        train(given)


def _check(given: argparse.Namespace) -> None:
    """Raises SettingsError for options that are out of range or do not fit together."""
    check_range(given, 1, "epochs", "batch_size", "rank", "save_every", "max_question_tokens", "max_document_tokens")
    check_range(given, 0, "warmup", high=1)
    check_range(given, 0, "temperature", "learning_rate", "projection_rate", above=True)
    if not given.corpus and (given.claims or given.augment or given.distil):
        raise SettingsError("--claims, --augment and --distil need --corpus")
    if given.corpus and given.encoders == 1:
        raise SettingsError("with --corpus the documents' side stays as it is: use --encoders 2")


def train(given: argparse.Namespace) -> None:
    """Train as the command line says; the best checkpoint is in the folder `best` of the output.

    Raises:
        core.errors.UserError: options do not fit together, data or model cannot be read, or the output folder holds
            another run.
    """
    seed_everything(given.seed)
    device = torch.device(given.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    model, tokenizer = load_start(given.model, given.encoders)
    torch.nn.Module.to(model, device)  # the library's own `to` has lost its types
    if given.bf16 is None:
        given.bf16 = device.type == "cuda"
    given.max_question_tokens = min(given.max_question_tokens, tokenizer.model_max_length)
    given.max_document_tokens = min(given.max_document_tokens, tokenizer.model_max_length)
    if given.temperature is None:
        given.temperature = 0.05 if model.config.normalize else 1.0
    make = _corpus_training if given.corpus else _in_batch_training
    objective, check, count = make(given, model, tokenizer)
    choose_weights(model, given.tune, given.rank, given.layers, questions_only=bool(given.corpus))
    # A last batch of one would have nothing to compare with.
    batches = Batches(count, given.batch_size, given.seed, full_only=True)

    def step(number: int) -> Figures:
        model.train()
        with torch.autocast(device.type, torch.bfloat16, enabled=given.bf16):
            loss = objective.loss(batches.at(number)[1], random.Random(given.seed * 1_000_003 + number))
        loss.backward()
        return {"loss": loss.item()}

    steps = batches.per_epoch * given.epochs
    Training(
        given.output,
        {name: weight for name, weight in model.named_parameters() if weight.requires_grad},
        _optimizer(given, model),
        step,
        Schedule(steps, round(given.warmup * steps), given.schedule, from_zero=True),
        run_settings(given) | {"examples": count},
        save_every=given.save_every,
        evaluation=Evaluation(
            check,
            score=lambda figures: figures["mrr@10"],
            keep=lambda number, figures: save(given.output, model, tokenizer),
            every=batches.per_epoch,
            at_start=True,
        ),
        restart=given.restart,
        panels=_PANELS,
    ).run()


def choose_weights(model: RetriBertModel, tune: str, rank: int, layers: str, questions_only: bool) -> None:
    """Mark the weights that learn, and add adapters where they are wished.

    Args:
        model: changed in place.
        tune: "full", "projections" or "adapters"; the projections always learn.
        rank: of the adapters.
        layers: a regular expression for the encoder's linear layers that get adapters.
        questions_only: whether the documents' side stays as it is.
    """
    encoders = [model.bert_query] if questions_only or model.bert_doc is None else [model.bert_query, model.bert_doc]
    model.requires_grad_(False)
    for encoder in encoders:
        if tune == "full":
            encoder.requires_grad_(True)
        elif tune == "adapters":
            add_adapters(encoder, layers, rank, alpha=2.0 * rank)
    model.project_query.requires_grad_(True)
    model.project_doc.requires_grad_(not questions_only)


def _optimizer(given: argparse.Namespace, model: RetriBertModel) -> torch.optim.Optimizer:
    """AdamW with a learning rate of its own for the projections."""
    trained = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    projections = [weight for name, weight in trained if name.startswith("project_")]
    others = [weight for name, weight in trained if not name.startswith("project_")]
    groups: list[dict[str, Any]] = [{"params": others, "lr": given.learning_rate}] if others else []
    groups.append({"params": projections, "lr": given.projection_rate or given.learning_rate})
    return torch.optim.AdamW(groups, weight_decay=given.weight_decay)


def _held_out(
    given: argparse.Namespace,
    **reading: Any,  # noqa: ANN401 (arguments of `read_examples`)
) -> tuple[list[RetrievalExample], list[RetrievalExample]]:
    """The examples to train on, and the held-out ones, from a source of their own or from among them."""
    examples = read_examples(given.questions, split=given.split, question_field=given.question_field, **reading)
    if not given.held_out.isdigit():
        return examples, read_examples(
            given.held_out, split=given.split, question_field=given.question_field, **reading
        )
    count = int(given.held_out)
    if count >= len(examples):
        raise SettingsError(
            f"{len(examples)} training examples, of which {count} are to be held out: name fewer with --held-out"
        )
    # The order of an epoch that no training has, so that no other seed's draw is repeated.
    order = epoch_order(len(examples), 7, 1_000_000)
    train, held_out = sorted(order[count:]), sorted(order[:count])
    return [examples[number] for number in train], [examples[number] for number in held_out]


def _in_batch_training(
    given: argparse.Namespace, model: RetriBertModel, tokenizer: PreTrainedTokenizerBase
) -> tuple[Objective, RetrievalCheck, int]:
    """The published objective, and a check over the held-out documents."""
    examples, held_out = _held_out(given, document_field=given.document_field)
    if min(len(examples), given.batch_size) < 2 and not all(example.negatives for example in examples):
        raise SettingsError(
            f"a batch would hold one question ({len(examples)} training examples, --batch-size {given.batch_size}): "
            "alone it has no other document to be told from; give more examples, a larger batch, or hard negatives"
        )
    count_cut(tokenizer, [example.question for example in examples], given.max_question_tokens, "questions")
    if given.recipe == "pairs":
        documents = [text for example in examples for text in example.documents]
        count_cut(tokenizer, documents, given.max_document_tokens, "documents")
    objective = InBatchObjective(
        model,
        tokenizer,
        examples,
        temperature=given.temperature,
        checkpoint_batch_size=given.checkpoint_batch_size,
        spans=given.recipe == "eli5",
        max_question_tokens=given.max_question_tokens,
        max_document_tokens=given.max_document_tokens,
    )
    documents = [example.documents[0] for example in held_out]
    questions = [example.question for example in held_out]
    return objective, RetrievalCheck(model, tokenizer, questions, range(len(held_out)), documents), len(examples)


def _corpus_training(
    given: argparse.Namespace, model: RetriBertModel, tokenizer: PreTrainedTokenizerBase
) -> tuple[Objective, RetrievalCheck, int]:
    """Questions against all passages of the corpus, whose vectors stay as they are."""
    passages = read_vital_articles(asset_path("vital-articles"))
    rows: dict[str, int] = {}
    for row, passage in enumerate(passages):
        rows.setdefault(passage.title, row)
    examples, held_out = _held_out(given, corpus={title: passages[row].text for title, row in rows.items()})
    count_cut(tokenizer, [example.question for example in examples], given.max_question_tokens, "questions")
    vectors = corpus_vectors(model, tokenizer, [passage.text for passage in passages])
    augmenter = None
    if given.augment:
        held_out_titles = {example.titles[0] for example in held_out}
        claims = load_claims(given.claims) if given.claims else []
        kept = [claim for claim in claims if not held_out_titles & set(claim.read)]
        augmenter = Augmenter(passages, claims_of_one_passage(kept, rows))
    objective = CorpusObjective(
        model,
        tokenizer,
        examples,
        [[rows[title] for title in example.titles] for example in examples],
        vectors,
        temperature=given.temperature,
        others=given.others,
        distil=given.distil,
        augmenter=augmenter,
        augmented=given.augment,
        max_question_tokens=given.max_question_tokens,
    )
    own = [rows[example.titles[0]] for example in held_out]
    check = RetrievalCheck(model, tokenizer, [example.question for example in held_out], own, vectors)
    return objective, check, len(examples)


def corpus_vectors(model: RetriBertModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> Tensor:
    """The passages' vectors by the model as it is: those that come along if they are its, else made anew."""
    vectors = shipped_vectors(model, tokenizer, texts)
    if vectors is None:
        vectors = document_vectors(model, tokenizer, texts)
    return torch.from_numpy(vectors).to(model.device)


def save(output: Path, model: RetriBertModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Write the model as it is now: its adapters by themselves, and a whole checkpoint that `Encoder.load` opens."""
    small = adapter_tensors(model)
    if small:
        small |= {"project_query.weight": model.project_query.weight, "project_doc.weight": model.project_doc.weight}
        small = {name: value.detach().cpu().clone().contiguous() for name, value in small.items()}
        encoders = "1" if model.bert_doc is None else "2"
        output.mkdir(parents=True, exist_ok=True)
        save_file(small, output / "adapters.safetensors", {"encoders": encoders})
    model.save_pretrained(output / BEST, state_dict=merged_state(model))
    tokenizer.save_pretrained(output / BEST)


if __name__ == "__main__":
    sys.exit(main())
