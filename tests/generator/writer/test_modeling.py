"""The writer's model against transformers' Qwen2 with the same random weights."""

import pytest
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from generator.modeling_fused import DecoderState, FusedConfig, Seen, Stack, causal_mask, stack_of
from generator.writer.modeling import WriterModel

_PARTS = {
    "self_attn.q_proj": "attention.query",
    "self_attn.k_proj": "attention.key",
    "self_attn.v_proj": "attention.value",
    "self_attn.o_proj": "attention.output",
    "mlp.gate_proj": "gate",
    "mlp.up_proj": "up",
    "mlp.down_proj": "down",
    "input_layernorm": "attention_norm",
    "post_attention_layernorm": "feed_forward_norm",
    "model.embed_tokens": "embeddings",
    "model.": "",
}


@pytest.fixture(scope="module")
def reference() -> Qwen2ForCausalLM:
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=97,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
        rms_norm_eps=1e-6,
        tie_word_embeddings=True,
    )
    model = Qwen2ForCausalLM(config).eval()
    for parameter in model.parameters():
        # Biases begin as zeros, and the rest too small for attention to matter.
        torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.fixture(scope="module")
def stack(reference) -> Stack:
    config = FusedConfig(97, 32, 48, 3, 4, 2, 1_000_000.0, 1e-6, attention_bias=True)
    weights = {}
    for name, weight in reference.state_dict().items():
        for theirs, ours in _PARTS.items():
            name = name.replace(theirs, ours)
        weights[name] = weight
    weights.pop("lm_head.weight", None)
    return stack_of(config, weights)


def test_the_stack_is_qwen2(reference, stack):
    ids = torch.randint(97, (2, 17))
    with torch.no_grad():
        expected = reference(ids).logits
        found = stack.logits(stack(ids, torch.arange(17)[None], Seen(), causal_mask(17)))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_encoder_and_decoder_of_one_stack_are_the_base_reading_on(reference, stack):
    """Rows of different lengths in one batch, each beside the whole sequence read at once."""
    rows = [torch.randint(97, (length,)).tolist() for length in (5, 12, 1)]
    written = torch.randint(97, (3, 6))
    prefix, model = [7, 8, 9], WriterModel(stack, stack)
    found = stack.logits(model.states(written, model.read(model.read_prefix(prefix), rows)))
    for number, row in enumerate(rows):
        read = prefix + row
        expected = reference(torch.tensor([read + written[number].tolist()])).logits[0, len(read) :]
        torch.testing.assert_close(found[number], expected, atol=1e-4, rtol=1e-4)


def test_writing_greedily_with_kept_keys_is_transformers(reference, stack):
    model, row = WriterModel(stack, stack), torch.randint(97, (9,)).tolist()
    config = reference.generation_config
    config.eos_token_id = None
    wanted = reference.generate(torch.tensor([row]), max_new_tokens=12, do_sample=False, pad_token_id=0)[0, 9:].tolist()
    with torch.inference_mode():
        state = DecoderState(model, model.read(model.read_prefix(row[:3]), [row[3:-1]]))
        logits, written = state.feed([row[-1:]]), []
        for _ in range(12):
            written.append(int(logits.argmax()))
            logits = state.feed([written[-1:]])
    assert written == wanted
