"""The decoder of 8-bit weights against torch's decoder with the same weights, rounded here."""

import threading
from dataclasses import replace

import pytest
import torch

from data.assets import cache_folder
from generator.fast_loading import prepare_numba
from generator.modeling_fused import DecoderState, FusedConfig, FusedModel, Stack, views

pytest.importorskip("numba")
prepare_numba(cache_folder() / "kernels")

from generator.fast_stack import Drafts, FastDecoder, kept_weights, pack, packed_file, unfit  # noqa: E402

CONFIG = FusedConfig(
    vocab_size=97, hidden_size=48, intermediate_size=64, layers=3, heads=6, key_value_heads=2, rope_theta=10_000.0
)
PREFIX = [5, 6, 7]
PASSAGES = [[11, 12, 13, 14], [21, 22], [31, 32, 33]]
QUESTION = [41, 42, 43, 44, 45]
# Activations are rounded to 16 bits, which moves logits of about 1 by less than this.
CLOSE = {"atol": 3e-3, "rtol": 1e-3}


def rounded(stack: Stack) -> Stack:
    """The stack with every row of its matrices on the 255 steps that its largest magnitude allows."""
    for weight in stack.parameters():
        if weight.dim() == 2:
            step = weight.abs().max(dim=1, keepdim=True).values / 127
            weight.data = (weight / step).round() * step
    return stack


@pytest.fixture(scope="module")
def model() -> FusedModel:
    torch.manual_seed(0)
    stack = Stack(CONFIG)
    for weight in stack.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    return FusedModel(CONFIG, rounded(stack.requires_grad_(False))).eval().requires_grad_(False)


@pytest.fixture(scope="module", params=[1, 2, 3])
def fast(model, request) -> FastDecoder:
    return FastDecoder(CONFIG, pack(model.decoder), model.encoder.embeddings.weight.detach(), request.param)


@pytest.fixture(scope="module")
def memory(model):
    return model.encode(PREFIX, PASSAGES)


def test_logits_are_those_of_torch_with_the_same_weights(model, fast, memory):
    expected = model(torch.tensor([QUESTION]), memory)
    assert expected.abs().max() > 0.5
    torch.testing.assert_close(fast.start([memory]).feed_all([QUESTION]), expected, **CLOSE)


def test_many_tokens_and_few_tokens_at_a_time_give_the_same(model, fast, memory):
    tokens = torch.randint(0, 97, (200,), generator=torch.Generator().manual_seed(1)).tolist()
    expected = model(torch.tensor([tokens]), memory)[0]
    torch.testing.assert_close(fast.start([memory]).feed_all([tokens])[0], expected, **CLOSE)
    state, single = fast.start([memory]), []
    for token in tokens[:10]:
        single.append(state.feed([[token]])[0])
    torch.testing.assert_close(torch.stack(single), expected[:10], **CLOSE)


def test_without_passages_and_prefix_the_tokens_see_only_themselves(model, fast, memory):
    nothing = replace(memory, states=memory.states[..., :0, :], mask=memory.mask[:, :0], starts=torch.tensor([0]))
    expected = model(torch.tensor([QUESTION]), nothing)
    torch.testing.assert_close(fast.start([nothing]).feed_all([QUESTION]), expected, **CLOSE)


def test_beams_follow_their_parents(model, fast, memory):
    state = fast.start([memory])
    state.feed([QUESTION])
    state.feed([[51], [61]], parents=[0, 0])
    logits = state.feed([[52], [62], [72]], parents=[1, 0, 1])
    for row, answer in enumerate(([61, 52], [51, 62], [61, 72])):
        expected = model(torch.tensor([QUESTION + answer]), memory)[0, -1]
        torch.testing.assert_close(logits[row], expected, **CLOSE)


def test_copies_see_single_passages_and_forget_the_last_token(model, fast, memory):
    masks = views(memory.mask, memory.spans)
    state, torchs = fast.start([memory]), DecoderState(model, memory)
    assert torch.equal(state.views(memory.spans), masks)
    state.feed([QUESTION])
    torchs.feed([QUESTION])
    again, expected = state.fork(masks[1:], back=1), torchs.fork(masks[1:], back=1)
    for tokens in ([[45, 1]] * 3, [[2, 3], [4, 5], [6, 7]]):
        torch.testing.assert_close(again.feed_all(tokens), expected.feed_all(tokens), **CLOSE)


