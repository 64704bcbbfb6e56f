"""Batches between the stream and the device. A thread prepares them, and ids have 16 bits until they are on the device.

Shapes: B examples (or rows of packed examples) in the share of this rank, S inputs, T targets.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from model.architectures.t5 import Examples


class NumpyBatch(Protocol):
    """A batch of the stream. position: of the rank's first example in the run. inputs: (B, S). targets: (B, T)."""

    position: int
    inputs: np.ndarray
    targets: np.ndarray


@dataclass(frozen=True)
class Batch:
    """A rank's share of a global batch.

    On the host, 16-bit ids are int16 with the same bits.

    numbers: (B,) int64, the place of each row in the run's order of examples; it is the key of dropout.
    inputs_segments, targets_segments: only for packed rows (see `packing`).
    num_tokens: how many ids are not padding, in inputs and targets. inputs_are_full: no input is padding.
    """

    inputs: Tensor
    targets: Tensor
    numbers: Tensor
    inputs_segments: Tensor | None = None
    targets_segments: Tensor | None = None
    num_tokens: int = 0
    inputs_are_full: bool = False

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def examples(self) -> Examples:
        """The arguments of the model."""
        return Examples(self.inputs, self.targets, self.inputs_segments, self.targets_segments, self.inputs_are_full)

    def map(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """A copy in which `change` was applied to every tensor."""
        values: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        changed: dict[str, Any] = {name: change(value) for name, value in values.items() if isinstance(value, Tensor)}
        return replace(self, **changed)

    def part(self, start: int, stop: int) -> "Batch":
        """Some of the rows. `num_tokens` still counts the whole batch."""
        return self.map(lambda tensor: tensor[start:stop])

    def widened(self, inputs_length: int, targets_length: int) -> "Batch":
        """A copy in which all examples have these lengths, like the largest batch of a stream; the ids mean nothing."""

        def pad(ids: Tensor, length: int) -> Tensor:
            wide = functional.pad(ids, (0, max(0, length - ids.shape[1])))
            return wide.masked_fill(wide == 0, 1)

        return replace(
            self,
            inputs=pad(self.inputs, inputs_length),
            targets=pad(self.targets, targets_length),
            inputs_segments=None,
            targets_segments=None,
            inputs_are_full=False,
        )

    def to(self, device: torch.device) -> "Batch":
        """A copy on a device. From pinned memory, the transfer is asynchronous."""
        return self.map(lambda tensor: tensor.to(device, non_blocking=True))


def as_batch(ids: NumpyBatch, first_number: int) -> Batch:
    """Turn a batch of the stream into tensors on the host.

    first_number: the place of the first row in the run's order of examples.
    """
    num_inputs = int(np.count_nonzero(ids.inputs))
    return Batch(
        inputs=signed(ids.inputs),
        targets=signed(ids.targets),
        numbers=torch.arange(first_number, first_number + len(ids.inputs)),
        num_tokens=num_inputs + int(np.count_nonzero(ids.targets)),
        inputs_are_full=num_inputs == ids.inputs.size,
    )


def signed(ids: np.ndarray) -> Tensor:
    """Ids as a tensor of signed integers with the same bits, because torch supports few operations on unsigned ones.

    >>> signed(np.array([32099, 65535], dtype=np.uint16))
    tensor([32099,    -1], dtype=torch.int16)
    """
    width = {1: np.int16, 2: np.int16, 4: np.int32, 8: np.int64}[ids.dtype.itemsize]
    ids = ids.astype(np.int16) if ids.dtype.itemsize == 1 else ids
    return torch.from_numpy(np.ascontiguousarray(ids).view(width).copy())


class Loader:
    """Prepares a few batches ahead in a thread, and measures how many seconds training waited for them.

    For a GPU, tensors are put into pinned memory, so that copies to the device are asynchronous. An error in the thread
    is raised by `next`.
    """

    def __init__(
        self,
        batches: Iterator[NumpyBatch],
        prepare: Callable[[NumpyBatch], Batch],
        *,
        device: torch.device,
        ahead: int = 4,
    ) -> None:
        self.waited_seconds = 0.0
        self._queue: queue.Queue[Batch | BaseException] = queue.Queue(ahead)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._fill, args=(batches, prepare, device), name="loader", daemon=True)
        self._thread.start()

    def next(self) -> Batch:
        """The next batch, on the host.

        Raises: the exceptions of the stream, and EOFError if it ended.
        """
        began = time.perf_counter()
        item = self._queue.get()
        self.waited_seconds += time.perf_counter() - began
        if isinstance(item, BaseException):
            raise item
        return item

    def close(self) -> None:
        """Stop the thread."""
        self._stopping.set()
        while self._thread.is_alive():
            try:
                self._queue.get_nowait()
            except queue.Empty:
                self._thread.join(0.05)

    def _fill(
        self, batches: Iterator[NumpyBatch], prepare: Callable[[NumpyBatch], Batch], device: torch.device
    ) -> None:
        try:
            pin = device.type == "cuda"
            if pin:
                torch.cuda.set_device(device)  # otherwise pinning would open a context on GPU 0
            for ids in batches:
                batch = prepare(ids)
                self._queue.put(batch.map(lambda tensor: tensor.pin_memory()) if pin else batch)
                if self._stopping.is_set():
                    break
            else:
                self._queue.put(EOFError("the stream of examples ended"))
        except BaseException as error:
            self._queue.put(error)
        finally:
            close = getattr(batches, "close", None)
            if close is not None:
                close()
