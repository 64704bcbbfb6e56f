"""Choosing into how many parts a rank must split its share of a batch, so that it fits into memory."""

import os

import torch

from c4pipe.errors import UserError
from c4pipe.machine import available_memory
from model.architectures.size import Size, Training, size_of
from model.data.batches import Batch
from model.training.computation import Computation

# The share of the free memory that is used. The rest is for what is not counted, and for other processes.
_SHARE = {"cpu": 0.6, "cuda": 0.9}


def fewest_parts(computation: Computation, batch: Batch, *, num_rows: int, state_bytes: int) -> int:
    """The smallest number of equal parts of a rank's share whose activations fit; the same on all ranks.

    Activations that are kept for the backward pass are counted in a forward pass over a few rows, because they grow in
    proportion to the rows.

    num_rows: of the share; packed batches have no more. state_bytes: memory that gradients and the optimizer's state
    will need.
    Raises: UserError if not even one row at a time fits.
    """
    device = computation.world.device
    free = _SHARE[device.type] * free_bytes(device) - state_bytes
    fixed_bytes, row_bytes = activation_bytes(computation, batch)
    fitting = int((free - fixed_bytes) // max(row_bytes, 1))
    fitting = min(int(value) for (value,) in computation.world.gather_rows([fitting]))
    if fitting < 1:
        raise UserError(
            f"one example needs {row_bytes / 1e9:.1f} GB for activations, but {max(free, 0) / 1e9:.1f} GB are free; "
            "use --activation_checkpointing, a smaller preset, or more memory"
        )
    return next(parts for parts in range(1, num_rows + 1) if num_rows % parts == 0 and num_rows // parts <= fitting)


def activation_bytes(computation: Computation, batch: Batch) -> tuple[float, float]:
    """The bytes that a forward pass keeps for the backward pass: (a fixed number, a number per row).

    Each storage counts once, and parameters do not count. A pass with one row and a pass with two rows are compared.
    FSDP expects a backward pass after each forward pass, so for a sharded model the bytes are computed from its shape,
    with the gathered layers as a part of the fixed number.
    """
    if computation.is_sharded:
        return _computed_bytes(computation, batch)
    rows = min(2, len(batch))
    kept = [_kept_bytes(computation, batch.part(0, count)) for count in range(1, rows + 1)]
    if len(kept) == 1:
        return 0.0, float(kept[0])
    row_bytes = max(kept[1] - kept[0], 1)
    return float(max(kept[0] - row_bytes, 0)), float(row_bytes)


def _computed_bytes(computation: Computation, batch: Batch) -> tuple[float, float]:
    def size(rows: int) -> Size:
        training = Training(
            rows,
            batch.inputs.shape[1],
            batch.targets.shape[1],
            bf16=computation.dtype == torch.bfloat16,
            fused=computation.world.device.type == "cuda",
            activation_checkpointing=computation.activation_checkpointing,
            shards=computation.world.size,
        )
        return size_of(computation.model.config, training)

    kept = [size(rows).activations + size(rows).recomputed for rows in (1, 2)]
    row_bytes = kept[1] - kept[0]
    return float(kept[0] - row_bytes + size(1).gathered + size(1).loss), float(row_bytes)


def _kept_bytes(computation: Computation, batch: Batch) -> int:
    storages: dict[int, int] = {}
    own = {parameter.untyped_storage().data_ptr() for parameter in computation.model.parameters()}
    kept = []

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            storages[storage.data_ptr()] = storage.nbytes()
            kept.append(tensor)  # otherwise another tensor could get its address
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor), computation.autocast():
        computation.model(batch.examples)
    return sum(storages.values())


def free_bytes(device: torch.device) -> float:
    """Free memory for a process on its device. The ranks on a machine share its CPU memory equally."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    return available_memory() / int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
