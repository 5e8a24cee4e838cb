"""The writer's model: one stack's weights twice, as encoder of question and evidence and as decoder of the answer.

The encoder reads both as one sequence and leaves keys and values in every layer; each layer of the decoder attends to
them and to its own tokens at once (layer-wise coordinated attention, He et al. 2018), at the positions behind them.
Each has low-rank adapters of its own. Both see backwards only: without adapters the two together are the base model
itself, reading the one sequence that they share. This module knows token ids and tensors, no text.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from generator.modeling_fused import Memory, Seen, Stack, causal_mask, memory_mask


class WriterModel(nn.Module):
    """Encoder and decoder, of one shape; they may be one and the same stack."""

    def __init__(self, encoder: Stack, decoder: Stack) -> None:
        """Hold the two stacks."""
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def read(self, rows: Sequence[Sequence[int]]) -> Memory:
        """Encode one sequence for each answer.

        Args:
            rows: token ids, at least one in each; they are padded at the end, where no token of a row sees it.

        Returns:
            What the decoder attends to, of all rows.
        """
        lengths = torch.tensor([len(row) for row in rows])
        longest = int(lengths.max())
        device = self.encoder.embeddings.weight.device
        ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows], device=device)
        positions = torch.arange(longest, device=device)[None]
        seen = Seen(record=True)
        self.encoder(ids, positions, seen, causal_mask(longest, device=device))
        lengths = lengths.to(device)
        return Memory(seen.new_states(), lengths, positions < lengths[:, None])

    def states(self, ids: Tensor, memory: Memory) -> Tensor:
        """Teacher forcing: the decoder's states (batch, tokens, hidden) of ids (batch, tokens), padded at the end."""
        tokens = ids.shape[1]
        positions = memory.starts[:, None] + torch.arange(tokens, device=ids.device)
        return self.decoder(ids, positions, Seen(memory.states), memory_mask(memory.mask, tokens))

    def forward(self, rows: Sequence[Sequence[int]], ids: Tensor) -> Tensor:
        """Teacher forcing: logits (batch, tokens, vocab_size) of what is written, ids (batch, tokens), after `rows`."""
        return self.decoder.logits(self.states(ids, self.read(rows)))
