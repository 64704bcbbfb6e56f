"""Decoding one target token at a time, with a cache of the past keys and values.

Shapes: B examples, N rows (examples x beams), S inputs, T new positions, C positions so far, V rows of the embedding.
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

    `T5Model.start_decoding` makes it. At first the rows are the examples; `select` turns them into beams.
    """

    first_logits_NV: Tensor

    def __init__(
        self,
        embed: Callable[[Tensor], Tensor],
        project: Callable[[Tensor], Tensor],
        stack: Stack,
        caches: Sequence[LayerCache],
        *,
        positions_NC: Tensor,
        next_positions_N: Tensor,
        visible_NC: Tensor | None = None,
        memory_bias: Tensor | None = None,
    ) -> None:
        """
        embed: ids (N, T) -> (N, T, D). project: hidden states (N, D) -> logits (N, V). caches: one per layer of the
        stack. positions_NC: the place of each cached position in its row's sequence; a single row if all rows are
        alike. next_positions_N: the place of the next token. visible_NC: which cached positions are not padding; None
        means all.
        """
        self.stack = stack
        self.caches = list(caches)
        self.memory_bias = memory_bias
        self.positions_NC = positions_NC
        self.next_positions_N = next_positions_N
        self.visible_NC = visible_NC
        self._embed, self._project = embed, project

    def step(self, tokens_N: Tensor) -> Tensor:
        """(N, V): the logits after one more token per row."""
        self.positions_NC = torch.cat([self.positions_NC, self.next_positions_N[:, None]], 1)
        if self.visible_NC is not None:
            self.visible_NC = nn.functional.pad(self.visible_NC, (0, 1), value=True)
        bias = self.stack.position_bias.between(self.next_positions_N, self.positions_NC)
        if self.visible_NC is not None:
            bias = torch.where(self.visible_NC[:, None, None, :], bias, MASKED)
        self.next_positions_N = self.next_positions_N + 1
        x_N1D = self._embed(tokens_N[:, None])
        hidden_N1D = self.stack.extend(x_N1D, self.caches, bias.to(compute_dtype(x_N1D)), self.memory_bias)
        return self._project(hidden_N1D[:, 0]).float()

    def select(self, rows: Tensor) -> None:
        """Replace the rows by the given old rows. Rows of an example must stay together and examples in order."""
        for cache in self.caches:
            cache.select(rows)
        self._select_positions(rows)

    def select_examples(self, examples: Tensor) -> None:
        """Continue with some examples only. Each example must have exactly one row."""
        for cache in self.caches:
            cache.select(examples)
            cache.select_memory(examples)
        if self.memory_bias is not None:
            self.memory_bias = self.memory_bias[examples]
        self._select_positions(examples)

    def _select_positions(self, rows: Tensor) -> None:
        if self.positions_NC.shape[0] > 1:
            self.positions_NC = self.positions_NC[rows]
            self.next_positions_N = self.next_positions_N[rows]
        if self.visible_NC is not None:
            self.visible_NC = self.visible_NC[rows]
