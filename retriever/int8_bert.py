"""A BERT encoder with 8-bit products on a CPU, run by ONNX Runtime.

The graph is written here from the encoder's weights, without an exporter: matrix products take 8-bit weights, with a
scale for each output, and activations that are rounded as they come; all else stays float32. It knows weights,
token ids and vectors, no texts and no index.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.kept_files import forget, kept

if TYPE_CHECKING:
    import onnxruntime
    from torch import nn

    from retriever.plain_bert import AnyBert, AnyRetriBert

logger = logging.getLogger(__name__)

_FUSED = "com.microsoft"
# Raised when the graphs would come out differently.
_LAYOUT = 3
# What ONNX Runtime would fuse to something slower: with it, a passage takes a sixth longer.
_APART = ["SkipLayerNormFusion"]


class Int8Bert:
    """Stands in for a `BertModel` that gives its last hidden states."""

    def __init__(self, bert: AnyBert, session: onnxruntime.InferenceSession) -> None:
        """Hold the encoder, whose embeddings are used, and the session of its layers."""
        embeddings = bert.embeddings
        self._words = embeddings.word_embeddings.weight.detach().numpy()
        places, kinds = embeddings.position_embeddings.weight, embeddings.token_type_embeddings.weight
        self._places = (places + kinds[0]).detach().numpy()
        self._session = session

    def __call__(self, ids: Sequence[int]) -> np.ndarray:
        """One text's token ids to its hidden states, float32 (tokens, hidden)."""
        embedded = self._words[ids] + self._places[: len(ids)]
        return self._session.run(None, {"embedded": embedded[None]})[0][0]

    @classmethod
    def load(cls, bert: AnyBert, path: Path) -> Int8Bert:
        """Open the graph of an encoder's layers; it is written where missing, and stays in memory where it cannot be.

        Args:
            bert: in float32 on the CPU.
            path: of the graph, named by the weights' hash.

        Raises:
            ImportError: ONNX Runtime is not installed.
        """
        import onnxruntime

        graph: str | bytes = str(path)
        try:
            kept(path, lambda part: _write(part, write_graph(bert)))
        except OSError as error:
            logger.warning("%s cannot be kept and is made in memory, at each start: %s", path, error)
            graph = write_graph(bert)
        options = onnxruntime.SessionOptions()
        # Texts share the cores, each with one thread: that needs no padding, and no waiting for one another.
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"], disabled_optimizers=_APART
        )
        return cls(bert, session)


class FastEmbedder:
    """The documents' side of a RetriBERT with mean pooling, by `Int8Bert`; texts come one by one, from any thread."""

    def __init__(self, model: AnyRetriBert, encoder: Int8Bert) -> None:
        """Hold the encoder and the model's projection."""
        self._encoder, self._normalize = encoder, model.config.normalize
        self._rows = model.project_doc.weight.detach().numpy()

    def embed_answer(self, ids: Sequence[int]) -> np.ndarray:
        """One passage's or sentence's token ids to its vector, float32 (dimensions,)."""
        vector = self._rows @ self._encoder(ids).mean(axis=0)
        return vector / max(float(np.linalg.norm(vector)), 1e-12) if self._normalize else vector

    @classmethod
    def load(cls, model: AnyRetriBert, folder: Path, identity: str) -> FastEmbedder:
        """Open the graph of a model's encoder in a folder, or write it there first.

        Args:
            model: one for which `why_not` finds nothing.
            folder: made where missing; graphs of other models in it are removed.
            identity: the hash of the model's weights.

        Raises:
            ImportError: ONNX Runtime is not installed.
        """
        path = folder / f"{_LAYOUT}-{identity[:20]}.onnx"
        for other in folder.glob("*.onnx"):
            if other.name != path.name:
                with contextlib.suppress(OSError):  # a read-only folder
                    forget(other)
        return cls(model, Int8Bert.load(model.bert_query if model.bert_doc is None else model.bert_doc, path))


def _write(path: Path, graph: bytes) -> None:
    path.write_bytes(graph)


def why_not(model: AnyRetriBert) -> str:
    """Why a model cannot compute with 8-bit products here; "" if it can."""
    for library in ("onnx", "onnxruntime"):
        if find_spec(library) is None:
            return f"No module named {library!r}"
    config, weight = model.config, model.bert_query.embeddings.word_embeddings.weight
    if config.pooling != "mean" or model.bert_query.config.hidden_act != "gelu":
        return "only mean pooling and the activation gelu are written as 8-bit graphs"
    return (
        "" if weight.device.type == "cpu" and weight.dtype.itemsize == 4 else "the model is not in float32 on the CPU"
    )


