"""The command that trains a retriever: `python -m retriever.train --questions FILE --output DIR`.

It puts together what the modules beside it do: examples, an objective, which weights learn, the loop. See
retriever/README.md for recipes, the command that made the embedded default among them.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data.assets import AssetError
from data.questions import QuestionSetError
from retriever.encode import EncoderError
from retriever.examples import Example, ExampleError, read_examples

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from retriever.modeling_retribert import RetriBertModel
    from retriever.training_loop import Objective, RetrievalCheck, TrainingLoop

logger = logging.getLogger(__name__)

TUNED = ("full", "projections", "adapters")


class TrainingError(ValueError):
    """The command line's wishes do not fit together; the message says which and what to do."""


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m retriever.train", description="Train a RetriBERT retriever.")
    data = parser.add_argument_group("data")
    data.add_argument("--questions", required=True, metavar="SOURCE", help=".jsonl, .parquet or a dataset's name")
    data.add_argument("--split", default="train", help="of a dataset (default train)")
    data.add_argument("--question-field", metavar="NAME", help="default: question, query or title")
    data.add_argument("--document-field", metavar="NAME", help="default: document, positive, passage or answers")
    data.add_argument("--recipe", choices=("pairs", "eli5"), default="pairs", help="eli5: a random span of the answer")
    data.add_argument("--held-out", metavar="SOURCE|N", default="400", help="a source, or how many to hold out")
    data.add_argument("--corpus", choices=("vital",), help="titles are passages of it, all of which compete")
    data.add_argument("--claims", help="claims that become queries too (with --corpus): train, or a file")
    data.add_argument("--augment", type=float, default=0.0, metavar="N", help="queries of the corpus per question")
    model = parser.add_argument_group("model")
    model.add_argument("--model", default="minilm", help="minilm, or a RetriBERT or BERT: folder or hub name")
    model.add_argument("--encoders", type=int, choices=(1, 2), help="one for both sides, or two (default: as it is)")
    model.add_argument("--tune", choices=TUNED, default="full", help="which weights learn")
    model.add_argument("--rank", type=int, default=8, help="of the adapters")
    model.add_argument("--layers", default=r"layer\.", metavar="REGEX", help="linear layers that get adapters")
    _add_loop_arguments(parser)
    return parser


