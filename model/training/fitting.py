"""Checking whether a run fits into memory, before anything is allocated."""

import torch

from model.architectures.config import ModelConfig
from model.architectures.size import Size, Training, check_fits
from model.training.computation import resolve_precision
from model.training.memory import free_bytes
from model.training.optimizers.catalog import recipe_by_name
from model.training.parallel.mesh import num_shards
from model.training.ranks.speaker import num_ranks
from model.training.ranks.world import World
from model.training.settings import TrainingSettings


def refuse_what_cannot_fit(
    config: ModelConfig,
    settings: TrainingSettings,
    world: World,
    *,
    inputs_length: int,
    targets_length: int,
    parallel: str = "ddp",
) -> Size:
    """The memory that a process needs, if it fits. All free memory counts, so a refused run would certainly not fit.

    Raises: UserError on every rank if any rank has too little memory, with the figure and with what would help.
    """
    training = training_of(settings, world.device, num_ranks(), inputs_length, targets_length, parallel)
    return world.everybody_does(lambda: check_fits(config, training, free_bytes(world.device)))


def training_of(
    settings: TrainingSettings,
    device: torch.device,
    num_ranks: int,
    inputs_length: int,
    targets_length: int,
    parallel: str = "ddp",
) -> Training:
    """The settings for `size_of`. If the trainer chooses the accumulation, it can go down to one row at a time."""
    share = -(-settings.batch_size // num_ranks)
    parts = settings.gradient_accumulation
    return Training(
        rows=-(-share // parts) if parts else 1,
        inputs_length=inputs_length,
        targets_length=targets_length,
        optimizer_state=recipe_by_name(settings.optimizer).state_elements,
        bf16=resolve_precision(settings.precision, device) == torch.bfloat16,
        fused=device.type == "cuda",
        activation_checkpointing=settings.activation_checkpointing,
        shards=num_shards(parallel, num_ranks),
        processes=num_ranks,
    )
