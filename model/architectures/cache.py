"""The key/value cache of a layer, used while tokens are generated.

Shapes: N rows (examples x beams), H heads, C positions, K features per head, B examples, S memory positions.
"""

import torch
from torch import Tensor


class LayerCache:
    """Keys and values of the positions so far (self-attention), and of the memory (cross-attention; may be None)."""

    def __init__(self, capacity: int, memory: tuple[Tensor, Tensor] | None = None) -> None:
        self.capacity = capacity
        self.length = 0
        self.memory = memory
        self._k: Tensor | None = None
        self._v: Tensor | None = None

    def append(self, k_NHTK: Tensor, v_NHTK: Tensor) -> tuple[Tensor, Tensor]:
        """Add T positions. Returns: keys and values (N, H, C, K) of all positions so far."""
        if self._k is None or self._v is None:
            rows, heads, _, features = k_NHTK.shape
            self._k = k_NHTK.new_empty(rows, heads, self.capacity, features)
            self._v = torch.empty_like(self._k)
        end = self.length + k_NHTK.shape[2]
        self._k[:, :, self.length : end] = k_NHTK
        self._v[:, :, self.length : end] = v_NHTK
        self.length = end
        return self._k[:, :, :end], self._v[:, :, :end]

    def select(self, rows: Tensor) -> None:
        """Replace the rows by the given old rows (any number; a row may occur more than once)."""
        if self._k is not None and self._v is not None:
            self._k = self._select(self._k, rows)
            self._v = self._select(self._v, rows)

    def select_memory(self, examples: Tensor) -> None:
        """Keep the memory of the given examples."""
        if self.memory is not None:
            self.memory = (self.memory[0][examples], self.memory[1][examples])

    def _select(self, tensor: Tensor, rows: Tensor) -> Tensor:
        """Copy the filled positions only."""
        selected = tensor.new_empty(rows.shape[0], *tensor.shape[1:])
        selected[:, :, : self.length] = tensor[:, :, : self.length].index_select(0, rows)
        return selected