def test_questions_of_different_lengths_with_different_memories_are_one_batch(model, fast, memory):
    other = model.encode(PREFIX, PASSAGES[1:2])
    state = fast.start([memory, other])
    first = state.feed([QUESTION, [41, 42]])
    second = state.feed([[3], [4]], parents=[1, 1])
    torch.testing.assert_close(first[0], model(torch.tensor([QUESTION]), memory)[0, -1], **CLOSE)
    for row, token in ((0, 3), (1, 4)):
        torch.testing.assert_close(second[row], model(torch.tensor([[41, 42, token]]), other)[0, -1], **CLOSE)


@pytest.mark.parametrize("texts", [[[44, 45, 51, 52, 53, 54, 55]], [[44, 45, 51, 9, 9, 9], [8, 51, 52, 7, 7]]])
def test_drafts_right_or_wrong_do_not_change_the_logits(model, fast, memory, texts):
    answer = [51, 52, 53, 54, 9]
    expected = model(torch.tensor([QUESTION + answer]), memory)[0, len(QUESTION) - 1 :]
    state = fast.start([memory], [Drafts(texts)])
    logits = [state.feed([QUESTION])] + [state.feed([[token]]) for token in answer]
    torch.testing.assert_close(torch.cat(logits), expected, **CLOSE)


def test_drafts_that_are_right_save_calls(model, fast, memory, monkeypatch):
    calls = []
    run = fast._run
    monkeypatch.setattr(fast, "_run", lambda *arguments: calls.append(1) or run(*arguments))
    state = fast.start([memory], [Drafts([[44, 45, 51, 52, 53, 54]])])
    for tokens in (QUESTION, [51], [52], [53], [54]):
        state.feed([tokens])
    assert len(calls) == 2


def test_what_a_copy_wrote_is_taken_over(model, fast, memory):
    state = fast.start([memory])
    state.feed([QUESTION])
    copy = state.fork(views(memory.mask, memory.spans)[:1])
    for token in (51, 52, 53, 54):
        copy.feed([[token]])
    for sentence, answer in (([51, 52, 60], [51, 52, 60]), ([61], [51, 52, 60, 61])):
        expected = model(torch.tensor([QUESTION + answer]), memory)[0, -1:]
        torch.testing.assert_close(state.feed([sentence]), expected, **CLOSE)


def test_two_threads_may_use_one_decoder(model, fast, memory):
    tokens = [[(7 * place + start) % 97 for place in range(40)] for start in range(4)]
    alone = [fast.start([memory]).feed_all([row]) for row in tokens]
    together = [None] * 4

    def work(row):
        together[row] = fast.start([memory]).feed_all([tokens[row]])

    threads = [threading.Thread(target=work, args=(row,)) for row in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for expected, found in zip(alone, together, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_packed_weights_come_back_from_their_file(model, memory, tmp_path):
    path = packed_file(tmp_path / "new", "decoder", "base", "adapter")
    assert path != packed_file(tmp_path / "new", "decoder", "base")
    packed = kept_weights(path, lambda: pack(model.decoder))
    assert [file.name for file in path.parent.glob("[!.]*")] == [path.name]
    loaded = FastDecoder(CONFIG, packed, model.encoder.embeddings.weight.detach(), 2)
    expected = model(torch.tensor([QUESTION]), memory)
    torch.testing.assert_close(loaded.start([memory]).feed_all([QUESTION]), expected, **CLOSE)


def test_sizes_that_do_not_fit_are_said():
    odd = replace(CONFIG, intermediate_size=70)
    assert "70" in unfit(odd) and "multiples of 16" in unfit(odd)
    with pytest.raises(ValueError, match="multiples of 16"):
        pack(Stack(odd))


def test_biases_of_query_key_and_value_count():
    torch.manual_seed(1)
    config = replace(CONFIG, attention_bias=True)
    stack = Stack(config).requires_grad_(False)
    for weight in stack.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    model = FusedModel(config, rounded(stack)).eval()
    memory = model.encode(PREFIX, PASSAGES)
    fast = FastDecoder(config, pack(model.decoder), model.encoder.embeddings.weight.detach(), 2)
    torch.testing.assert_close(
        fast.start([memory]).feed_all([QUESTION]), model(torch.tensor([QUESTION]), memory), **CLOSE
    )
