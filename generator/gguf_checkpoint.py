"""SmolLM2 and Qwen2.5 from their GGUF files: dequantised once, kept as safetensors in the cache for the next start.

It knows the GGUF names and layouts, and those of `modeling_fused.Stack`. It writes no answers.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from core.errors import first_line, reading
from core.kept_files import forget, kept
from generator.base import GeneratorError

if TYPE_CHECKING:
    import torch
    from gguf import GGUFReader
    from tokenizers import Tokenizer

    from generator.modeling_fused import FusedConfig, Stack

logger = logging.getLogger(__name__)

# Raised when the files below would come out differently.
_LAYOUT = 1
_ARCHITECTURES = ("llama", "qwen2")
_WEIGHTS, _CONFIG, _TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"

_NAMES = {
    "token_embd.weight": "embeddings.weight",
    "output.weight": "embeddings.weight",
    "output_norm.weight": "norm.weight",
    "attn_norm.weight": "attention_norm.weight",
    "attn_q.weight": "attention.query.weight",
    "attn_k.weight": "attention.key.weight",
    "attn_v.weight": "attention.value.weight",
    "attn_output.weight": "attention.output.weight",
    "ffn_norm.weight": "feed_forward_norm.weight",
    "ffn_gate.weight": "gate.weight",
    "ffn_up.weight": "up.weight",
    "ffn_down.weight": "down.weight",
} | {f"attn_{name[0]}.bias": f"attention.{name}.bias" for name in ("query", "key", "value")}
_CONTROL_TOKEN, _ADDED_TOKEN = 3, 4


@dataclass(frozen=True)
class GgufCheckpoint:
    """A GGUF model of Llama's or Qwen2's kind, prepared in a folder: weights are loaded when they are asked for.

    Attributes:
        config: the stack's sizes.
        folder: with weights in float16, configuration and tokenizer.
        held: weights and tokenizer in memory, where no folder could be written.
    """

    config: FusedConfig
    folder: Path
    held: tuple[dict[str, np.ndarray], Tokenizer] | None = None

    @classmethod
    def prepare(cls, path: Path, cache: Path) -> GgufCheckpoint:
        """Open a GGUF file's folder in `cache`; the first time, its weights are dequantised and written there.

        Safe to kill at any moment and to run in several processes at once. Where the cache cannot be written, they are
        dequantised in memory.

        Raises:
            GeneratorError: the file is no GGUF file of such a model with tied embeddings.
        """
        from generator.modeling_fused import FusedConfig

        status = path.stat()
        folder = cache / f"{path.stem}-{status.st_size}-{status.st_mtime_ns}-{_LAYOUT}"

        def make(part: Path) -> None:
            _convert(path, part)
            for old in cache.glob(f"{path.stem}-*"):
                if old != folder:
                    forget(old)

        try:
            kept(folder, make)
        except OSError as error:
            logger.warning("%s cannot be kept and is prepared in memory, at each start: %s", folder, error)
            config, weights, tokenizer = _read(path)
            return cls(config, folder, (weights, tokenizer))
        return cls(FusedConfig(**json.loads((folder / _CONFIG).read_text(encoding="utf-8"))), folder)

    def stack(self, dtype: torch.dtype | None = None) -> Stack:
        """The model with weights of a type, float32 if not told otherwise."""
        import torch
        from safetensors.torch import load_file

        from generator.modeling_fused import stack_of

        if self.held:
            weights = {name: torch.from_numpy(weight) for name, weight in self.held[0].items()}
        else:
            weights = load_file(self.folder / _WEIGHTS)
        return stack_of(self.config, {name: weight.to(dtype or torch.float32) for name, weight in weights.items()})

    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer."""
        from tokenizers import Tokenizer

        if self.held:
            return self.held[1]
        return Tokenizer.from_file(str(self.folder / _TOKENIZER))


def load_gguf(path: Path, cache: Path, dtype: torch.dtype | None = None) -> tuple[Stack, Tokenizer]:
    """Load a GGUF model as a `Stack`, in float32 if not told otherwise, and its tokenizer; see `GgufCheckpoint`."""
    checkpoint = GgufCheckpoint.prepare(path, cache)
    return checkpoint.stack(dtype), checkpoint.tokenizer()


