"""Which ranks write a checkpoint."""

import datetime
from typing import Any

import torch.distributed as dist
from torch import nn

from model.architectures.parts import part_of
from model.checkpoints.step_folder import ALONE, Writers
from model.training.ranks.world import World


def writers_of(model: nn.Module, world: World) -> Writers | None:
    """The writers if this rank is one of them: rank 0 of a whole model, each rank of a sharded one, and the ranks of
    the first node if all nodes have the same shards. All ranks call this together.

    Writers agree in a group of their own, because they do so in a thread while training goes on.
    """
    count = max(part_of(parameter).num_parts for parameter in model.parameters())
    if count == 1:
        return ALONE if world.is_first else None
    timeout = datetime.timedelta(seconds=world.timeout_seconds)
    group = dist.new_group(range(count), backend="gloo", timeout=timeout)

    def gather(value: Any) -> list[Any]:
        values: list[Any] = [None] * count
        dist.all_gather_object(values, value, group=group)
        return values

    return Writers(world.rank, count, gather) if world.rank < count else None
