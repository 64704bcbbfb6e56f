"""How many threads compute in a process that runs alone on CPUs."""

import os
import sys

import torch

from c4pipe.machine import num_cores

_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
_is_chosen = False


def choose_threads(device: torch.device) -> None:
    """Take fewer threads than cores where others keep the cores busy, and say so; once per process.

    The threads of a product wait for the slowest of them, so one that has to share its core holds up all others.
    torchrun, or the user, may have set the variables that OpenMP reads; then these decide.
    """
    global _is_chosen
    if _is_chosen or device.type != "cpu" or any(name in os.environ for name in _VARIABLES):
        return
    _is_chosen = True
    load = os.getloadavg()[0]
    threads = idle_cores(min(num_cores(), torch.get_num_threads()), load)
    if threads < torch.get_num_threads():
        torch.set_num_threads(threads)
        print(
            f"notice: computing with {threads} thread{'s' if threads > 1 else ''}, since this machine is busy (a load "
            f"of {load:.1f}); OMP_NUM_THREADS={num_cores()} takes all cores",
            file=sys.stderr,
        )


def idle_cores(cores: int, load: float) -> int:
    """Cores that are not busy, at least one.

    >>> [idle_cores(8, load) for load in (0.3, 2.6, 40.0)]
    [8, 5, 1]
    """
    return min(cores, max(1, cores - round(load)))