def _add_loop_arguments(parser: argparse.ArgumentParser) -> None:
    loop = parser.add_argument_group("training")
    loop.add_argument("--output", type=Path, required=True, metavar="DIR", help="where everything goes")
    loop.add_argument("--epochs", type=int, default=3)
    loop.add_argument("--batch-size", type=int, default=64)
    loop.add_argument("--checkpoint-batch-size", type=int, default=-1, help="texts at a time: less memory, same loss")
    loop.add_argument("--learning-rate", type=float, default=1e-3)
    loop.add_argument("--projection-rate", type=float, help="of the projections (default: the learning rate)")
    loop.add_argument("--weight-decay", type=float, default=0.01)
    loop.add_argument("--warmup", type=float, default=0.1, help="share of the steps")
    loop.add_argument("--schedule", choices=("linear", "cosine", "constant_with_warmup"), default="linear")
    loop.add_argument("--temperature", type=float, help="default: 1, or 0.05 where vectors are normalised")
    loop.add_argument("--distil", type=float, default=0.0, help="weight of the model's first similarities (--corpus)")
    loop.add_argument("--others", type=float, default=0.2, help="share of the further titles in the target (--corpus)")
    loop.add_argument("--max-question-tokens", type=int, default=512)
    loop.add_argument("--max-document-tokens", type=int, default=512)
    loop.add_argument("--bf16", action=argparse.BooleanOptionalAction, help="default: on a GPU")
    loop.add_argument("--device", help="default: cuda if there is one")
    loop.add_argument("--save-every", type=int, default=100, metavar="STEPS", help="write the state this often")
    loop.add_argument("--restart", action="store_true", help="forget the run that DIR holds")
    loop.add_argument("--seed", type=int, default=0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train; the exit status is 0, 1 for a failure, 130 after Ctrl-C."""
    given = make_parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    from training.checkpoint import CheckpointError
    from training.command import exit_status

    def work() -> None:
        _check(given)
        train(given)

    failures = (
        TrainingError,
        ExampleError,
        QuestionSetError,
        EncoderError,
        AssetError,
        CheckpointError,
        FloatingPointError,
    )
    return exit_status(work, failures, "stopped; the same command goes on from the last state that was written")


def _check(given: argparse.Namespace) -> None:
    """Raises TrainingError for settings that are out of range or do not fit together."""
    for name in ("epochs", "batch_size", "rank", "save_every", "max_question_tokens", "max_document_tokens"):
        if getattr(given, name) < 1:
            raise TrainingError(f"--{name.replace('_', '-')} is {getattr(given, name)}; it must be at least 1")
    if not 0 <= given.warmup <= 1:
        raise TrainingError(f"--warmup is {given.warmup}; it is a share of the steps, from 0 to 1")
    if given.temperature is not None and given.temperature <= 0:
        raise TrainingError(f"--temperature is {given.temperature}; it must be above 0")
    if not given.corpus and (given.claims or given.augment or given.distil):
        raise TrainingError("--claims, --augment and --distil need --corpus")
    if given.corpus and given.encoders == 1:
        raise TrainingError("with --corpus the documents' side stays as it is: use --encoders 2")


def train(given: argparse.Namespace) -> Path:
    """Train as the command line says; returns the folder of the best checkpoint.

    Raises:
        TrainingError: settings do not fit together.
        ExampleError: the data cannot be read.
        EncoderError: the model cannot be loaded.
        CheckpointError: the output folder holds another run.
    """
    import torch

    from retriever.starting import load_start
    from retriever.training_loop import TrainingLoop
    from training.checkpoint import seed_everything

    seed_everything(given.seed)
    device = torch.device(given.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    model, tokenizer = load_start(given.model, given.encoders)
    torch.nn.Module.to(model, device)  # the library's own `to` has lost its types
    if given.bf16 is None:
        given.bf16 = device.type == "cuda"
    limit = tokenizer.model_max_length
    given.max_question_tokens = min(given.max_question_tokens, limit)
    given.max_document_tokens = min(given.max_document_tokens, limit)
    if given.temperature is None:
        given.temperature = 0.05 if model.config.normalize else 1.0
    make = _corpus_training if given.corpus else _in_batch_training
    objective, check, count = make(given, model, tokenizer)
    choose_weights(model, given.tune, given.rank, given.layers, questions_only=bool(given.corpus))
    loop = TrainingLoop(given, model, objective, check, count)
    loop.run()
    return save_best(given, loop, model, tokenizer)


def choose_weights(model: RetriBertModel, tune: str, rank: int, layers: str, questions_only: bool) -> None:
    """Mark the weights that learn, and add adapters where they are wished.

    Args:
        model: changed in place.
        tune: one of `TUNED`; the projections always learn.
        rank: of the adapters.
        layers: a regular expression for the encoder's linear layers that get adapters.
        questions_only: whether the documents' side stays as it is.
    """
    from training.lora import add_adapters

    encoders = [model.bert_query] if questions_only or model.bert_doc is None else [model.bert_query, model.bert_doc]
    model.requires_grad_(False)
    for encoder in encoders:
        if tune == "full":
            encoder.requires_grad_(True)
        elif tune == "adapters":
            try:
                add_adapters(encoder, layers, rank, alpha=2.0 * rank)
            except ValueError as error:
                raise TrainingError(f"--layers: {error}") from error
    model.project_query.requires_grad_(True)
    model.project_doc.requires_grad_(not questions_only)


def _held_out(given: argparse.Namespace, examples: list[Example], **reading: object) -> tuple[list[int], list[Example]]:
    """Numbers of the examples to train on, and the held-out ones, from a source or from the examples themselves."""
    from training.checkpoint import epoch_order

    if not given.held_out.isdigit():
        return list(range(len(examples))), read_examples(given.held_out, **reading)  # type: ignore[arg-type]
    count = int(given.held_out)
    if count >= len(examples):
        raise TrainingError(
            f"{len(examples)} training examples, of which {count} are to be held out: name fewer with --held-out"
        )
    # The order of an epoch that no training has, so that no other seed's draw is repeated.
    order = epoch_order(len(examples), 7, 1_000_000)
    return sorted(order[count:].tolist()), [examples[number] for number in sorted(order[:count].tolist())]


def _check_count(count: int, given: argparse.Namespace, has_negatives: bool) -> None:
    """A batch needs another document to tell a question's own from."""
    if min(count, given.batch_size) < 2 and not has_negatives:
        raise TrainingError(
            f"a batch would hold one question ({count} training examples, --batch-size {given.batch_size}): alone it "
            "has no other document to be told from; give more examples, a larger batch, or hard negatives"
        )


def _in_batch_training(
    given: argparse.Namespace, model: RetriBertModel, tokenizer: PreTrainedTokenizerBase
) -> tuple[Objective, RetrievalCheck, int]:
    """The published objective, and a check over the held-out documents."""
    from retriever.objectives import InBatchObjective, count_cut
    from retriever.training_loop import RetrievalCheck

    reading = {"split": given.split, "question_field": given.question_field, "document_field": given.document_field}
    examples = read_examples(given.questions, None, **reading)
    numbers, held_out = _held_out(given, examples, corpus=None, **reading)
    chosen = [examples[number] for number in numbers]
    _check_count(len(chosen), given, all(example.negatives for example in chosen))
    count_cut(tokenizer, [example.question for example in chosen], given.max_question_tokens, "questions")
    if given.recipe == "pairs":
        documents = [text for example in chosen for text in example.documents]
        count_cut(tokenizer, documents, given.max_document_tokens, "documents")
    objective = InBatchObjective(
        model,
        tokenizer,
        chosen,
        temperature=given.temperature,
        checkpoint_batch_size=given.checkpoint_batch_size,
        spans=given.recipe == "eli5",
        max_question_tokens=given.max_question_tokens,
        max_document_tokens=given.max_document_tokens,
    )
    documents = [example.documents[0] for example in held_out]
    questions = [example.question for example in held_out]
    return objective, RetrievalCheck(model, tokenizer, questions, list(range(len(held_out))), documents), len(chosen)


def _corpus_training(
    given: argparse.Namespace, model: RetriBertModel, tokenizer: PreTrainedTokenizerBase
) -> tuple[Objective, RetrievalCheck, int]:
    """Questions against all passages of the corpus, whose vectors stay as they are."""
    from data.assets import asset_path
    from data.passages import read_vital_articles
    from data.questions import load_claims
    from retriever.augment import Augmenter, claims_of_one_passage
    from retriever.objectives import CorpusObjective, count_cut
    from retriever.training_loop import RetrievalCheck

    passages = read_vital_articles(asset_path("vital-articles"))
    rows: dict[str, int] = {}
    for row, passage in enumerate(passages):
        rows.setdefault(passage.title, row)
    corpus = {title: passages[row].text for title, row in rows.items()}
    examples = read_examples(given.questions, corpus, given.split, given.question_field)
    numbers, held_out = _held_out(given, examples, corpus=corpus, split=given.split)
    chosen = [examples[number] for number in numbers]
    count_cut(tokenizer, [example.question for example in chosen], given.max_question_tokens, "questions")
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
        chosen,
        [[rows[title] for title in example.titles] for example in chosen],
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
    return objective, check, len(chosen)


def corpus_vectors(model: RetriBertModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> Tensor:
    """The passages' vectors by the model as it is: those that come along if they are its, else made anew."""
    import torch

    from retriever.objectives import document_vectors
    from training.embedded import shipped_vectors

    vectors = shipped_vectors(model, tokenizer, texts)
    if vectors is None:
        vectors = document_vectors(model, tokenizer, texts)
    return torch.from_numpy(vectors).to(model.device)


def save_best(
    given: argparse.Namespace, loop: TrainingLoop, model: RetriBertModel, tokenizer: PreTrainedTokenizerBase
) -> Path:
    """Write the best weights: the adapters by themselves, and a whole checkpoint that `Encoder.load` opens."""
    from safetensors.torch import save_file

    from training.lora import adapter_tensors, bake_adapters

    loop.load_best()
    folder = given.output / "best"
    folder.mkdir(parents=True, exist_ok=True)
    if given.tune == "adapters":
        small = {f"bert_query.{name}": value for name, value in adapter_tensors(model.bert_query).items()}
        if model.bert_doc is not None:
            small |= {f"bert_doc.{name}": value for name, value in adapter_tensors(model.bert_doc).items()}
        small |= {"project_query.weight": model.project_query.weight, "project_doc.weight": model.project_doc.weight}
        small = {name: value.detach().cpu().clone().contiguous() for name, value in small.items()}
        encoders = "1" if model.bert_doc is None else "2"
        save_file(small, given.output / "adapters.safetensors", {"encoders": encoders})
        for encoder in filter(None, (model.bert_query, model.bert_doc)):
            bake_adapters(encoder)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


if __name__ == "__main__":
    sys.exit(main())
