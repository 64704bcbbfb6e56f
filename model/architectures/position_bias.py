"""The learned relative position bias: one number per head and bucket of distances (paper, section 2.1).

Shapes: T query positions, S key positions, H heads.
"""

import math

import torch
from torch import Tensor, nn


def buckets(distances: Tensor, *, bidirectional: bool, num_buckets: int, max_distance: int) -> Tensor:
    """The bucket of each `key position - query position`, int64.

    Half of the buckets hold exact distances; the others grow logarithmically up to `max_distance`. In bidirectional
    attention, half of all buckets are for keys after the query; otherwise such keys share bucket 0. The logarithm is
    computed in float32 as in mesh_tensorflow's `_relative_position_bucket`, so that the borders are the same.

    >>> distances = torch.tensor([-200, -9, -8, -1, 0, 1, 9, 200])
    >>> buckets(distances, bidirectional=True, num_buckets=32, max_distance=128).tolist()
    [15, 8, 8, 1, 0, 17, 24, 31]
    >>> buckets(distances, bidirectional=False, num_buckets=32, max_distance=128).tolist()
    [31, 9, 8, 1, 0, 0, 0, 0]
    """
    offset = torch.zeros_like(distances)
    if bidirectional:
        num_buckets //= 2
        offset = (distances > 0).to(distances.dtype) * num_buckets
        steps = distances.abs()
    else:
        steps = (-distances).clamp(min=0)
    num_exact = num_buckets // 2
    growth = torch.log(steps.clamp(min=1).float() / num_exact) / math.log(max_distance / num_exact)
    far = num_exact + (growth * (num_buckets - num_exact)).to(distances.dtype)
    return offset + torch.where(steps < num_exact, steps, far.clamp(max=num_buckets - 1))


def diagonals(by_distance_HL: Tensor, num_queries: int) -> Tensor:
    """(H, T, S), S = L - T + 1: row t is the part of by_distance that begins at index T - 1 - t.

    Rows of L + 1 elements are read as rows of L elements, which shifts each row by one against the row before (the
    relative shift of Transformer-XL). This takes views and a copy, and a sum in the backward pass; every compiler
    fuses these. `unfold` needs no copy, but its backward pass is a scatter.

    >>> diagonals(torch.tensor([[1, 2, 3, 4, 5]]), 3).tolist()
    [[[3, 4, 5], [2, 3, 4], [1, 2, 3]]]
    """
    num_heads, length = by_distance_HL.shape
    padded = nn.functional.pad(by_distance_HL, (0, 1))
    rows = padded[:, None, :].expand(num_heads, num_queries, length + 1).flatten(1)
    shifted = rows[:, : num_queries * length].unflatten(1, (num_queries, length))
    return shifted[:, :, num_queries - 1 :]


class RelativePositionBias(nn.Module):
    """The table of a stack: `weight` (num_buckets, H)."""

    def __init__(self, *, num_buckets: int, max_distance: int, num_heads: int, bidirectional: bool) -> None:
        super().__init__()
        self.num_buckets = num_buckets
        self.max_distance = max_distance
        self.bidirectional = bidirectional
        self.weight = nn.Parameter(torch.empty(num_buckets, num_heads))

    def forward(self, num_queries: int, num_keys: int) -> Tensor:
        """(1, H, T, S) for queries and keys that both begin at position 0.

        Only T + S - 1 distances occur. Each is looked up once, and `diagonals` lays them out. That saves T x S bucket
        computations and, in the backward pass, a scatter of T x S x H numbers into 32 rows.
        """
        distances = torch.arange(1 - num_queries, num_keys, device=self.weight.device)
        return diagonals(self._look_up(distances).T, num_queries)[None]

    def between(self, query_positions_N: Tensor, key_positions_NC: Tensor) -> Tensor:
        """(N, H, 1, C) for one query per row at its position, and keys at any positions (N or 1, C)."""
        return self._look_up(key_positions_NC - query_positions_N[:, None]).permute(0, 2, 1)[:, :, None, :]

    def _look_up(self, distances: Tensor) -> Tensor:
        bucket = buckets(
            distances,
            bidirectional=self.bidirectional,
            num_buckets=self.num_buckets,
            max_distance=self.max_distance,
        )
        return nn.functional.embedding(bucket, self.weight)
