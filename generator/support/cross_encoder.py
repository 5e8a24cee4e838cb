"""The cross-encoder: a claim that reads passages, made from the embedded sentence encoder.

The encoder (BERT with 6 layers, hidden 384) reads each passage by itself, once. The claim goes through the same stack,
and from the third layer on its tokens attend to the passages' tokens and to each other at once, each layer to the
passages' states at the same depth, as the fused generator's decoder does (He et al. 2018, layer-wise coordination).
Only the claim's four upper layers and a small head are trained, and only they lie in the repository.

It knows token ids and states. It knows neither words nor files.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from retriever.plain_bert import AnyBert

JOINT_LAYERS = 4
# Where the claim's positions begin: behind the longest passage, as the second text of a pair.
CLAIM_POSITION = 256
LONGEST_CLAIM = 128
FLAGS = 8


class CrossEncoder(nn.Module):
    """Reads claims beside the states of passages.

    Attributes:
        layers: the claim's own copies of the encoder's last layers.
        flags: what is known of each token from the words alone → hidden.
        wrong: hidden → the logit that this token has no support.
        whole: the claim's first and mean state → the logit of the whole claim.
    """

    def __init__(self, encoder: AnyBert) -> None:
        """Start from an encoder, whose own weights stay as they are."""
        super().__init__()
        import copy

        hidden = encoder.config.hidden_size
        self.heads = encoder.config.num_attention_heads
        self.layers = copy.deepcopy(encoder.encoder.layer[-JOINT_LAYERS:])
        self.flags = nn.Linear(FLAGS, hidden, bias=False)
        self.wrong = nn.Linear(hidden, 1)
        self.whole = nn.Sequential(nn.Linear(2 * hidden, hidden), nn.GELU(), nn.Linear(hidden, 1))
        nn.init.zeros_(self.flags.weight)

    def forward(
        self, claim: Tensor, claim_mask: Tensor, flags: Tensor, passages: Tensor, passage_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Judge claims.

        Args:
            claim: (batch, tokens, hidden), the claim's states before the first joint layer.
            claim_mask: (batch, tokens), 1 for tokens.
            flags: (batch, tokens, FLAGS), see `evidence.token_flags`.
            passages: (batch, passage tokens, JOINT_LAYERS, hidden), states before each joint layer.
            passage_mask: (batch, passage tokens), 1 for tokens.

        Returns:
            Logits that the claim is supported (batch,), and that each token is not (batch, tokens).
        """
        hidden = claim + self.flags(flags)
        mask = torch.cat([passage_mask, claim_mask], 1)[:, None, None, :].bool()
        for depth, layer in enumerate(self.layers):
            hidden = self._layer(layer, hidden, passages[:, :, depth], mask)
        wrong = self.wrong(hidden).squeeze(-1).float()
        weights = claim_mask[..., None].to(hidden.dtype)
        mean = (hidden * weights).sum(1) / weights.sum(1)
        whole = self.whole(torch.cat([hidden[:, 0], mean], -1)).squeeze(-1).float()
        worst = torch.logsumexp(wrong.masked_fill(claim_mask == 0, -math.inf), 1)
        return whole - worst, wrong

    def _layer(self, layer: Any, hidden: Tensor, passages: Tensor, mask: Tensor) -> Tensor:  # noqa: ANN401
        """One BERT layer whose keys and values are the passages' and the claim's."""
        own = layer.attention.self
        query = self._split(own.query(hidden))
        key = torch.cat([self._split(own.key(passages)), self._split(own.key(hidden))], 2)
        value = torch.cat([self._split(own.value(passages)), self._split(own.value(hidden))], 2)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        hidden = layer.attention.output(mixed.transpose(1, 2).flatten(2), hidden)
        return layer.output(layer.intermediate(hidden), hidden)

    def _split(self, states: Tensor) -> Tensor:
        """(batch, tokens, hidden) → (batch, heads, tokens, hidden / heads)."""
        return states.unflatten(-1, (self.heads, -1)).transpose(1, 2)
