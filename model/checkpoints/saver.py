"""Saving checkpoints while training continues: tensors are copied at once, and a thread writes the copies to disk."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import torch
from torch import Tensor

from model.architectures.parts import Part, part_of
from model.checkpoints import step_folder
from model.checkpoints.run_folder import RunFolder
from model.checkpoints.step_folder import ALONE, State, Writers


class CheckpointSaver:
    """Writes one checkpoint at a time and removes old ones.

    A failed write (such as on a full disk) does not stop training. The error stays in `failure` until a write succeeds,
    and older checkpoints stay as they are.

    keep: how many of the newest checkpoints stay, besides the one with the best `metric`. writers: the processes that
    write together; each of them has a saver.
    """

    def __init__(
        self, folder: RunFolder, *, keep: int, metric: str, higher_is_better: bool, writers: Writers = ALONE
    ) -> None:
        self.failure: OSError | None = None
        self.last_saved: int | None = None
        self._folder = folder
        self._keep = keep
        self._metric = metric
        self._higher_is_better = higher_is_better
        self._writers = writers
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._pending: list[Future[None]] = []
        self._unreported: OSError | None = None

    def take_failure(self) -> OSError | None:
        """The last failure, if it was not returned before."""
        failure, self._unreported = self._unreported, None
        return failure

    def save(self, state: State, weights: Mapping[str, Tensor], optimizer: Mapping[str, Tensor]) -> float:
        """Copy the tensors and write them in the background. A write that is still running is waited for first.

        Returns: the seconds for which training had to wait.
        """
        began = time.perf_counter()
        self.wait()
        copies = _to_host({"model": weights, "optimizer": optimizer}, is_first=self._writers.index == 0)
        self._begin(lambda: self._write(state, copies["model"], copies["optimizer"]))
        return time.perf_counter() - began

    def annotate(self, step: int, metrics: Mapping[str, float]) -> None:
        """Add the metrics of a step's evaluation to its checkpoint, in the background, after that is written."""
        self._begin(lambda: self._annotate(step, metrics))

    def wait(self) -> None:
        """Wait until nothing is being written."""
        for task in self._pending:
            task.result()
        self._pending.clear()

    def _begin(self, work: Callable[[], None]) -> None:
        self._pending.append(self._writer.submit(self._guarded, work))

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as error:
            self.failure = self._unreported = error

    def _write(self, state: State, weights: dict[str, Part], optimizer: dict[str, Part]) -> None:
        step_folder.write(self._folder.checkpoints, state, weights, optimizer, self._writers)
        self.failure = None
        self.last_saved = state.step
        if self._writers.index == 0:
            self._prune()

    def _annotate(self, step: int, metrics: Mapping[str, float]) -> None:
        folder = self._folder.of_step(step)
        if folder.exists():
            step_folder.write_state(folder, replace(step_folder.read_state(folder), metrics=dict(metrics)))
            self._prune()

    def _prune(self) -> None:
        self._folder.prune(self._keep, self._metric, higher_is_better=self._higher_is_better)


def _to_host(tables: Mapping[str, Mapping[str, Tensor]], *, is_first: bool) -> dict[str, dict[str, Part]]:
    """Copy the rows that this process has to host memory, with a single synchronisation for all of them.

    is_first: also copy what every process has.
    """
    copies: dict[str, dict[str, Part]] = {table: {} for table in tables}
    on_gpu = False
    for table, tensors in tables.items():
        for name, tensor in tensors.items():
            part = part_of(tensor)
            source = part.rows
            if not (is_first or part.num_parts > 1) or (part.num_parts > 1 and not len(source)):
                continue
            if source.device.type == "cuda":
                on_gpu = True
                target = torch.empty(source.shape, dtype=source.dtype, pin_memory=True)
                copies[table][name] = part._replace(rows=target.copy_(source, non_blocking=True))
            else:
                copies[table][name] = part._replace(rows=source.clone())
    if on_gpu:
        torch.cuda.synchronize()
    return copies
