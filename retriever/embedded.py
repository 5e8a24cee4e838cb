"""The embedded encoder and index: all-MiniLM-L6-v2 as RetriBERT's BERT, with this project's training.

The encoder's weights and the passages are assets. In `retriever/embedded/` lie `projections.safetensors`, where
training starts (the 128 first principal directions of the encoder's mean vectors of all passages and training
questions); `adapters.safetensors`, what `python -m retriever.train` made of it; and the passages' vectors.

    python -m retriever.embedded start                 # projections from principal directions
    python -m retriever.embedded install runs/default  # a training's adapters, and the passages' vectors
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.assets import asset_path, read_manifest
from data.passages import read_vital_articles
from retriever.encode import Encoder, encode, file_sha256, identity
from retriever.index import IndexFolderError, IndexManifest, PassageIndex, flat_index, hash_passages

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import BertModel, PreTrainedTokenizerBase

    from retriever.modeling_retribert import RetriBertModel
    from retriever.plain_bert import AnyRetriBert, PlainBert, PlainBertConfig, PlainRetriBert, PlainRetriBertConfig

FOLDER = Path(__file__).with_name("embedded")
NAME = "RetriBERT on all-MiniLM-L6-v2, 128-d"
SOURCE = "lead paragraphs of the Level-4 vital articles of English Wikipedia"
# What a training question counts beside a passage in the principal directions; see README.md for how it was chosen.
_QUESTION_WEIGHT = 2.0
_CONFIG, _MANIFEST = FOLDER / "config.json", FOLDER / "manifest.json"
_PROJECTIONS, _ADAPTERS, _VECTORS = (FOLDER / f"{name}.safetensors" for name in ("projections", "adapters", "vectors"))


def load_embedded() -> tuple[PlainRetriBert, PreTrainedTokenizerBase, str, str]:
    """The embedded model for inference, its tokenizer, identity and name.

    Raises:
        data.assets.AssetError: the encoder's weights or vocabulary cannot be had.
    """
    from retriever.plain_bert import PlainRetriBert, PlainRetriBertConfig

    sizes = _sizes(PlainRetriBertConfig) | {"share_encoders": True}
    model = PlainRetriBert(PlainRetriBertConfig(**sizes), plain_minilm())
    model.load_state_dict(_first_projections(), strict=False)
    hashes = {
        "encoder": read_manifest()["minilm"].sha256,
        "vocabulary": read_manifest()["minilm-vocabulary"].sha256,
        "adapters": file_sha256(_ADAPTERS),
    }
    apply_adapters(model, _ADAPTERS)
    return model, load_tokenizer(), identity(model.config, hashes), NAME


def apply_adapters(model: AnyRetriBert, path: Path) -> None:
    """Merge what `retriever.train --tune adapters` wrote into the starting point, in place.

    Args:
        model: with one encoder; it gets a second one for documents if the adapters are those of two.
        path: adapters.safetensors: "bert_query.LAYER.a" and ".b", perhaps "bert_doc." too, and both projections.

    Raises:
        ValueError: they belong to a model of another shape.
    """
    from safetensors.torch import load_file

    from training.lora import merge_adapters

    tensors = load_file(path)
    if _count_encoders(path) == 2:
        model.split_encoders()
    for name in ("bert_query", "bert_doc"):
        own = {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}
        if own:
            merge_adapters(model.get_submodule(name), own)
    model.load_state_dict({key: value for key, value in tensors.items() if key.startswith("project_")}, strict=False)


def _count_encoders(path: Path) -> int:
    """How many encoders the model had whose adapters these are, 1 or 2."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return int((file.metadata() or {}).get("encoders", 1))


def embedded_manifest() -> IndexManifest:
    """What the embedded index is made of."""
    return IndexManifest(**json.loads(_MANIFEST.read_text(encoding="utf-8")))


def load_embedded_index(encoder: Encoder) -> PassageIndex:
    """The vital articles with the vectors that come with the program.

    Raises:
        data.assets.AssetError: the passages cannot be had.
        IndexFolderError: the vectors are not these passages' or not this encoder's.
    """
    from safetensors.numpy import load_file

    manifest = embedded_manifest()
    passages = read_vital_articles(asset_path("vital-articles"))
    expected = (hash_passages(passages), encoder.identity, file_sha256(_VECTORS))
    if expected != (manifest.passages_sha256, manifest.model_identity, manifest.vectors_sha256):
        raise IndexFolderError(
            "the vectors in retriever/embedded do not belong to these passages and this encoder: "
            "check the files out again, or make them anew with `python -m retriever.embedded`"
        )
    # Stored as float16 to keep the repository small; the rounding moves a cosine by less than 0.001.
    vectors = load_file(_VECTORS)["vectors"].astype(np.float32)
    return PassageIndex(passages, flat_index(vectors), manifest)


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
    rows = principal_directions(vectors, json.loads(_CONFIG.read_text(encoding="utf-8"))["projection_dim"])
    save_file({"project_query.weight": rows, "project_doc.weight": rows.copy()}, _PROJECTIONS)


