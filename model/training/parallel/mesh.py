"""The ranks over which parameters are sharded, as a device mesh."""

import datetime
import os
from typing import Any

import torch
import torch.distributed as dist

from c4pipe.errors import UserError
from model.training.ranks.world import World


def mesh_of(world: World, parallel: str) -> Any:
    """The mesh for `fsdp` (all ranks) or `hsdp` (nodes x cards); None if nothing is sharded. All ranks call this.

    A single rank has nothing to shard over.
    Raises: UserError if the nodes have different numbers of ranks, or if PyTorch cannot shard on this device.
    """
    if parallel == "ddp" or world.size == 1:
        return None
    from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

    world.everybody_does(lambda: _check_reduction(world))
    kind = world.device.type
    cards = num_shards(parallel, world.size)
    if cards == world.size:
        return init_device_mesh(kind, (world.size,), mesh_dim_names=("cards",))
    if len({card for (card,) in world.gather_rows([cards])}) > 1 or world.size % cards:
        raise UserError("the nodes run different numbers of ranks; --parallel=hsdp needs the same number on each")
    ranks = torch.arange(world.size).view(-1, cards)
    # Made here, because `init_device_mesh` gives its groups a time-out of half an hour.
    timeout = datetime.timedelta(seconds=world.timeout_seconds)
    across, within = (
        dist.new_subgroups_by_enumeration(lists.tolist(), timeout=timeout)[0] for lists in (ranks.T, ranks)
    )
    return DeviceMesh.from_group([across, within], kind, mesh=ranks, mesh_dim_names=("nodes", "cards"))


def num_shards(parallel: str, num_ranks: int) -> int:
    """Over how many ranks each parameter is sharded: all, with `hsdp` those of a node, with `ddp` 1."""
    if parallel == "ddp":
        return 1
    return min(int(os.environ.get("LOCAL_WORLD_SIZE", num_ranks)), num_ranks) if parallel == "hsdp" else num_ranks


def _check_reduction(world: World) -> None:
    """FSDP averages gradients in the collective, which gloo could not do in earlier versions of PyTorch."""
    if world.device.type != "cpu":
        return
    reduce = getattr(dist, "reduce_scatter_single", None) or dist.reduce_scatter_tensor  # its name before PyTorch 2.13
    try:
        reduce(torch.empty(1), torch.ones(world.size), op=dist.ReduceOp.AVG)
    except (RuntimeError, ValueError) as error:
        raise UserError(
            f"PyTorch {torch.__version__} cannot shard a model on CPUs ({str(error).splitlines()[0]}); use a newer "
            "PyTorch (2.13 was tested), GPUs, or --parallel=ddp"
        ) from error
