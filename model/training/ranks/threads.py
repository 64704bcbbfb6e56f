"""Choosing the number of threads of a process that computes on the CPU without torchrun."""

import os
import sys

import torch

from c4pipe.machine import num_cores

_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
_is_chosen = False


def choose_threads(device: torch.device) -> None:
    """Use fewer threads than cores if other processes keep cores busy, and say so; once per process.

    The threads of a matrix product wait for the slowest of them, so a thread that shares its core delays all others.
    If torchrun or the user has set the variables that OpenMP reads, these decide.
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
            f"notice: computing with {threads} thread{'s' if threads > 1 else ''}, because this machine is busy (load "
            f"{load:.1f}); set OMP_NUM_THREADS={num_cores()} to use all cores",
            file=sys.stderr,
        )


def idle_cores(cores: int, load: float) -> int:
    """The number of cores that are not busy, at least 1.

    >>> [idle_cores(8, load) for load in (0.3, 2.6, 40.0)]
    [8, 5, 1]
    """
    return min(cores, max(1, cores - round(load)))
