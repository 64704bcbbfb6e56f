"""Which process of a run prints, and of how many, from the environment that torchrun sets."""

import os
import warnings


def rank_here() -> int:
    """The rank of this process; 0 if it is the only one."""
    return int(os.environ.get("RANK", "0"))


def is_first() -> bool:
    """Whether this process is rank 0 (or the only one): the one that prints."""
    return rank_here() == 0


def num_ranks() -> int:
    """How many processes were started together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def say(text: str) -> None:
    """Print on standard output, from rank 0 only."""
    if is_first():
        print(text, flush=True)


def silence_others() -> None:
    """Suppress warnings except on rank 0, because the other ranks would repeat them."""
    if not is_first():
        warnings.simplefilter("ignore")


def was_restarted() -> bool:
    """Whether torchrun restarted these workers after a failure (`--max-restarts`)."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
