"""The embedded encoder and index: all-MiniLM-L6-v2 as RetriBERT's BERT, with this project's training.

The encoder's weights and the passages are assets. In `retriever/embedded/` lie `projections.safetensors`, where
training starts (the 128 first principal directions of the encoder's mean vectors of all passages and training
questions); `adapters.safetensors`, what training made of it; and the passages' vectors. `training.embedded` makes them.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.files import file_sha256
from data.assets import asset_path, read_assets
from data.passages import Passage, read_vital_articles
from retriever.errors import IndexFolderError
from retriever.identity import identity
from retriever.index import PassageIndex, flat_index
from retriever.index_folder import IndexManifest

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import BertModel, PreTrainedTokenizerBase

    from retriever.plain_bert import AnyRetriBert, PlainBert, PlainBertConfig, PlainRetriBert, PlainRetriBertConfig

FOLDER = Path(__file__).with_name("embedded")
NAME = "RetriBERT on all-MiniLM-L6-v2, 128-d"
CONFIG, MANIFEST = FOLDER / "config.json", FOLDER / "manifest.json"
PROJECTIONS, ADAPTERS, VECTORS = (FOLDER / f"{name}.safetensors" for name in ("projections", "adapters", "vectors"))


def load_embedded() -> tuple[PlainRetriBert, PreTrainedTokenizerBase, str, str]:
    """The embedded model for inference, its tokenizer, identity and name.

    Raises:
        data.assets.AssetError: the encoder's weights or vocabulary cannot be had.
    """
    from retriever.plain_bert import PlainRetriBert, PlainRetriBertConfig

    sizes = _sizes(PlainRetriBertConfig) | {"share_encoders": True}
    model = PlainRetriBert(PlainRetriBertConfig(**sizes), plain_minilm())
    hashes = {
        "encoder": read_assets()["minilm"].sha256,
        "vocabulary": read_assets()["minilm-vocabulary"].sha256,
        "adapters": file_sha256(ADAPTERS),
    }
    apply_adapters(model, ADAPTERS)
    return model, load_tokenizer(), identity(model.config, hashes), NAME


def apply_adapters(model: AnyRetriBert, path: Path) -> None:
    """Merge the adapters that training wrote into the starting point, in place.

    Args:
        model: with one encoder; it gets a second one for documents if the adapters are those of two.
        path: adapters.safetensors: "bert_query.LAYER.a" and ".b", perhaps "bert_doc." too, and both projections.

    Raises:
        ValueError: they belong to a model of another shape.
    """
    from safetensors.torch import load_file

    from core.weights import merge_adapters

    tensors = load_file(path)
    if count_encoders(path) == 2:
        model.split_encoders()
    for name in ("bert_query", "bert_doc"):
        own = {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}
        if own:
            merge_adapters(model.get_submodule(name), own)
    model.load_state_dict({key: value for key, value in tensors.items() if key.startswith("project_")}, strict=False)


def count_encoders(path: Path) -> int:
    """How many encoders the model had whose adapters these are, 1 or 2."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return int((file.metadata() or {}).get("encoders", 1))


def embedded_manifest() -> IndexManifest:
    """What the embedded index is made of."""
    return IndexManifest(**json.loads(MANIFEST.read_text(encoding="utf-8")))


def load_embedded_index(model_identity: str) -> PassageIndex:
    """The vital articles with the vectors that come with the program, for the encoder of this identity.

    Raises:
        data.assets.AssetError: the passages cannot be had.
        IndexFolderError: the vectors are not these passages' or not this encoder's.
    """
    from safetensors.numpy import load_file

    manifest = embedded_manifest()
    passages = read_vital_articles(asset_path("vital-articles"))
    expected = (hash_passages(passages), model_identity, file_sha256(VECTORS))
    if expected != (manifest.passages_sha256, manifest.model_identity, manifest.vectors_sha256):
        raise IndexFolderError(
            "the vectors in retriever/embedded do not belong to these passages and this encoder: "
            "check the files out again, or make them anew with `python -m training.embedded`"
        )
    # Stored as float16 to keep the repository small; the rounding moves a cosine by less than 0.001.
    vectors = load_file(VECTORS)["vectors"].astype(np.float32)
    return PassageIndex(passages, flat_index(vectors), manifest)


def hash_passages(passages: Sequence[Passage]) -> str:
    """A hash of all passages in order; two corpora with the same hash have the same rows."""
    digest = hashlib.sha256()
    for passage in passages:
        digest.update(json.dumps(asdict(passage), ensure_ascii=False, sort_keys=True).encode())
        digest.update(b"\n")
    return digest.hexdigest()


def load_minilm() -> BertModel:
    """all-MiniLM-L6-v2's encoder as transformers' own, without BERT's pooler: to be trained, or shared.

    Raises:
        data.assets.AssetError: the weights cannot be had.
    """
    from transformers import BertModel

    from retriever.configuration_retribert import RetriBertConfig

    encoder = BertModel(RetriBertConfig.from_json_file(CONFIG).encoder_config(), add_pooling_layer=False)
    encoder.load_state_dict(minilm_weights())
    return encoder.eval()


def plain_minilm() -> PlainBert:
    """all-MiniLM-L6-v2's encoder for inference. All of them hold the same weights, mapped from their file.

    They must not be changed in place; `core.weights.merge_adapters` puts new ones in their stead.
    """
    from retriever.plain_bert import PlainBert, PlainBertConfig

    return PlainBert.of(PlainBertConfig(**_sizes(PlainBertConfig)), minilm_weights())


def _sizes(kind: type[PlainBertConfig | PlainRetriBertConfig]) -> dict[str, Any]:
    """What the embedded configuration says of a plain one's fields."""
    known = {field.name for field in fields(kind)}
    return {name: value for name, value in json.loads(CONFIG.read_text(encoding="utf-8")).items() if name in known}


@functools.cache
def minilm_weights() -> dict[str, Tensor]:
    """The encoder's weights by their names in `BertModel`, mapped from their file."""
    from safetensors.torch import load_file

    # Mean pooling has no use for BERT's pooler; old checkpoints carry their position numbers.
    unused = ("pooler.", "embeddings.position_ids")
    weights = load_file(asset_path("minilm"))
    return {name: value for name, value in weights.items() if not name.startswith(unused)}


def load_tokenizer() -> PreTrainedTokenizerBase:
    """The tokenizer of the embedded encoder."""
    from retriever.tokenization_retribert_fast import RetriBertTokenizerFast

    longest = json.loads(CONFIG.read_text(encoding="utf-8"))["max_position_embeddings"]
    return RetriBertTokenizerFast(vocab_file=str(asset_path("minilm-vocabulary")), model_max_length=longest)
