"""The processes of a run: their ranks, their communication, and which of them prints."""

import datetime
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from c4pipe.errors import UserError
from model.checkpoints.opening import resolve_device
from model.training.ranks.rendezvous import private_store
from model.training.ranks.speaker import num_ranks

Result = TypeVar("Result")


@dataclass(frozen=True)
class World:
    """The ranks of a run, and the place of this process among them.

    device: where this rank computes. control: a gloo group for communication between hosts, which never waits for the
    accelerator; None with a single process. store: a key-value store that all ranks share; None with a single process.
    timeout_seconds: how long ranks wait for each other.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    control: Any = None
    store: Any = None
    timeout_seconds: float = 600.0

    @classmethod
    def join(cls, *, device: str = "auto", timeout_seconds: float = 600.0) -> "World":
        """Connect to the other processes of torchrun (nccl on GPUs, gloo on CPUs). Without torchrun, be the only one.

        Raises: UserError if a GPU is asked for and there is none for this rank.
        """
        place = _device(device)
        size = num_ranks()
        if place.type == "cuda":
            torch.cuda.set_device(place)
        if size == 1:
            return cls(device=place)
        timeout = datetime.timedelta(seconds=timeout_seconds)
        store = None
        if not dist.is_initialized():
            found, rank, _ = next(dist.rendezvous("env://", timeout=timeout))
            store = private_store(found, rank, size, timeout)
            on_gpu = place.type == "cuda"
            dist.init_process_group(
                "nccl" if on_gpu else "gloo",
                store=store,
                rank=rank,
                world_size=size,
                timeout=timeout,
                device_id=place if on_gpu else None,
            )
        control = dist.new_group(backend="gloo", timeout=timeout) if place.type == "cuda" else dist.group.WORLD
        return cls(dist.get_rank(), size, place, control, store, timeout_seconds)

    @classmethod
    def alone(cls, *, device: str = "auto") -> "World":
        """This process without the others, on the device that it would use.

        Raises: as `join`.
        """
        return cls(device=_device(device))

    def leave(self) -> None:
        """Destroy the process groups."""
        if dist.is_initialized():
            dist.destroy_process_group()

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def sum_(self, tensor: Tensor) -> Tensor:
        """Sum a tensor over all ranks, in place and on its device. On a GPU, the host does not wait."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def begin_sum(self, tensor: Tensor) -> Any:
        """Begin to sum a tensor over all ranks, in place. Call `wait` on the result before using the tensor."""
        return dist.all_reduce(tensor, async_op=True) if self.size > 1 else None

    def gather_rows(self, values: Sequence[float]) -> list[list[float]]:
        """The numbers of all ranks, in the order of ranks."""
        if self.size == 1:
            return [list(values)]
        rows = [torch.zeros(len(values), dtype=torch.float64) for _ in range(self.size)]
        dist.all_gather(rows, torch.tensor(values, dtype=torch.float64), group=self.control)
        return [row.tolist() for row in rows]

    def share(self, value: Result | None) -> Result:
        """The value of rank 0, on every rank."""
        if self.size == 1:
            return value  # type: ignore[return-value]
        box = [value]
        dist.broadcast_object_list(box, src=0, group=self.control)
        return box[0]  # type: ignore[return-value]

    def gather(self, value: Result) -> list[Result]:
        """The values of all ranks in the order of ranks, on every rank."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value, group=self.control)
        return values

    def share_table(self, read: Callable[[], Mapping[str, Tensor]]) -> Mapping[str, Tensor]:
        """Let rank 0 read, and send the tensors to the CPUs of all ranks, because nodes need not see the same disk.

        Raises: the UserErrors of `read`, on every rank.
        """
        if self.size == 1:
            return read()
        table: dict[str, Tensor] = {}

        def describe() -> list[tuple[str, torch.Size, torch.dtype]]:
            table.update(read())
            return [(name, tensor.shape, tensor.dtype) for name, tensor in table.items()]

        for name, shape, dtype in self.first_does(describe):
            tensor = table[name].contiguous() if self.is_first else torch.empty(shape, dtype=dtype)
            dist.broadcast(tensor, src=0, group=self.control)
            table[name] = tensor
        return table

    def first_does(self, work: Callable[[], Result]) -> Result:
        """Let rank 0 do something and send the result to all ranks. A UserError or OSError is raised on every rank."""
        outcome: tuple[str, Any] | None = None
        if self.is_first:
            try:
                outcome = ("result", work())
            except UserError as error:
                outcome = ("user error", str(error))
            except OSError as error:
                outcome = ("os error", (error.errno, error.strerror, error.filename))
        kind, value = self.share(outcome)
        if kind == "user error":
            raise UserError(value)
        if kind == "os error":
            raise OSError(*value)
        return value

    def everybody_does(self, work: Callable[[], Result]) -> Result:
        """Let every rank do something. If some ranks fail, the UserError of the lowest is raised on every rank."""
        result: Result | None = None
        complaint: str | None = None
        try:
            result = work()
        except UserError as error:
            complaint = str(error)
        if complaint := next(filter(None, self.gather(complaint)), None):
            raise UserError(complaint)
        return result  # type: ignore[return-value]


def _device(name: str) -> torch.device:
    device, local_rank = resolve_device(name), int(os.environ.get("LOCAL_RANK", "0"))
    if str(device) != "cuda":
        return device
    if local_rank >= torch.cuda.device_count():
        raise UserError(
            f"torchrun started {local_rank + 1} or more processes here, but there are {torch.cuda.device_count()} "
            f"GPUs; use --nproc_per_node={torch.cuda.device_count()}"
        )
    return torch.device("cuda", local_rank)
