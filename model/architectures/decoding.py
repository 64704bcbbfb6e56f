"""Decoding one target token at a time, with a cache of the past keys and values.

Shapes: B examples, W beams per example, N rows (examples x beams), C positions so far, H heads, D features, V rows of
the embedding.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from model.architectures.attention import MASKED
from model.architectures.cache import LayerCache
from model.architectures.layers import compute_dtype
from model.architectures.stack import Stack


class Decoding:
    """What generation needs from a model: the logits of the first token, and the next logits after each token.

    `T5Model.start_decoding` makes it, with one beam per example.

    The cache keeps what every beam computed at its place, and it is never copied. `_origins_BWC` says which beam
    computed each position of a beam's past; attention sees only these places. So when beams are exchanged, only this
    small table is.
    """

    first_logits_NV: Tensor

    def __init__(
        self,
        embed: Callable[[Tensor], Tensor],
        project: Callable[[Tensor], Tensor],
        stack: Stack,
        caches: Sequence[LayerCache],
        *,
        positions_BC: Tensor,
        next_positions_B: Tensor,
        visible_BC: Tensor | None = None,
        memory_bias: Tensor | None = None,
    ) -> None:
        """
        embed: ids (B, W) -> (B, W, D). project: hidden states (N, D) -> logits (N, V). caches: one per layer of the
        stack. positions_BC: the place of each cached position in its example's sequence; a single row if all examples
        are alike. next_positions_B: the place of the next token. visible_BC: which cached positions are not padding;
        None means all.
        """
        self.stack = stack
        self.caches = list(caches)
        self.memory_bias = memory_bias
        self.positions_BC = positions_BC
        self.next_positions_B = next_positions_B
        self.visible_BC = visible_BC
        self._embed, self._project = embed, project
        self._num_beams = 1
        self._origins_BWC: Tensor | None = None

    def step(self, tokens_N: Tensor) -> Tensor:
        """(N, V): the logits after one more token per row."""
        self.positions_BC = torch.cat([self.positions_BC, self.next_positions_B[:, None]], 1)
        if self.visible_BC is not None:
            self.visible_BC = nn.functional.pad(self.visible_BC, (0, 1), value=True)
        x_BWD = self._embed(tokens_N.view(-1, self._num_beams))
        bias = self._bias().to(compute_dtype(x_BWD))
        self.next_positions_B = self.next_positions_B + 1
        hidden_BWD = self.stack.extend(x_BWD, self.caches, bias, self.memory_bias)
        return self._project(hidden_BWD.flatten(0, 1)).float()

    def _bias(self) -> Tensor:
        """(1 or B, H, W, C * W): position bias; places that are padding or not of a beam's past are masked."""
        bias = self.stack.position_bias.between(self.next_positions_B, self.positions_BC)
        if self.visible_BC is not None:
            bias = torch.where(self.visible_BC[:, None, None, :], bias, MASKED)
        if self._origins_BWC is None:
            return bias
        beams_W = torch.arange(self._num_beams, device=bias.device)
        batch = self._origins_BWC.shape[0]
        newest = beams_W[None, :, None].expand(batch, -1, 1)
        self._origins_BWC = torch.cat([self._origins_BWC, newest], 2)
        is_own_BWCW = self._origins_BWC[..., None] == beams_W
        return torch.where(is_own_BWCW[:, None], bias[..., None], MASKED).flatten(3)

    def repeat(self, num_beams: int) -> None:
        """Give each example this many beams with the same past. It must have one beam so far."""
        for cache in self.caches:
            cache.repeat(num_beams)
        self._num_beams = num_beams
        if num_beams > 1:
            batch, length = self.caches[0].num_examples, self.caches[0].length
            beams_W = torch.arange(num_beams, device=self.positions_BC.device)
            self._origins_BWC = beams_W[None, :, None].expand(batch, -1, length)

    def select(self, origins_BW: Tensor) -> None:
        """Continue each beam from the past of the given beam of the same example."""
        if self._origins_BWC is not None:
            index = origins_BW[:, :, None].expand_as(self._origins_BWC)
            self._origins_BWC = self._origins_BWC.gather(1, index)

    def select_examples(self, examples: Tensor) -> None:
        """Continue with some examples only."""
        for cache in self.caches:
            cache.select_examples(examples)
        if self._origins_BWC is not None:
            self._origins_BWC = self._origins_BWC[examples]
        if self.memory_bias is not None:
            self.memory_bias = self.memory_bias[examples]
        if self.positions_BC.shape[0] > 1:
            self.positions_BC = self.positions_BC[examples]
            self.next_positions_B = self.next_positions_B[examples]
        if self.visible_BC is not None:
            self.visible_BC = self.visible_BC[examples]
