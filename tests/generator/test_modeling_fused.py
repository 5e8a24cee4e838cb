"""The fused model against transformers' Llama, on random weights."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from generator.modeling_fused import DecoderState, FusedConfig, FusedModel, Stack

CONFIG = FusedConfig(
    vocab_size=97, hidden_size=48, intermediate_size=64, layers=3, heads=6, key_value_heads=2, rope_theta=10_000.0
)
PREFIX = [5, 6, 7]
PASSAGES = [[11, 12, 13, 14], [21, 22], [31, 32, 33]]
QUESTION = [41, 42, 43, 44, 45]

_NAMES = {
    "embeddings.weight": "model.embed_tokens.weight",
    "norm.weight": "model.norm.weight",
    "attention_norm": "input_layernorm",
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.output": "self_attn.o_proj",
    "feed_forward_norm": "post_attention_layernorm",
    "gate": "mlp.gate_proj",
    "up": "mlp.up_proj",
    "down": "mlp.down_proj",
}


def llama_name(name: str) -> str:
    if not name.startswith("layers."):
        return _NAMES[name]
    _, number, part = name.split(".", 2)
    return f"model.layers.{number}.{_NAMES[part.removesuffix('.weight')]}.weight"


@pytest.fixture(scope="module")
def model() -> FusedModel:
    torch.manual_seed(0)
    stack = Stack(CONFIG)
    for weight in stack.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return FusedModel(CONFIG, stack).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def llama(model) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=97,
        hidden_size=48,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=6,
        num_key_value_heads=2,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        attn_implementation="eager",
    )
    config.rope_parameters = {"rope_type": "default", "rope_theta": 10_000.0}
    reference = LlamaForCausalLM(config).eval()
    weights = {llama_name(name): value for name, value in model.encoder.state_dict().items()}
    reference.load_state_dict(weights | {"lm_head.weight": weights["model.embed_tokens.weight"]})
    return reference


def llama_logits(llama, ids, positions, mask) -> torch.Tensor:
    """Logits (tokens, vocabulary) of ids at any positions under any mask (tokens, tokens) of what each token sees."""
    bias = torch.zeros(mask.shape).masked_fill(~mask, float("-inf"))
    with torch.no_grad():
        return llama(
            input_ids=torch.tensor([ids]), position_ids=torch.tensor([positions]), attention_mask=bias[None, None]
        ).logits[0]


def fused_layout(passages) -> tuple[list[int], list[int], torch.Tensor]:
    """The whole of prefix, passages and question as one sequence: ids, positions, and who sees whom."""
    ids, positions, owners = list(PREFIX), list(range(len(PREFIX))), [0] * len(PREFIX)
    for number, passage in enumerate(passages, start=1):
        ids += passage
        positions += range(len(PREFIX), len(PREFIX) + len(passage))
        owners += [number] * len(passage)
    start = len(PREFIX) + max(map(len, passages))
    ids += QUESTION
    positions += range(start, start + len(QUESTION))
    owners += [-1] * len(QUESTION)
    size = len(ids)
    mask = torch.zeros(size, size, dtype=torch.bool)
    for row in range(size):
        for column in range(row + 1):
            mask[row, column] = owners[column] in (0, owners[row]) or owners[row] == -1
    return ids, positions, mask


@pytest.mark.parametrize("passages", [PASSAGES[:1], PASSAGES, PASSAGES[::-1]])
def test_fused_reading_equals_llama_under_the_mask_of_separate_passages(model, llama, passages):
    ids, positions, mask = fused_layout(passages)
    expected = llama_logits(llama, ids, positions, mask)[-len(QUESTION) :]
    logits = model(torch.tensor([QUESTION]), model.encode(PREFIX, passages))[0]
    torch.testing.assert_close(logits, expected, atol=2e-4, rtol=1e-4)


def test_one_passage_is_plain_reading_from_left_to_right(model, llama):
    ids = PREFIX + PASSAGES[0] + QUESTION
    with torch.no_grad():
        expected = llama(input_ids=torch.tensor([ids])).logits[0, -len(QUESTION) :]
    logits = model(torch.tensor([QUESTION]), model.encode(PREFIX, PASSAGES[:1]))[0]
    torch.testing.assert_close(logits, expected, atol=2e-4, rtol=1e-4)


def test_no_passages_leave_the_prefix(model, llama):
    with torch.no_grad():
        expected = llama(input_ids=torch.tensor([PREFIX + QUESTION])).logits[0, -len(QUESTION) :]
    for passages in ([], [[]]):
        logits = model(torch.tensor([QUESTION]), model.encode(PREFIX, passages))[0]
        torch.testing.assert_close(logits, expected, atol=2e-4, rtol=1e-4)


def test_the_order_of_passages_does_not_change_what_is_written(model):
    first = model(torch.tensor([QUESTION]), model.encode(PREFIX, PASSAGES))
    second = model(torch.tensor([QUESTION]), model.encode(PREFIX, [PASSAGES[2], PASSAGES[0], PASSAGES[1]]))
    torch.testing.assert_close(first, second, atol=1e-4, rtol=1e-4)


def test_writing_token_by_token_equals_teacher_forcing(model):
    memory = model.encode(PREFIX, PASSAGES)
    answer = [51, 52, 53]
    expected = model(torch.tensor([QUESTION + answer]), memory)[0, len(QUESTION) - 1 :]
    state = DecoderState(model, memory)
    logits = [state.feed([QUESTION])] + [state.feed([[token]]) for token in answer]
    torch.testing.assert_close(torch.cat(logits), expected, atol=1e-4, rtol=1e-4)


def test_beams_follow_their_parents(model):
    memory = model.encode(PREFIX, PASSAGES)
    state = DecoderState(model, memory)
    state.feed([QUESTION])
    state.feed([[51], [61]], parents=[0, 0])
    logits = state.feed([[52], [62], [72]], parents=[1, 0, 1])
    for row, answer in enumerate(([61, 52], [51, 62], [61, 72])):
        expected = model(torch.tensor([QUESTION + answer]), memory)[0, -1]
        torch.testing.assert_close(logits[row], expected, atol=1e-4, rtol=1e-4)
