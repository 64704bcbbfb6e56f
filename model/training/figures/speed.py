"""Measuring how fast a run is, and what it waits for."""

import resource
import sys
import time
from collections import deque
from typing import Any

import torch

from model.training.ranks.world import World


class SpeedMeter:
    """Counts tokens and seconds between two lines of `metrics.jsonl`. Pauses (evaluations, checkpoints) do not count.

    peak_flops: of one device; None if it is not known.
    """

    def __init__(self, world: World, *, peak_flops: float | None) -> None:
        self._world = world
        self._peak_flops = peak_flops
        self._restart()

    def _restart(self) -> None:
        self._began = time.perf_counter()
        self._paused = 0.0
        self._examples = 0
        self._tokens = 0
        self._flops = 0.0
        self._own_seconds = 0.0
        self._waited_seconds = 0.0
        self._checkpoint_seconds = 0.0

    def add_step(self, *, examples: int, tokens: int, flops: float, own_seconds: float, waited_seconds: float) -> None:
        """Add a step of this rank.

        flops: see `throughput`. own_seconds: until the gradients of this rank were ready to be shared.
        """
        self._examples += examples
        self._tokens += tokens
        self._flops += flops
        self._own_seconds += own_seconds
        self._waited_seconds += waited_seconds

    def pause(self, seconds: float, *, checkpoint: bool = False) -> None:
        """Add seconds that were not training."""
        self._paused += seconds
        if checkpoint:
            self._checkpoint_seconds += seconds

    def take(self) -> dict[str, Any]:
        """The figures since the last call, over all ranks. All ranks must call it together.

        Call it after waiting for the device; otherwise the seconds do not contain the work that is still queued.
        """
        seconds = max(time.perf_counter() - self._began - self._paused, 1e-9)
        mine = [self._examples, self._tokens, self._flops, self._own_seconds, self._waited_seconds]
        ranks = self._world.gather_rows([*mine, _memory_bytes(self._world)])
        examples, tokens, flops = (sum(rank[column] for rank in ranks) for column in range(3))
        own = [rank[3] for rank in ranks]
        figures: dict[str, Any] = {
            "examples_per_second": examples / seconds,
            "tokens_per_second": tokens / seconds,
            "mfu": None,
            "data_wait_seconds": max(rank[4] for rank in ranks),
            "checkpoint_wait_seconds": self._checkpoint_seconds,
            "seconds": seconds,
            "memory_bytes": int(max(rank[5] for rank in ranks)),
        }
        if self._peak_flops:
            figures["mfu"] = flops / seconds / (self._peak_flops * self._world.size)
        if self._world.size > 1:
            slowest = max(range(len(own)), key=own.__getitem__)
            figures["slowest_rank"] = slowest
            figures["slowest_rank_factor"] = own[slowest] / max(sorted(own)[(len(own) - 1) // 2], 1e-9)
        self._restart()
        return figures


def _memory_bytes(world: World) -> int:
    """The largest use of memory so far: of the GPU, or of the process if it computes on the CPU."""
    if world.device.type == "cuda":
        return torch.cuda.max_memory_allocated(world.device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


class StepsAheadLimit:
    """Keeps the host at most a few steps ahead of a GPU, so that a request to stop takes effect soon.

    The step that it waits for is usually done already, so the GPU's queue does not run empty.
    """

    def __init__(self, device: torch.device, steps_ahead: int = 3) -> None:
        self._on_gpu = device.type == "cuda"
        self._events: deque[torch.cuda.Event] = deque()
        self._steps_ahead = steps_ahead

    def step(self) -> None:
        """Call at the end of each step."""
        if not self._on_gpu:
            return
        event = torch.cuda.Event()
        event.record()
        self._events.append(event)
        if len(self._events) > self._steps_ahead:
            self._events.popleft().synchronize()
