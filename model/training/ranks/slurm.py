"""Ranks that Slurm started: `srun` with a task for each card sets other variables than torchrun."""

import os
import re
from collections.abc import MutableMapping

_FIRST_PORT, _NUM_PORTS = 20_000, 20_000


def adopt(environment: MutableMapping[str, str] = os.environ) -> bool:
    """Set the variables that torchrun sets, from those of a step of `srun` with several tasks. Returns: whether it did.

    torchrun's own variables have precedence, also if srun started torchrun. A batch script that calls a command without
    srun has no step, so the command runs in a single process. MASTER_ADDR and MASTER_PORT can be set by the user.
    """
    if "RANK" in environment or "SLURM_PROCID" not in environment:
        return False
    num_tasks = int(environment.get("SLURM_STEP_NUM_TASKS", "1"))
    if num_tasks == 1:
        return False
    tasks = tasks_per_node(environment["SLURM_STEP_TASKS_PER_NODE"])
    step = int(environment["SLURM_JOB_ID"]) * 7 + int(environment["SLURM_STEP_ID"])
    cards = environment.get("CUDA_VISIBLE_DEVICES", "").split(",")
    found = {
        "RANK": environment["SLURM_PROCID"],
        "WORLD_SIZE": str(num_tasks),
        # With `--gpus-per-task`, a task sees only its own card.
        "LOCAL_RANK": "0" if len(cards) == 1 and cards[0] else environment["SLURM_LOCALID"],
        "LOCAL_WORLD_SIZE": str(tasks[int(environment["SLURM_NODEID"])]),
        "MASTER_ADDR": first_host(environment["SLURM_STEP_NODELIST"]),
        # Two steps that share a node need different ports.
        "MASTER_PORT": str(_FIRST_PORT + step % _NUM_PORTS),
    }
    for name, value in found.items():
        environment.setdefault(name, value)
    return True


def tasks_per_node(text: str) -> list[int]:
    """The number of tasks of each node.

    >>> tasks_per_node("4(x2),1")
    [4, 4, 1]
    """
    found: list[int] = []
    for part in text.split(","):
        count, _, times = part.partition("(x")
        found += [int(count)] * int(times.rstrip(")") or 1)
    return found


def first_host(nodes: str) -> str:
    """The first host of Slurm's list.

    >>> first_host("gpu[007-012,020],login1"), first_host("login1,gpu7"), first_host("r[1-2]n[3,5]")
    ('gpu007', 'login1', 'r1n3')
    """
    first = re.split(r",(?![^\[]*\])", nodes)[0]
    return re.sub(r"\[(\w+)[^\]]*\]", r"\1", first)