def _convert(path: Path, folder: Path) -> None:
    """Write a folder with weights, configuration and tokenizer."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    config, weights, tokenizer = _read(path)
    folder.mkdir()
    try:
        save_file(weights, folder / _WEIGHTS)
    except SafetensorError as error:  # a full disk
        raise OSError(first_line(error)) from error
    (folder / _CONFIG).write_text(json.dumps(asdict(config), indent=2) + "\n", encoding="utf-8")
    (folder / _TOKENIZER).write_text(tokenizer.to_str(), encoding="utf-8")


def _read(path: Path) -> tuple[FusedConfig, dict[str, np.ndarray], Tokenizer]:
    """What a GGUF file holds.

    Raises:
        GeneratorError: it is none of a model that is known here.
    """
    from gguf import GGUFReader

    cure = "delete it and run `python -m data.assets`"
    with reading(path, "GGUF file of a model of these kinds", GeneratorError, cure):
        reader = GGUFReader(path)
        config = _read_config(reader)
        return config, _read_weights(reader, config), _read_tokenizer(reader)


def _read_config(reader: GGUFReader) -> FusedConfig:
    """The sizes in the file's metadata."""
    from generator.modeling_fused import FusedConfig

    def value(name: str) -> Any:  # noqa: ANN401 - the metadata is of many types
        return reader.fields[name].contents()

    kind = value("general.architecture")
    if kind not in _ARCHITECTURES:
        raise ValueError(f"its architecture is {kind}, not {' or '.join(_ARCHITECTURES)}")
    return FusedConfig(
        vocab_size=len(reader.fields["tokenizer.ggml.tokens"].data),
        hidden_size=value(f"{kind}.embedding_length"),
        intermediate_size=value(f"{kind}.feed_forward_length"),
        layers=value(f"{kind}.block_count"),
        heads=value(f"{kind}.attention.head_count"),
        key_value_heads=value(f"{kind}.attention.head_count_kv"),
        rope_theta=value(f"{kind}.rope.freq_base"),
        norm_eps=value(f"{kind}.attention.layer_norm_rms_epsilon"),
        attention_bias=kind == "qwen2",
    )


def _read_weights(reader: GGUFReader, config: FusedConfig) -> dict[str, np.ndarray]:
    """The weights by their names in `Stack`, float16: the quantised values hold no more, and it halves the file."""
    from gguf import dequantize

    weights = {}
    # Embeddings that were tied may be stored twice; the copy for the output is quantised more finely.
    tied = {tensor.name for tensor in reader.tensors} & {"output.weight"}
    left_out = {"token_embd.weight"} if tied else set()
    tensors = [tensor for tensor in reader.tensors if tensor.name not in left_out]
    for tensor in tqdm(tensors, desc="preparing the model", unit="tensor", mininterval=0.5):
        name = tensor.name
        layer = ""
        if name.startswith("blk."):
            _, number, name = name.split(".", 2)
            layer = f"layers.{number}."
        weight = dequantize(tensor.data, tensor.tensor_type)
        # Qwen2's files keep the rows in our order.
        if name in ("attn_q.weight", "attn_k.weight") and not config.attention_bias:
            weight = _halves_from_pairs(weight, config.head_size)
        weights[layer + _NAMES[name]] = np.ascontiguousarray(weight, dtype=np.float16)
    return weights


def _halves_from_pairs(weight: np.ndarray, head_size: int) -> np.ndarray:
    """Reorder rows from GGUF's rotary pairs (2i, 2i + 1) to ours (i, i + head_size / 2).

    >>> _halves_from_pairs(np.arange(4)[:, None], 4).ravel().tolist()
    [0, 2, 1, 3]
    """
    rows, columns = weight.shape
    return weight.reshape(rows // head_size, head_size // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _read_tokenizer(reader: GGUFReader) -> Tokenizer:
    """The byte-level BPE of the file, with the splitting that its model was trained with: digits stand alone."""
    from tokenizers import AddedToken, Tokenizer, decoders, models

    tokens = reader.fields["tokenizer.ggml.tokens"].contents()
    kinds = reader.fields["tokenizer.ggml.token_type"].contents()
    merges = [tuple(merge.split(" ")) for merge in reader.fields["tokenizer.ggml.merges"].contents()]
    tokenizer = Tokenizer(models.BPE(vocab={token: number for number, token in enumerate(tokens)}, merges=merges))
    _set_splitting(tokenizer, reader.fields["general.architecture"].contents())
    tokenizer.decoder = decoders.ByteLevel()
    control = [token for token, kind in zip(tokens, kinds, strict=True) if kind == _CONTROL_TOKEN]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
    added = [token for token, kind in zip(tokens, kinds, strict=True) if kind == _ADDED_TOKEN]
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in added])
    return tokenizer


def _set_splitting(tokenizer: Tokenizer, architecture: str) -> None:
    """How texts are normalised and split before their pieces are joined."""
    from tokenizers import Regex, normalizers, pre_tokenizers

    if architecture == "llama":
        digits = pre_tokenizers.Digits(individual_digits=True)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
        return
    from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

    words = pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated")
    joined = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, joined])
