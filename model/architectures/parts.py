"""Which rows of a tensor this process has. A model that is sharded over processes has some rows of each parameter.

A sharded parameter is a `DTensor`, split along its first dimension, as PyTorch's `fully_shard` does.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class Part(NamedTuple):
    """The rows of a tensor that this process has.

    rows: these rows, in the memory of the tensor itself. first_row: the place of the first of them in the whole.
    shape: of the whole. num_parts: how many processes have a part. group: these processes; None if there is only one.
    """

    rows: Tensor
    first_row: int
    shape: torch.Size
    num_parts: int = 1
    group: Any = None

    def cut(self, whole: Tensor) -> Tensor:
        """These rows of another tensor with the shape of the whole."""
        return whole[self.first_row : self.first_row + len(self.rows)] if whole.ndim else whole


def part_of(tensor: Tensor) -> Part:
    """The part of a tensor that this process has: all of it, unless it is a sharded DTensor."""
    # Not `isinstance`: importing DTensor takes a second, and where there is one, it has been imported.
    placements = getattr(tensor, "placements", None)
    if placements is None:
        return Part(tensor.detach(), 0, tensor.shape)
    rows = tensor.detach().to_local()  # type: ignore[attr-defined]
    dimensions = [number for number, placement in enumerate(placements) if placement.is_shard()]
    if not dimensions:
        return Part(rows, 0, tensor.shape)
    mesh, (dimension,) = tensor.device_mesh, dimensions  # type: ignore[attr-defined]
    assert placements[dimension].dim == 0, "only rows are sharded"
    size, length = mesh.size(dimension), tensor.shape[0]
    first_row = min(mesh.get_local_rank(dimension) * -(-length // size), length)
    return Part(rows, first_row, tensor.shape, size, mesh.get_group(dimension))


@torch.no_grad()
def fill(target: Tensor, table: Mapping[str, Tensor], name: str) -> None:
    """Copy a tensor of a table into a parameter. Of a table with a method `rows`, only the needed rows are read.

    Raises: ValueError if the shapes differ.
    """
    part = part_of(target)
    read = getattr(table, "rows", None)
    source = part.cut(table[name]) if read is None else read(name, part.first_row, part.first_row + len(part.rows))
    if source.shape != part.rows.shape:
        raise ValueError(f"{name} has another shape than the model's: {tuple(source.shape)}, {tuple(part.rows.shape)}")
    part.rows.copy_(source)


def is_sharded(model: nn.Module) -> bool:
    """Whether this process has only some rows of a model's parameters."""
    return any(part_of(parameter).num_parts > 1 for parameter in model.parameters())
