"""Computing the tokens of a batch without its padding, where shapes may differ from batch to batch: eagerly, on a CPU.

Norms, projections, feed-forwards and the head treat each token alone, so they get one matrix with the tokens of all
examples ("unpadding", as in MosaicBERT and ModernBERT). Only attention joins the tokens of an example. For it, examples
of similar length form groups, and each group is padded to its longest example.

Shapes: B examples, S positions, N tokens of all examples, D features; in a group: G examples, L positions.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# With fewer examples in a group, attention computes less padding, but calls more operators.
_GROUP_SIZE = 16
_LEAST_PADDING = 0.1  # with a smaller share of padding, less is saved than the moves of tokens cost


class Group(NamedTuple):
    """Some examples whose tokens are adjacent.

    num_tokens: of all G examples. length: L, of the longest. places: (num_tokens,) where each token is among G * L
    positions. visible_GL: bool, the positions that hold a token; None: all.
    """

    num_examples: int
    num_tokens: int
    length: int
    places: Tensor
    visible_GL: Tensor | None

    def pad(self, x_ND: Tensor) -> Tensor:
        """(G, L, D): the rows of the group's tokens, and zeros."""
        return _Spread.apply(x_ND, self.places, self.num_examples * self.length).unflatten(0, (-1, self.length))

    def unpad(self, x_GLD: Tensor) -> Tensor:
        """The inverse of `pad`: (N, D)."""
        return take(x_GLD.flatten(0, 1), self.places)


class Tokens(NamedTuple):
    """The tokens of a batch, example by example.

    is_token_BS: bool, the positions up to the last token of each example. examples_N: each token's example.
    """

    is_token_BS: Tensor
    examples_N: Tensor
    groups: tuple[Group, ...]

    def of(self, values_BS: Tensor) -> Tensor:
        """(N,): the values at the tokens."""
        return values_BS[self.is_token_BS]

    def pad(self, x_ND: Tensor) -> Tensor:
        """(B, S, D): the rows of the tokens, and zeros."""
        places = self.is_token_BS.flatten().nonzero()[:, 0]
        return _Spread.apply(x_ND, places, self.is_token_BS.numel()).unflatten(0, self.is_token_BS.shape)


def find_tokens(ids_BS: Tensor, pad_id: int) -> Tokens:
    """The tokens of examples. An example without any counts as one token of padding.

    >>> tokens = find_tokens(torch.tensor([[7, 0, 0], [5, 6, 1]]), 0)
    >>> tokens.examples_N.tolist(), tokens.groups[0].places.tolist()
    ([0, 1, 1, 1], [0, 3, 4, 5])
    """
    lengths_B = lengths(ids_BS, pad_id)
    is_token_BS = torch.arange(ids_BS.shape[1]) < lengths_B[:, None]
    groups = []
    for start in range(0, len(ids_BS), _GROUP_SIZE):
        part = slice(start, start + _GROUP_SIZE)
        longest = int(lengths_B[part].max())
        places = is_token_BS[part, :longest].flatten().nonzero()[:, 0]
        visible_GL = ids_BS[part, :longest] != pad_id
        is_full = bool(visible_GL.all())
        groups.append(Group(len(visible_GL), len(places), longest, places, None if is_full else visible_GL))
    examples_N = torch.repeat_interleave(torch.arange(len(ids_BS)), lengths_B)
    return Tokens(is_token_BS, examples_N, tuple(groups))


def lengths(ids_BS: Tensor, pad_id: int) -> Tensor:
    """(B,) int64: the number of positions up to the last token of each example, at least 1."""
    positions_S = torch.arange(1, ids_BS.shape[1] + 1, device=ids_BS.device)
    return ((ids_BS != pad_id) * positions_S).amax(1).clamp(min=1)


def is_possible(ids: Tensor) -> bool:
    """Whether values may decide shapes: eagerly on a CPU. A compiler wants fixed shapes, and a GPU must not wait."""
    return type(ids) is Tensor and ids.device.type == "cpu" and not torch.compiler.is_compiling()


def saves(*of_examples: Tensor, pad_id: int) -> bool:
    """Whether it is possible to leave the padding of these ids (B, S) out, and there is enough of it."""
    if not all(is_possible(ids_BS) and ids_BS.numel() for ids_BS in of_examples):
        return False
    num_tokens = sum(int(lengths(ids_BS, pad_id).sum()) for ids_BS in of_examples)
    return num_tokens <= (1 - _LEAST_PADDING) * sum(ids_BS.numel() for ids_BS in of_examples)


def take(x_ND: Tensor, places: Tensor) -> Tensor:
    """The rows at these places, which must differ: then the gradient is a copy and not a sum."""
    return _Take.apply(x_ND, places)


class _Take(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_ND: Tensor, places: Tensor) -> Tensor:
        ctx.save_for_backward(places)
        ctx.num_rows = len(x_ND)
        return x_ND.index_select(0, places)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        (places,), (gradient,) = ctx.saved_tensors, upstream
        return gradient.new_zeros(ctx.num_rows, gradient.shape[1]).index_copy_(0, places, gradient), None


class _Spread(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_ND: Tensor, places: Tensor, num_rows: int) -> Tensor:
        ctx.save_for_backward(places)
        return x_ND.new_zeros(num_rows, x_ND.shape[1]).index_copy_(0, places, x_ND)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        (places,), (gradient,) = ctx.saved_tensors, upstream
        return gradient.index_select(0, places), None, None
