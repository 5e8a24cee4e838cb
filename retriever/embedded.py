"""The embedded encoder and index: all-MiniLM-L6-v2 as RetriBERT's BERT, with this project's projections.

The encoder's weights and the passages are assets; the two 384 → 128 projections and the passages' vectors lie in
`retriever/embedded/`. `python -m retriever.embedded` makes both anew: the rows of the projections are the 128 first
principal directions of the encoder's mean vectors of all passages and training questions.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.assets import asset_path, read_manifest
from data.passages import Passage, read_vital_articles
from retriever.encode import Encoder, encode, file_sha256, identity
from retriever.index import IndexFolderError, IndexManifest, PassageIndex, flat_index, hash_passages

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from retriever.modeling_retribert import RetriBertModel

FOLDER = Path(__file__).with_name("embedded")
NAME = "RetriBERT on all-MiniLM-L6-v2, 128-d"
SOURCE = "lead paragraphs of the Level-4 vital articles of English Wikipedia"
_CONFIG, _PROJECTIONS, _VECTORS, _MANIFEST = (
    FOLDER / name for name in ("config.json", "projections.safetensors", "vectors.safetensors", "manifest.json")
)


def load_embedded() -> tuple[RetriBertModel, PreTrainedTokenizerBase, str, str]:
    """The embedded model with its projections, its tokenizer, identity and name.

    Raises:
        data.assets.AssetError: the encoder's weights or vocabulary cannot be had.
    """
    from safetensors.torch import load_file

    model, tokenizer = _load_encoder()
    model.load_state_dict(load_file(_PROJECTIONS), strict=False)
    hashes = {
        "encoder": read_manifest()["minilm"].sha256,
        "vocabulary": read_manifest()["minilm-vocabulary"].sha256,
        "projections": file_sha256(_PROJECTIONS),
    }
    return model, tokenizer, identity(model.config, hashes), NAME


def load_embedded_index(encoder: Encoder) -> PassageIndex:
    """The vital articles with the vectors that come with the program.

    Raises:
        data.assets.AssetError: the passages cannot be had.
        IndexFolderError: the vectors are not these passages' or not this encoder's.
    """
    from safetensors.numpy import load_file

    manifest = IndexManifest(**json.loads(_MANIFEST.read_text(encoding="utf-8")))
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


def build(questions: Sequence[str], passages: Sequence[Passage]) -> None:
    """Make the projections and the passages' vectors, and write them beside this module."""
    import torch
    from safetensors.numpy import save_file

    model, tokenizer = _load_encoder()
    hidden = model.config.hidden_size
    texts = [passage.text for passage in passages]

    def embed(input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        states = model.bert_query(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask[..., None].to(states.dtype)
        return torch.nn.functional.normalize((states * weights).sum(1) / weights.sum(1), dim=-1)

    vectors = np.vstack([encode(texts, tokenizer, embed, hidden), encode(questions, tokenizer, embed, hidden)])
    rows = principal_directions(vectors, model.config.projection_dim)
    save_file({"project_query.weight": rows, "project_doc.weight": rows.copy()}, _PROJECTIONS)
    encoder = Encoder.load()
    encoded = encoder.encode_passages(texts)
    save_file({"vectors": encoded.astype(np.float16)}, _VECTORS)
    index = PassageIndex.build(passages, encoded, encoder.name, encoder.identity, SOURCE)
    manifest = asdict(index.manifest) | {"vectors_sha256": file_sha256(_VECTORS)}
    _MANIFEST.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _load_encoder() -> tuple[RetriBertModel, PreTrainedTokenizerBase]:
    """MiniLM's weights inside RetriBERT, projections not yet set, and the tokenizer."""
    from safetensors.torch import load_file

    from retriever.configuration_retribert import RetriBertConfig
    from retriever.modeling_retribert import RetriBertModel
    from retriever.tokenization_retribert_fast import RetriBertTokenizerFast

    model = RetriBertModel(RetriBertConfig.from_json_file(_CONFIG))
    weights = load_file(asset_path("minilm"))
    # Mean pooling has no use for BERT's pooler; old checkpoints carry their position numbers.
    unused = ("pooler.", "embeddings.position_ids")
    model.bert_query.load_state_dict({name: value for name, value in weights.items() if not name.startswith(unused)})
    tokenizer = RetriBertTokenizerFast(
        vocab_file=str(asset_path("minilm-vocabulary")), model_max_length=model.config.max_position_embeddings
    )
    return model.eval(), tokenizer


def main() -> int:
    """Make `retriever/embedded/` anew; takes a few minutes on two cores."""
    questions = [
        json.loads(line)["question"]
        for line in (Path(__file__).parents[1] / "data/lfqa/train.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    build(questions, read_vital_articles(asset_path("vital-articles")))
    sys.stderr.write(f"wrote {FOLDER}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
