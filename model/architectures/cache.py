"""The key/value cache of a layer, used while tokens are generated.

Shapes: B examples, W beams per example, Q new rows of an example, C positions, H heads, K features per head, S memory
positions.
"""

from torch import Tensor


class LayerCache:
    """Keys and values of the positions so far (self-attention), and of the memory (cross-attention; may be None).

    Each beam writes to a place of its own and nothing is moved afterwards. Which places belong to the past of a beam
    changes from step to step; `Decoding` knows it, and its bias hides the others.
    """

    def __init__(self, capacity: int, memory: tuple[Tensor, Tensor] | None = None) -> None:
        self.capacity = capacity
        self.length = 0
        self.memory = memory
        self._num_beams = 1
        self._k_BCWHK: Tensor | None = None
        self._v_BCWHK: Tensor | None = None

    @property
    def num_examples(self) -> int:
        """B; 0 as long as the cache is empty."""
        return 0 if self._k_BCWHK is None else self._k_BCWHK.shape[0]

    def append(self, k_BHQK: Tensor, v_BHQK: Tensor) -> tuple[Tensor, Tensor]:
        """Add Q / W positions. Returns: keys and values (B, H, C * W, K) of all positions so far, beams adjacent."""
        if self._k_BCWHK is None or self._v_BCWHK is None:
            self._k_BCWHK, self._v_BCWHK = self._new(k_BHQK), self._new(v_BHQK)
        end = self.length + k_BHQK.shape[2] // self._num_beams
        self._k_BCWHK[:, self.length : end] = k_BHQK.transpose(1, 2).unflatten(1, (-1, self._num_beams))
        self._v_BCWHK[:, self.length : end] = v_BHQK.transpose(1, 2).unflatten(1, (-1, self._num_beams))
        self.length = end
        return (
            self._k_BCWHK[:, :end].flatten(1, 2).transpose(1, 2),
            self._v_BCWHK[:, :end].flatten(1, 2).transpose(1, 2),
        )

    def repeat(self, num_beams: int) -> None:
        """Give each example, which has one beam so far, this many beams with the same past."""
        self._num_beams = num_beams
        if self._k_BCWHK is not None and self._v_BCWHK is not None:
            self._k_BCWHK = self._with_room(self._filled(self._k_BCWHK).repeat_interleave(num_beams, 2))
            self._v_BCWHK = self._with_room(self._filled(self._v_BCWHK).repeat_interleave(num_beams, 2))

    def select_examples(self, examples: Tensor) -> None:
        """Keep the given examples only."""
        if self._k_BCWHK is not None and self._v_BCWHK is not None:
            self._k_BCWHK = self._with_room(self._filled(self._k_BCWHK)[examples])
            self._v_BCWHK = self._with_room(self._filled(self._v_BCWHK)[examples])
        if self.memory is not None:
            self.memory = (self.memory[0][examples], self.memory[1][examples])

    def _new(self, x_BHQK: Tensor) -> Tensor:
        batch, heads, _, features = x_BHQK.shape
        return x_BHQK.new_empty(batch, self.capacity, self._num_beams, heads, features)

    def _filled(self, x_BCWHK: Tensor) -> Tensor:
        return x_BCWHK[:, : self.length]

    def _with_room(self, filled: Tensor) -> Tensor:
        """The filled positions in a tensor that has room for all positions."""
        tensor = filled.new_empty(filled.shape[0], self.capacity, *filled.shape[2:])
        tensor[:, : self.length] = filled
        return tensor
