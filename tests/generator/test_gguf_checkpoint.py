"""A small Llama-like GGUF file, written here, against what went into it; and the embedded one."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, GGUFWriter, quants

from data.assets import asset_path, cache_folder
from generator.base import GeneratorError
from generator.chat_form import ChatForm
from generator.gguf_checkpoint import load_gguf
from generator.modeling_fused import Seen, causal_mask

HIDDEN, HEADS, GROUPS, MIDDLE = 64, 4, 2, 96


def pairs_from_halves(weight: np.ndarray, heads: int) -> np.ndarray:
    """llama.cpp's order of rotary rows: what was (i, i + half) stands side by side."""
    rows = []
    size = len(weight) // heads
    for head in range(heads):
        block = weight[head * size : (head + 1) * size]
        for pair in range(size // 2):
            rows += [block[pair], block[pair + size // 2]]
    return np.stack(rows)


@pytest.fixture
def contents() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    shapes = {
        "attention.query": (HIDDEN, HIDDEN),
        "attention.key": (HIDDEN // HEADS * GROUPS, HIDDEN),
        "attention.value": (HIDDEN // HEADS * GROUPS, HIDDEN),
        "attention.output": (HIDDEN, HIDDEN),
        "gate": (MIDDLE, HIDDEN),
        "up": (MIDDLE, HIDDEN),
        "down": (HIDDEN, MIDDLE),
    }
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture
def gguf_file(contents, tmp_path):
    return write_gguf(tmp_path / "tiny.gguf", contents, "llama")


def write_gguf(path: Path, contents: dict[str, np.ndarray], architecture: str) -> Path:
    """A model of one layer, with weights in eight bits; Qwen2's has biases, and its embeddings twice."""
    writer = GGUFWriter(path, architecture)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(MIDDLE)
    writer.add_block_count(1)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(GROUPS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    tokens = ["<|im_start|>", "<|im_end|>", "a", "b", "Ġ", "ab", "1", "2"]
    writer.add_token_list(tokens)
    writer.add_token_types([3, 3, 1, 1, 1, 1, 1, 1])
    writer.add_token_merges(["a b"])
    ones = np.ones(HIDDEN, np.float32)
    names = {"query": "attn_q", "key": "attn_k", "value": "attn_v", "output": "attn_output"}
    names |= {"gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down"}
    writer.add_tensor("token_embd.weight", np.zeros((len(tokens), HIDDEN), np.float32))
    if architecture == "qwen2":
        writer.add_tensor("output.weight", np.ones((len(tokens), HIDDEN), np.float32))
        for kind in ("query", "key", "value"):
            rows = len(contents[f"attention.{kind}"])
            writer.add_tensor(f"blk.0.{names[kind]}.bias", np.arange(rows, dtype=np.float32))
    writer.add_tensor("output_norm.weight", ones)
    writer.add_tensor("blk.0.attn_norm.weight", ones)
    writer.add_tensor("blk.0.ffn_norm.weight", ones)
    for name, weight in contents.items():
        kind = name.rsplit(".", 1)[-1]
        if kind in ("query", "key") and architecture == "llama":
            weight = pairs_from_halves(weight, HEADS if kind == "query" else GROUPS)
        quantised = quants.quantize(weight, GGMLQuantizationType.Q8_0)
        writer.add_tensor(f"blk.0.{names[kind]}.weight", quantised, raw_dtype=GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_weights_come_back_within_the_quantisation(gguf_file, contents, tmp_path):
    stack, _ = load_gguf(gguf_file, tmp_path / "cache")
    loaded = stack.state_dict()
    for name, weight in contents.items():
        difference = (loaded[f"layers.0.{name}.weight"] - torch.from_numpy(weight)).abs().max()
        assert difference < np.abs(weight).max() / 127, name
        assert loaded[f"layers.0.{name}.weight"].dtype == torch.float32


def test_qwen2_has_biases_unturned_rows_and_the_finer_embeddings(contents, tmp_path):
    file = write_gguf(tmp_path / "tiny.gguf", contents, "qwen2")
    stack, tokenizer = load_gguf(file, tmp_path / "cache", torch.bfloat16)
    loaded = stack.state_dict()
    assert {weight.dtype for weight in loaded.values()} == {torch.bfloat16} and stack.config.attention_bias
    for name, weight in contents.items():
        difference = (loaded[f"layers.0.{name}.weight"].float() - torch.from_numpy(weight)).abs().max()
        assert difference < np.abs(weight).max() / 64, name
    for kind in ("query", "key", "value"):
        rows = len(contents[f"attention.{kind}"])
        assert torch.equal(loaded[f"layers.0.attention.{kind}.bias"].float(), torch.arange(rows).float())
    assert loaded["embeddings.weight"].min() == 1
    assert tokenizer.encode("ab 12<|im_end|>").tokens == ["ab", "Ġ", "1", "2", "<|im_end|>"]


def test_another_architecture_is_refused(contents, tmp_path):
    file = write_gguf(tmp_path / "tiny.gguf", contents, "falcon")
    with pytest.raises(GeneratorError, match="its architecture is falcon, not llama or qwen2"):
        load_gguf(file, tmp_path / "cache")


def test_the_second_start_reads_the_cache(gguf_file, tmp_path):
    first, _ = load_gguf(gguf_file, tmp_path / "cache")
    files = sorted(path.name for path in (tmp_path / "cache").rglob("[!.]*") if path.is_file())
    assert files == ["config.json", "model.safetensors", "tokenizer.json"]
    status = gguf_file.stat()
    gguf_file.write_bytes(b"X" * status.st_size)
    os.utime(gguf_file, ns=(status.st_atime_ns, status.st_mtime_ns))
    second, _ = load_gguf(gguf_file, tmp_path / "cache")
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize(
    "spoil", [lambda old: b"", lambda old: old[: len(old) // 2], lambda old: old[:-9] + bytes([old[-9] ^ 1]) + old[-8:]]
)
def test_what_is_spoilt_in_the_cache_is_made_again(gguf_file, tmp_path, caplog, name, spoil):
    first, tokenizer = load_gguf(gguf_file, tmp_path / "cache")
    (path,) = (tmp_path / "cache").rglob(name)
    written = path.read_bytes()
    path.write_bytes(spoil(written))
    second, same = load_gguf(gguf_file, tmp_path / "cache")
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert path.read_bytes() == written and same.to_str() == tokenizer.to_str()
    (record,) = caplog.records
    assert str(path.parent) in record.getMessage() and "made again" in record.getMessage()


def test_where_nothing_can_be_kept_the_memory_does(gguf_file, tmp_path, caplog):
    first, tokenizer = load_gguf(gguf_file, tmp_path / "cache")
    (tmp_path / "file").write_text("in the way")
    second, same = load_gguf(gguf_file, tmp_path / "file")
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert same.to_str() == tokenizer.to_str() and "prepared in memory" in caplog.text


def test_the_tokenizer_splits_digits_and_knows_control_tokens(gguf_file, tmp_path):
    _, tokenizer = load_gguf(gguf_file, tmp_path / "cache")
    assert tokenizer.encode("ab 12<|im_end|>").tokens == ["ab", "Ġ", "1", "2", "<|im_end|>"]


@pytest.mark.parametrize("content", [b"", b"no model", b"GGUF" + b"\0" * 100])
def test_a_broken_file_is_refused(tmp_path, content):
    path = tmp_path / "broken.gguf"
    path.write_bytes(content)
    with pytest.raises(GeneratorError, match=r"broken\.gguf is no GGUF file.*python -m data\.assets"):
        load_gguf(path, tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").glob("*") if path.is_dir()]


@pytest.mark.assets
def test_the_embedded_model_writes_what_transformers_own_loader_writes():
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path = asset_path("smollm2")
    stack, tokenizer = load_gguf(path, cache_folder() / "fused")
    text = "The tides of the sea are caused by 2 bodies: the Moon and"
    reference_tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert ids == reference_tokenizer(text, add_special_tokens=False)["input_ids"]
    reference = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    with torch.no_grad():
        expected = reference(torch.tensor([ids])).logits[0]
        positions = torch.arange(len(ids))[None]
        logits = stack.logits(stack(torch.tensor([ids]), positions, Seen(), causal_mask(len(ids))))[0]
    # Weights are kept as float16, so logits of some 20 differ in the second decimal.
    torch.testing.assert_close(logits, expected, atol=0.1, rtol=0)
    assert torch.equal(logits.argmax(-1), expected.argmax(-1))


# Signs, scripts, white space, contractions, words that are no control tokens here, digits.
_HARD = [
    "It's 1,234.5 km² (≈ 476 mi²) — naïve café!",
    "中国是一个国家。 नमस्ते",
    "  leading\n\n\ttabs  and   spaces \r\n x",
    "I'LL we're they'VE don't",
    "def f(x): return x**2 # <tool_call>",
    "😀👨\u200d👩\u200d👧 e=mc²  \u00a0end",
    "<|im_start|>system\nhi<|im_end|>",
    "İstanbul ŒUVRE ﬁn 12345678",
    "",
    " ",
    "\n\n\n",
]


@pytest.mark.assets
def test_the_larger_base_writes_what_transformers_own_loader_writes():
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path = asset_path("qwen2.5-coder-0.5b")
    stack, tokenizer = load_gguf(path, cache_folder() / "writer", torch.bfloat16)
    reference_tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    for text in _HARD:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        assert ids == reference_tokenizer(text, add_special_tokens=False)["input_ids"], text
    # The authors' tokenizer composes characters; the reading of the file leaves that out.
    assert tokenizer.encode("e\u0301").ids == tokenizer.encode("é").ids
    form = ChatForm(tokenizer)
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    chat = reference_tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True)["input_ids"]
    assert [*form.turn("system", "Be brief."), *form.turn("user", "Why?"), *form.opened("assistant")] == chat
    ids = form.ids("The tides of the sea are caused by 2 bodies: the Moon and")
    reference = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.bfloat16)
    reference.model.embed_tokens.weight = reference.lm_head.weight
    with torch.no_grad():
        expected = reference(torch.tensor([ids])).logits[0].float()
        positions = torch.arange(len(ids))[None]
        logits = stack.logits(stack(torch.tensor([ids]), positions, Seen(), causal_mask(len(ids))))[0].float()
    # Products in bf16 differ in their third digit, and logits go up to 19; in float32 they differ by 0.01 at most.
    torch.testing.assert_close(logits, expected, atol=0.5, rtol=0)
    assert (logits.argmax(-1) == expected.argmax(-1)).float().mean() > 0.9
