"""Whether a run fits into the memory there is, said before anything is allocated."""

import os

import torch

from model.architectures.config import ModelConfig
from model.architectures.size import Size, Training, check_fits, size_of
from model.training.computation import resolve_precision
from model.training.memory import available_bytes
from model.training.settings import TrainingSettings
from model.training.world import World


def refuse_what_cannot_fit(
    config: ModelConfig, settings: TrainingSettings, world: World, *, inputs_length: int, targets_length: int
) -> None:
    """Raises: UserError on every rank where one of them has too little memory, with the figure and the mend."""
    training = training_of(settings, world.device, world.size, inputs_length, targets_length)
    world.everybody_does(lambda: check_fits(config, training, free_bytes(world.device)))


def planned_size(config: ModelConfig, settings: TrainingSettings, *, inputs_length: int, targets_length: int) -> Size:
    """What one process would need on the device that `auto` takes here, for `--dry_run`."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return size_of(config, training_of(settings, device, 1, inputs_length, targets_length))


def training_of(
    settings: TrainingSettings, device: torch.device, num_ranks: int, inputs_length: int, targets_length: int
) -> Training:
    """Where the trainer picks the accumulation itself, one row at a time is the least it can pick."""
    share = -(-settings.batch_size // num_ranks)
    parts = settings.gradient_accumulation
    return Training(
        rows=-(-share // parts) if parts else 1,
        inputs_length=inputs_length,
        targets_length=targets_length,
        optimizer=settings.optimizer,
        bf16=resolve_precision(settings.precision, device) == torch.bfloat16,
        fused=device.type == "cuda",
        activation_checkpointing=settings.activation_checkpointing,
    )


def free_bytes(device: torch.device) -> float:
    """All that is free for one process: nothing is kept back, so what is refused would not fit at all."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    return available_bytes() / int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