def write_graph(bert: AnyBert) -> bytes:
    """The encoder's layers as an ONNX model: "embedded" (1, tokens, hidden) to the last states."""
    from onnx import TensorProto, helper

    graph = _Graph()
    layer_norm = bert.embeddings.LayerNorm
    epsilon = bert.config.layer_norm_eps
    states = graph.add(
        "LayerNormalization", ["embedded", *graph.norm("embeddings", layer_norm)], "", axis=-1, epsilon=epsilon
    )
    for number, layer in enumerate(bert.encoder.layer):
        own, name = layer.attention, f"layer{number}"
        parts = graph.product(states, [own.self.query, own.self.key, own.self.value], f"{name}.parts")
        mixed = graph.add(
            "MultiHeadAttention", graph.split(parts, 3), _FUSED, num_heads=bert.config.num_attention_heads
        )
        attended = graph.product(mixed, [own.output.dense], f"{name}.output")
        states = graph.skip(attended, states, own.output.LayerNorm, f"{name}.first", epsilon)
        inner = graph.add("Gelu", [graph.product(states, [layer.intermediate.dense], f"{name}.inner")], _FUSED)
        outer = graph.product(inner, [layer.output.dense], f"{name}.outer")
        states = graph.skip(outer, states, layer.output.LayerNorm, f"{name}.second", epsilon)
    sizes: list[str | int | None] = [1, "tokens", bert.config.hidden_size]
    made = helper.make_graph(
        graph.nodes,
        "encoder",
        [helper.make_tensor_value_info("embedded", TensorProto.FLOAT, sizes)],
        [helper.make_tensor_value_info(states, TensorProto.FLOAT, sizes)],
        graph.weights,
    )
    versions = [helper.make_opsetid("", 17), helper.make_opsetid(_FUSED, 1)]
    return helper.make_model(made, opset_imports=versions, ir_version=9).SerializeToString()


class _Graph:
    """Nodes and weights of a graph that is being written."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._widths: dict[str, int] = {}

    def add(self, kind: str, inputs: list[str], domain: str, **settings: Any) -> str:  # noqa: ANN401 (onnx takes numbers and texts)
        """Add a node; the name of its result."""
        from onnx import helper

        result = f"state{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [result], domain=domain, **settings))
        return result

    def split(self, states: str, count: int) -> list[str]:
        """Cut the last dimension into equal parts; their names."""
        from onnx import helper

        results = [f"{states}.{number}" for number in range(count)]
        sizes = self.weight(f"{states}.sizes", np.full(count, self._widths[states] // count, np.int64))
        self.nodes.append(helper.make_node("Split", [states, sizes], results, axis=-1))
        return results

    def weight(self, name: str, values: np.ndarray) -> str:
        """Add a weight; its name."""
        from onnx import numpy_helper

        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def norm(self, name: str, norm: nn.LayerNorm) -> list[str]:
        """Add a norm's weight and bias; their names."""
        return [
            self.weight(f"{name}.scale", norm.weight.detach().numpy()),
            self.weight(f"{name}.shift", norm.bias.detach().numpy()),
        ]

    def skip(self, new: str, old: str, norm: nn.LayerNorm, name: str, epsilon: float) -> str:
        """Add the norm of a sum; the name of its result.

        In two steps: ONNX Runtime's own for both takes four times as long on a CPU (see `_APART`).
        """
        both = self.add("Add", [new, old], "")
        return self.add("LayerNormalization", [both, *self.norm(name, norm)], "", axis=-1, epsilon=epsilon)

    def product(self, states: str, linears: list[nn.Linear], name: str) -> str:
        """Add linear layers side by side as one 8-bit product; the name of its result."""
        matrix = np.concatenate([linear.weight.detach().numpy() for linear in linears])
        bias = np.concatenate([linear.bias.detach().numpy() for linear in linears])
        steps = np.abs(matrix).max(axis=1) / 127
        whole = np.round(matrix / steps[:, None]).astype(np.int8)
        inputs = [
            states,
            self.weight(f"{name}.weight", whole.T),
            self.weight(f"{name}.steps", steps),
            self.weight(f"{name}.zeros", np.zeros(len(steps), np.int8)),
            self.weight(f"{name}.bias", bias),
        ]
        result = self.add("DynamicQuantizeMatMul", inputs, _FUSED)
        self._widths[result] = len(bias)
        return result
