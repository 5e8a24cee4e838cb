import torch

from generator.support.cross_encoder import FLAGS, JOINT_LAYERS, CrossEncoder


def inputs(batch=2, tokens=5, passage=7, hidden=32):
    generator = torch.Generator().manual_seed(3)
    return (
        torch.randn(batch, tokens, hidden, generator=generator),
        torch.ones(batch, tokens),
        torch.randn(batch, tokens, FLAGS, generator=generator),
        torch.randn(batch, passage, JOINT_LAYERS, hidden, generator=generator),
        torch.ones(batch, passage),
    )


def bert_layer(layer, hidden, mask):
    output = layer(hidden, attention_mask=mask)
    return output[0] if isinstance(output, tuple) else output


def test_a_claim_reads_passages_as_bert_reads_a_longer_text(tiny_reader):
    """Each layer, run by transformers over passage and claim together, gives the claim the same states."""
    cross = CrossEncoder(tiny_reader.encoder).eval()
    claim, mask, flags, passages, shown = inputs()
    with torch.inference_mode():
        whole, wrong = cross(claim, mask, flags, passages, shown)
        hidden = claim
        for depth, layer in enumerate(tiny_reader.encoder.encoder.layer[-JOINT_LAYERS:]):
            both = torch.cat([passages[:, :, depth], hidden], 1)
            hidden = bert_layer(layer, both, None)[:, passages.shape[1] :]
        tokens = hidden @ cross.wrong.weight[0] + cross.wrong.bias
        judged = cross.whole(torch.cat([hidden[:, 0], hidden.mean(1)], -1))[:, 0]
    torch.testing.assert_close(wrong, tokens, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(whole, judged - tokens.exp().sum(1).log(), atol=1e-5, rtol=1e-5)


def test_padding_changes_nothing(tiny_reader):
    cross = CrossEncoder(tiny_reader.encoder).eval()
    claim, mask, flags, passages, shown = inputs()
    longer = [torch.cat([part, torch.full_like(part[:, :2], 9.0)], 1) for part in (claim, flags, passages)]
    masks = [torch.cat([part, torch.zeros_like(part[:, :2])], 1) for part in (mask, shown)]
    with torch.inference_mode():
        plain, _ = cross(claim, mask, flags, passages, shown)
        padded, _ = cross(longer[0], masks[0], longer[1], longer[2], masks[1])
    torch.testing.assert_close(plain, padded, atol=1e-5, rtol=1e-5)


def test_training_reaches_the_claim_and_leaves_the_encoder(tiny_reader):
    cross = CrossEncoder(tiny_reader.encoder).requires_grad_(True)
    before = tiny_reader.encoder.encoder.layer[-1].attention.self.key.weight.clone()
    optimizer = torch.optim.SGD(cross.parameters(), lr=0.1)
    logits, _ = cross(*inputs())
    logits.sum().backward()
    optimizer.step()
    assert cross.layers[-1].attention.self.key.weight.grad.abs().sum() > 0
    assert torch.equal(before, tiny_reader.encoder.encoder.layer[-1].attention.self.key.weight)
