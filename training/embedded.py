"""Making the embedded retriever: where its training starts, and what its training becomes.

    python -m training.embedded start                           # projections from principal directions
    python -m training.embedded install runs/a runs/b           # the mean of trainings' adapters, the passages' vectors

It writes the files of `retriever/embedded/`, which `retriever.embedded` reads.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.command import Parser, exit_status
from core.errors import UserError
from core.files import file_sha256, replacing, write_json
from data.assets import asset_path
from data.passages import read_vital_articles
from retriever.embedded import (
    ADAPTERS,
    CONFIG,
    FOLDER,
    MANIFEST,
    PROJECTIONS,
    VECTORS,
    count_encoders,
    hash_passages,
    load_minilm,
    load_tokenizer,
)
from retriever.encode import Encoder, encode
from retriever.index import PassageIndex

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from retriever.modeling_retribert import RetriBertModel
    from retriever.plain_bert import AnyRetriBert

SOURCE = "lead paragraphs of the Level-4 vital articles of English Wikipedia"
# What a training question counts beside a passage in the principal directions; see README.md for how it was chosen.
_QUESTION_WEIGHT = 2.0


def principal_directions(vectors: np.ndarray, count: int) -> np.ndarray:
    """The directions that keep most of the vectors' inner products (uncentred principal components).

    Args:
        vectors: float32 (n, dimensions).
        count: how many directions, at most `dimensions`.

    Returns:
        float32 (count, dimensions), orthonormal rows, the most important first.

    >>> principal_directions(np.array([[3.0, 0.0], [0.0, 1.0]]), 1).round(3).tolist()
    [[1.0, 0.0]]
    """
    _, directions = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors)
    rows = directions[:, ::-1][:, :count].T
    # The sign of a direction is arbitrary; fix it so that every machine makes the same file.
    signs = np.sign(rows[np.arange(count), np.abs(rows).argmax(axis=1)])
    # safetensors writes the memory as it lies, so it must lie row by row.
    return np.ascontiguousarray(rows * signs[:, None], dtype=np.float32)


def make_projections() -> None:
    """Write the projections that training starts from: principal directions of passages and training questions."""
    from safetensors.numpy import save_file

    from data.questions import load_questions
    from retriever.teacher import Teacher

    teacher = Teacher.load()
    passages = [passage.text for passage in read_vital_articles(asset_path("vital-articles"))]
    questions = [item.question for item in load_questions("train")]
    vectors = np.vstack([teacher.vectors(passages), teacher.vectors(questions)])
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    # Their inner products count so much more, as if each question stood there that often.
    vectors[len(passages) :] *= math.sqrt(_QUESTION_WEIGHT)
    rows = principal_directions(vectors, json.loads(CONFIG.read_text(encoding="utf-8"))["projection_dim"])
    with replacing(PROJECTIONS) as part:
        save_file({"project_query.weight": rows, "project_doc.weight": rows.copy()}, part)
    sys.stderr.write(f"wrote {PROJECTIONS}\n")


def install(runs: Sequence[Path]) -> None:
    """Take over a training's adapters, or the mean of several trainings', and write the passages' vectors beside them.

    Vectors that are already right, since training left the documents' side as it was, are kept.

    Args:
        runs: the trainings' output folders.

    Raises:
        core.errors.UserError: one of them holds no adapters.
    """
    from safetensors.numpy import save_file
    from safetensors.torch import load_file
    from safetensors.torch import save_file as save_tensors

    from training.lora import average_adapters

    adapters = [run / ADAPTERS.name for run in runs]
    for path in adapters:
        if not path.is_file():
            raise UserError(f"{path} is missing; train with `--tune adapters --output {path.parent}`")
    mean = average_adapters([load_file(path) for path in adapters])
    with replacing(ADAPTERS) as part:
        save_tensors(mean, part, {"encoders": str(count_encoders(adapters[0]))})
    encoder = Encoder.load(exact=True)
    passages = read_vital_articles(asset_path("vital-articles"))
    texts = [passage.text for passage in passages]
    vectors = shipped_vectors(encoder.model, encoder.tokenizer, texts)
    if vectors is None:
        vectors = encoder.encode_passages(texts)
        with replacing(VECTORS) as part:
            save_file({"vectors": vectors.astype(np.float16)}, part)
    index = PassageIndex.build(passages, vectors, encoder.name, encoder.identity, SOURCE)
    hashes = {"passages_sha256": hash_passages(passages), "vectors_sha256": file_sha256(VECTORS)}
    write_json(MANIFEST, asdict(index.manifest) | hashes | {"licence": "CC BY-SA 4.0"})
    sys.stderr.write(f"wrote {FOLDER}\n")


def load_starting_point() -> tuple[RetriBertModel, PreTrainedTokenizerBase]:
    """The embedded model before training: MiniLM in one encoder, both projections on the principal directions.

    Raises:
        data.assets.AssetError: the encoder's weights or vocabulary cannot be had.
    """
    from safetensors.torch import load_file

    from retriever.configuration_retribert import RetriBertConfig
    from retriever.modeling_retribert import RetriBertModel

    config = RetriBertConfig.from_json_file(CONFIG)
    config.share_encoders = True
    model = RetriBertModel(config)
    model.bert_query = load_minilm()
    rows = load_file(PROJECTIONS)["project_doc.weight"]
    model.load_state_dict({"project_query.weight": rows, "project_doc.weight": rows}, strict=False)
    return model.eval(), load_tokenizer()


def shipped_vectors(
    model: AnyRetriBert, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], samples: int = 8
) -> np.ndarray | None:
    """The vectors that come along, float32 (n, dimensions), if they are this model's of these texts; else None.

    A few texts are encoded to see.
    """
    from safetensors.numpy import load_file

    vectors = load_file(VECTORS)["vectors"].astype(np.float32)
    if vectors.shape != (len(texts), model.config.projection_dim):
        return None
    rows = np.linspace(0, len(texts) - 1, samples).astype(int)
    sample = encode([texts[row] for row in rows], tokenizer, model.embed_answers, vectors.shape[1], model.device)
    return vectors if np.allclose(sample, vectors[rows], atol=2e-3) else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the files of `retriever/embedded/` anew; the exit status is 0, 1 for a failure, 130 after Ctrl-C."""
    parser = Parser(prog="python -m training.embedded", description="Make the embedded retriever.")
    steps = parser.add_subparsers(dest="step", required=True)
    steps.add_parser("start", help="the projections that training starts from")
    taking = steps.add_parser("install", help="a training's adapters, and the passages' vectors")
    taking.add_argument("runs", type=Path, nargs="+", metavar="DIR", help="output folders of the retriever's training")
    given = parser.parse_args(arguments)
    return exit_status(make_projections if given.step == "start" else lambda: install(given.runs))


if __name__ == "__main__":
    sys.exit(main())
