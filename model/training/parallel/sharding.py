"""Sharding a model with PyTorch's FSDP2 (`torch.distributed.fsdp.fully_shard`).

Each layer is gathered when it is needed, in the forward and again in the backward pass, and its gradients are summed in
float32 onto the shards. The embedding, the head and what else is outside of the layers stay gathered from the beginning
of the forward pass to the end of the backward pass. Parameters, gradients and the optimizer's state are float32 shards.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.architectures.initialization import initialize
from model.architectures.parts import fill
from model.architectures.t5 import T5Model
from model.training.computation import resolve_precision
from model.training.parallel.mesh import mesh_of
from model.training.ranks.world import World
from model.training.settings import TrainingSettings


def place_model(
    config: ModelConfig, world: World, settings: TrainingSettings, parallel: str, weights: Mapping[str, Tensor]
) -> T5Model:
    """A model on the device of this rank, whole or sharded. No rank allocates more than its shards and one tensor.

    weights: initial values; parameters without one are drawn by the seed. All ranks call this together.
    Raises: KeyError if a weight belongs to no parameter; as `mesh_of`.
    """
    mesh = mesh_of(world, parallel)
    if mesh is None:
        model = build_model(config, seed=settings.seed, device=world.device)
    else:
        model = build_model(config, device="meta")
        shard(model, mesh, resolve_precision(settings.precision, world.device), compile=settings.compile)
        model.to_empty(device=world.device)
        initialize(model, config, settings.seed)
    parameters = dict(model.named_parameters())
    for name in weights:
        fill(parameters[name], weights, name)
    return model


def shard(model: T5Model, mesh: Any, dtype: torch.dtype, *, compile: bool) -> None:
    """Shard a model on the device `meta`.

    dtype: of the gathered parameters. compile: compile layers; a graph of the whole model would contain the gathering.
    """
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    half = None if dtype == torch.float32 else dtype
    # Inputs are not cast, because the residual stream is float32.
    policy = MixedPrecisionPolicy(
        param_dtype=half, reduce_dtype=None if half is None else torch.float32, cast_forward_inputs=False
    )
    if compile:
        model.compile_layers()
    for stack in model.stacks():
        for layer in stack.layers:
            fully_shard(layer, mesh=mesh, mp_policy=policy, reshard_after_forward=True)
    fully_shard(model, mesh=mesh, mp_policy=policy, reshard_after_forward=False)