def install(runs: Sequence[Path]) -> None:
    """Take over a training's adapters, or the mean of several trainings', and write the passages' vectors beside them.

    Vectors that are already right, since training left the documents' side as it was, are kept.
    """
    from safetensors.numpy import save_file
    from safetensors.torch import load_file
    from safetensors.torch import save_file as save_tensors

    from training.lora import average_adapters

    mean = average_adapters([load_file(run) for run in runs])
    save_tensors(mean, _ADAPTERS, {"encoders": str(_count_encoders(runs[0]))})
    encoder = Encoder.load(exact=True)
    passages = read_vital_articles(asset_path("vital-articles"))
    texts = [passage.text for passage in passages]
    vectors = shipped_vectors(encoder.model, encoder.tokenizer, texts)
    if vectors is None:
        vectors = encoder.encode_passages(texts)
        save_file({"vectors": vectors.astype(np.float16)}, _VECTORS)
    index = PassageIndex.build(passages, vectors, encoder.name, encoder.identity, SOURCE)
    manifest = asdict(index.manifest) | {"vectors_sha256": file_sha256(_VECTORS), "licence": "CC BY-SA 4.0"}
    _MANIFEST.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def load_starting_point() -> tuple[RetriBertModel, PreTrainedTokenizerBase]:
    """The embedded model before training: MiniLM in one encoder, both projections on the principal directions.

    Raises:
        data.assets.AssetError: the encoder's weights or vocabulary cannot be had.
    """
    from retriever.configuration_retribert import RetriBertConfig
    from retriever.modeling_retribert import RetriBertModel

    config = RetriBertConfig.from_json_file(_CONFIG)
    config.share_encoders = True
    model = RetriBertModel(config)
    model.bert_query = load_minilm()
    model.load_state_dict(_first_projections(), strict=False)
    return model.eval(), load_tokenizer()


def _first_projections() -> dict[str, Tensor]:
    """Both projections on the principal directions."""
    from safetensors.torch import load_file

    rows = load_file(_PROJECTIONS)["project_doc.weight"]
    return {"project_query.weight": rows, "project_doc.weight": rows}


def load_minilm() -> BertModel:
    """all-MiniLM-L6-v2's encoder, without BERT's pooler, to be trained.

    Raises:
        data.assets.AssetError: the weights cannot be had.
    """
    from transformers import BertModel

    from retriever.configuration_retribert import RetriBertConfig

    encoder = BertModel(RetriBertConfig.from_json_file(_CONFIG).encoder_config(), add_pooling_layer=False)
    encoder.load_state_dict(_minilm_weights())
    return encoder.eval()


def plain_minilm() -> PlainBert:
    """The same for inference. All of them hold the same weights, mapped from their file.

    They must not be changed in place; `training.lora.merge_adapters` puts new ones in their stead.
    """
    from retriever.plain_bert import PlainBert, PlainBertConfig

    return PlainBert.of(PlainBertConfig(**_sizes(PlainBertConfig)), _minilm_weights())


def _sizes(kind: type[PlainBertConfig | PlainRetriBertConfig]) -> dict[str, Any]:
    """What the embedded configuration says of a plain one's fields."""
    known = {field.name for field in fields(kind)}
    return {name: value for name, value in json.loads(_CONFIG.read_text(encoding="utf-8")).items() if name in known}


@functools.cache
def _minilm_weights() -> dict[str, Tensor]:
    """The encoder's weights by their names in `BertModel`, mapped from their file."""
    from safetensors.torch import load_file

    # Mean pooling has no use for BERT's pooler; old checkpoints carry their position numbers.
    unused = ("pooler.", "embeddings.position_ids")
    weights = load_file(asset_path("minilm"))
    return {name: value for name, value in weights.items() if not name.startswith(unused)}


def load_tokenizer() -> PreTrainedTokenizerBase:
    """The tokenizer of the embedded encoder."""
    from retriever.tokenization_retribert_fast import RetriBertTokenizerFast

    longest = json.loads(_CONFIG.read_text(encoding="utf-8"))["max_position_embeddings"]
    return RetriBertTokenizerFast(vocab_file=str(asset_path("minilm-vocabulary")), model_max_length=longest)


def shipped_vectors(
    model: AnyRetriBert, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], samples: int = 8
) -> np.ndarray | None:
    """The vectors that come along, float32 (n, dimensions), if they are this model's of these texts; else None.

    A few texts are encoded to see.
    """
    from safetensors.numpy import load_file

    vectors = load_file(_VECTORS)["vectors"].astype(np.float32)
    if vectors.shape != (len(texts), model.config.projection_dim):
        return None
    rows = np.linspace(0, len(texts) - 1, samples).astype(int)
    sample = encode([texts[row] for row in rows], tokenizer, model.embed_answers, vectors.shape[1], model.device)
    return vectors if np.allclose(sample, vectors[rows], atol=2e-3) else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the files of `retriever/embedded/` anew; the exit status is 0, or 1 for a failure."""
    parser = argparse.ArgumentParser(prog="python -m retriever.embedded", description="Make the embedded retriever.")
    steps = parser.add_subparsers(dest="step", required=True)
    steps.add_parser("start", help="the projections that training starts from")
    taking = steps.add_parser("install", help="a training's adapters, and the passages' vectors")
    taking.add_argument("runs", type=Path, nargs="+", metavar="DIR", help="output folders of retriever.train")
    given = parser.parse_args(arguments)
    if given.step == "start":
        make_projections()
    else:
        adapters = [run / "adapters.safetensors" for run in given.runs]
        for path in adapters:
            if not path.is_file():
                sys.stderr.write(f"error: {path} is missing; train with `--tune adapters --output {path.parent}`\n")
                return 1
        install(adapters)
    sys.stderr.write(f"wrote {FOLDER}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
