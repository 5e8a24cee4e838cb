"""The plain BERT against transformers' own, on the same weights."""

import subprocess
import sys

import pytest
import torch
from transformers import BertConfig, BertModel

from retriever.plain_bert import PlainBert, PlainBertConfig

SIZES = {
    "vocab_size": 50,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 20,
}
IDS = torch.tensor([[1, 2, 3, 4, 5], [6, 7, 8, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])


@pytest.fixture(scope="module")
def bert() -> BertModel:
    torch.manual_seed(0)
    return BertModel(BertConfig(**SIZES), add_pooling_layer=False).eval()


@pytest.fixture(scope="module")
def plain(bert) -> PlainBert:
    return PlainBert.of(PlainBertConfig(**SIZES), bert.state_dict())


@torch.inference_mode()
def test_all_states_are_those_of_bert(bert, plain):
    expected = bert(IDS, attention_mask=MASK, output_hidden_states=True)
    found = plain(IDS, MASK, output_hidden_states=True)
    assert len(found.hidden_states) == len(expected.hidden_states) == 4
    for own, theirs in zip(found.hidden_states, expected.hidden_states, strict=True):
        torch.testing.assert_close(own[MASK.bool()], theirs[MASK.bool()])
    torch.testing.assert_close(found.last_hidden_state[0], expected.last_hidden_state[0])


@torch.inference_mode()
def test_pairs_of_texts_are_those_of_bert(bert, plain):
    kinds = torch.tensor([[0, 0, 1, 1, 1], [0, 1, 1, 0, 0]])
    expected = bert(IDS, attention_mask=MASK, token_type_ids=kinds).last_hidden_state
    torch.testing.assert_close(plain(IDS, MASK, kinds).last_hidden_state[MASK.bool()], expected[MASK.bool()])


def test_weights_are_shared_and_not_copied(bert, plain):
    other = PlainBert.of(PlainBertConfig(**SIZES), plain.state_dict())
    for name, weight in other.state_dict().items():
        assert weight.data_ptr() == plain.state_dict()[name].data_ptr() == bert.state_dict()[name].data_ptr(), name
    assert not any(weight.requires_grad for weight in plain.parameters())


def test_missing_and_unknown_weights_are_named(bert):
    weights = dict(bert.state_dict())
    weights["encoder.layer.9.weight"] = weights.pop("embeddings.LayerNorm.bias")
    with pytest.raises(RuntimeError, match=r"embeddings\.LayerNorm\.bias(.|\n)*encoder\.layer\.9\.weight"):
        PlainBert.of(PlainBertConfig(**SIZES), weights)


def test_another_activation_is_refused():
    with pytest.raises(ValueError, match="'relu'.*only gelu"):
        PlainBert(PlainBertConfig(**SIZES, hidden_act="relu"))


def test_layers_in_bf16_leave_the_shared_tables_alone(plain):
    other = PlainBert.of(PlainBertConfig(**SIZES), plain.state_dict())
    other.encoder.to(torch.bfloat16)
    with torch.inference_mode():
        near = other(IDS, MASK).last_hidden_state
        exact = plain(IDS, MASK).last_hidden_state
    assert near.dtype == torch.bfloat16 and exact.dtype == torch.float32
    torch.testing.assert_close(near[MASK.bool()].float(), exact[MASK.bool()], atol=0.1, rtol=0.1)


def test_the_embedded_system_answers_without_the_library_s_models():
    """What makes the page start late and take memory: the model code of transformers, and what that imports."""
    program = """
import sys
from qa import LongFormQA
qa = LongFormQA.load()
qa.load_all("fused")
heavy = ("transformers.modeling_utils", "torch._dynamo", "sympy", "pyarrow", "onnx")
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "[]", done.stderr
