"""Passages that were read already: the encoder's states by token ids, as many as the memory allows.

It knows tensors and sizes; what is read and how is the model's business.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor

from generator.modeling_fused import FusedModel

_Key = tuple[int, ...]


class PassageCache:
    """A model's reading of passages, kept for any question; the least recently used are dropped first."""

    def __init__(self, model: FusedModel, prefix: Sequence[int], most_bytes: int, evict: bool = True) -> None:
        """Read the prefix.

        Args:
            model: whose encoder reads.
            prefix: token ids of the shared prefix.
            most_bytes: of all states together.
            evict: whether new passages take the place of old ones when the cache is full. In training, which comes
                back to all of them in turn, those that fit had better stay.
        """
        self._model, self._most, self._evict = model, most_bytes, evict
        self._states: OrderedDict[_Key, Tensor] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        with torch.inference_mode():
            self.prefix = model.read_prefix(prefix)

    @property
    def bytes(self) -> int:
        """What the states take."""
        return self._bytes

    def read(self, passages: Sequence[Sequence[int]]) -> list[Tensor]:
        """The states of passages, given as token ids, each at least one; only those not read before are computed.

        Each is read alone. Padded beside a longer one it would come out otherwise in the last bits, and what was read
        before would decide what a seed gives.
        """
        keys = [tuple(passage) for passage in passages]
        with self._lock:
            known = {key: self._states[key] for key in keys if key in self._states}
            for key in known:
                self._states.move_to_end(key)
        unread = [key for key in dict.fromkeys(keys) if key not in known]
        for key in unread:
            with torch.inference_mode():
                (known[key],) = self._model.read(self.prefix, [key])
        self._keep({key: known[key] for key in unread})
        return [known[key] for key in keys]

    def clear(self) -> None:
        """Forget all passages."""
        with self._lock:
            self._states.clear()
            self._bytes = 0

    def _keep(self, states: dict[_Key, Tensor]) -> None:
        """Add new states as far as there is room, or can be made."""
        with self._lock:
            for key, state in states.items():
                size = state.nbytes
                if key in self._states or size > self._most or (not self._evict and self._bytes + size > self._most):
                    continue
                while self._bytes + size > self._most:
                    self._bytes -= self._states.popitem(last=False)[1].nbytes
                self._states[key] = state
                self._bytes += size
