"""How all ranks learn that one of them was asked to stop."""

import time
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from model.training.ranks.signals import StopRequest
from model.training.ranks.world import World

_KEY = "stop"
_LOOK_EVERY_SECONDS = 0.5


class StopVote:
    """Whether any rank was asked to stop. All ranks learn it at the same step, and none has to wait.

    Each step starts a small all-reduce (maximum) and reads the result of the step before, which is done by then because
    the ranks run in lockstep. So a request on one rank stops all ranks at most two steps later.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._pending: tuple[Any, Tensor] | None = None

    def any_asked(self, asked_here: bool) -> bool:
        """Whether any rank was asked to stop. Call this once per step on every rank."""
        if self._world.size == 1:
            return asked_here
        answer = self._take()
        flag = torch.tensor([int(asked_here)], dtype=torch.int32)
        work = dist.all_reduce(flag, op=dist.ReduceOp.MAX, group=self._world.control, async_op=True)
        self._pending = (work, flag)
        return answer

    def finish(self) -> bool:
        """The last answer; call once after the last step."""
        return self._take()

    def _take(self) -> bool:
        if self._pending is None:
            return False
        work, flag = self._pending
        work.wait()
        self._pending = None
        return bool(flag.item())


class StopFlag:
    """Whether any rank was asked to stop, for ranks that do not run in lockstep. They learn it within a second.

    In an evaluation the ranks take different times, so they cannot use `StopVote`. The rank that was asked sets a key
    in the shared store, and the others check it now and then.
    """

    def __init__(self, world: World, request: StopRequest) -> None:
        self._world, self._request = world, request
        self._is_set = False
        self._looked = 0.0

    def is_set(self) -> bool:
        """Whether this rank knows of a request. This is cheap, so it may be called at each token."""
        store = self._world.store
        if self._is_set:
            return True
        if self._request:
            self._is_set = True
            if store is not None:
                store.set(_KEY, "1")
        elif store is not None and time.monotonic() - self._looked > _LOOK_EVERY_SECONDS:
            self._looked = time.monotonic()
            self._is_set = store.check([_KEY])
        return self._is_set

    def is_known_to_any(self) -> bool:
        """Whether any rank knows of a request; the same answer on all ranks. All ranks must call it together."""
        return any(known for (known,) in self._world.gather_rows([float(self.is_set())]))
