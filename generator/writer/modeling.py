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

    def read_prefix(self, prefix: Sequence[int]) -> Tensor:
        """Keys and values of what all sequences begin with, (layers, 2, 1, key_value_heads, tokens, head_size)."""
        ids = torch.tensor([list(prefix)], device=self.encoder.embeddings.weight.device)
        seen, length = Seen(record=True), len(prefix)
        self.encoder(ids, torch.arange(length, device=ids.device)[None], seen, causal_mask(length, device=ids.device))
        return seen.new_states()

    def read(self, prefix: Tensor, rows: Sequence[Sequence[int]]) -> Memory:
        """Encode one sequence for each answer.

        Args:
            prefix: what `read_prefix` gave; it is read once for all rows.
            rows: token ids of what follows, at least one in each; they are padded at the end, where no token of a row
                sees it.

        Returns:
            What the decoder attends to, of all rows.
        """
        start, longest = prefix.shape[4], max(map(len, rows))
        ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows], device=prefix.device)
        positions = torch.arange(start, start + longest, device=ids.device)[None]
        seen = Seen(prefix, record=True)
        self.encoder(ids, positions, seen, causal_mask(longest, start, device=ids.device))
        states = torch.cat([prefix.expand(-1, -1, len(rows), -1, -1, -1), seen.new_states()], dim=4)
        ends = torch.tensor([start + len(row) for row in rows], device=ids.device)
        return Memory(states, ends, torch.arange(states.shape[4], device=ids.device) < ends[:, None])

    def states(self, ids: Tensor, memory: Memory) -> Tensor:
        """Teacher forcing: the decoder's states (batch, tokens, hidden) of ids (batch, tokens), padded at the end."""
        tokens = ids.shape[1]
        positions = memory.starts[:, None] + torch.arange(tokens, device=ids.device)
        return self.decoder(ids, positions, Seen(memory.states), memory_mask(memory.mask, tokens))
