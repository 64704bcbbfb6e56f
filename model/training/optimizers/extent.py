"""Means over whole parameters, of which this process may have only some rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from model.architectures.parts import part_of


@dataclass(frozen=True)
class Extent:
    """Where the parameters are in the tensors of an update.

    first: the first dimension that belongs to a parameter; dimensions before it number the parameters of a stack.
    num_rows: rows of a whole parameter. group: the processes over which its rows are sharded; None: all rows are here.
    """

    first: int = 0
    num_rows: int = 0
    group: Any = None

    def mean_of_rows(self, tensor: Tensor, dim: int, *, keepdim: bool = False) -> Tensor:
        """The mean over `dim`, which counts the rows of a parameter."""
        if self.group is None:
            return tensor.mean(dim=dim, keepdim=keepdim)
        total = tensor.sum(dim=dim, keepdim=keepdim)
        dist.all_reduce(total, group=self.group)
        return total / self.num_rows

    def root_mean_square(self, tensor: Tensor) -> Tensor:
        """The RMS of each parameter. In a stack, the dimensions of a parameter are kept with length 1."""
        inner = tensor.shape[self.first :]
        if self.group is None:
            count = max(inner.numel(), 1)
            if self.first == 0:
                return torch.linalg.vector_norm(tensor) / count**0.5
            return torch.linalg.vector_norm(tensor, dim=self._dims(tensor), keepdim=True) / count**0.5
        total = tensor.square().sum(dim=self._dims(tensor), keepdim=self.first > 0)
        dist.all_reduce(total, group=self.group)
        return (total / (self.num_rows * inner[1:].numel())).sqrt_()

    def _dims(self, tensor: Tensor) -> tuple[int, ...]:
        return tuple(range(self.first, tensor.ndim))


def extent_of(parameter: Tensor, first: int = 0) -> Extent:
    """The extent of a parameter, or of a stack of parameters with its shape."""
    part = part_of(parameter)
    return Extent(first, part.shape[0] if part.shape else 1, part.group)


def zeros(parameter: Tensor, shape: Sequence[int], *, by_row: bool = True) -> Tensor:
    """float32 zeros for the state of a parameter. by_row: the first dimension counts the parameter's rows, so that it
    is sharded as they are; otherwise each process has the whole tensor."""
    placements = getattr(parameter, "placements", None)
    if placements is None:
        return parameter.new_zeros(shape, dtype=torch.float32)
    from torch.distributed import tensor as dtensor

    if not by_row:
        placements = [dtensor.Replicate()] * len(placements)
    mesh = parameter.device_mesh  # type: ignore[attr-defined]
    return dtensor.zeros(tuple(shape), dtype=torch.float32, device_mesh=mesh, placements=placements)
