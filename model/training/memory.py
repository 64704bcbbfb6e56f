"""How many parts a rank must cut its share of a batch into, for the memory there is."""

import os

import torch

from c4pipe.errors import UserError
from c4pipe.machine import available_memory
from model.data.batches import Batch
from model.training.computation import Computation

# Of what is free: the rest is for what is not counted, and for others.
_SHARE = {"cpu": 0.6, "cuda": 0.9}


def fewest_parts(computation: Computation, batch: Batch, *, state_bytes: int) -> int:
    """The fewest equal parts of a rank's share whose activations fit; the same on all ranks.

    Activations kept for the backward pass are counted in a forward pass over a few rows: they grow in proportion to
    the rows. state_bytes: memory that will be needed for gradients and the optimizer's state.
    Raises: UserError if not even one row at a time fits.
    """
    device = computation.world.device
    free = _SHARE[device.type] * free_bytes(device) - state_bytes
    fixed, a_row = activation_bytes(computation, batch)
    fitting = int((free - fixed) // max(a_row, 1))
    fitting = min(int(value) for (value,) in computation.world.gather_rows([fitting]))
    if fitting < 1:
        raise UserError(
            f"one example needs {a_row / 1e9:.1f} GB for its activations and {max(free, 0) / 1e9:.1f} GB are free; "
            "use --activation_checkpointing, a smaller preset, or more memory"
        )
    return next(
        parts for parts in range(1, len(batch) + 1) if len(batch) % parts == 0 and len(batch) // parts <= fitting
    )


def activation_bytes(computation: Computation, batch: Batch) -> tuple[float, float]:
    """(bytes whatever the rows, bytes a row) that a forward pass keeps for the backward pass.

    Each storage counts once, parameters do not count; two passes, of one row and of two, tell the two parts.
    """
    rows = min(2, len(batch))
    kept = [_kept_bytes(computation, batch.part(0, count)) for count in range(1, rows + 1)]
    if len(kept) == 1:
        return 0.0, float(kept[0])
    a_row = max(kept[1] - kept[0], 1)
    return float(max(kept[0] - a_row, 0)), float(a_row)


def _kept_bytes(computation: Computation, batch: Batch) -> int:
    storages: dict[int, int] = {}
    own = {parameter.untyped_storage().data_ptr() for parameter in computation.model.parameters()}
    held = []

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            storages[storage.data_ptr()] = storage.nbytes()
            held.append(tensor)  # or its address could be given to another one
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor), computation.autocast():
        computation.model(batch.examples)
    return sum(storages.values())


def free_bytes(device: torch.device) -> float:
    """All that is free for one process on its device; ranks on one machine share its memory."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    return available_memory() / int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
