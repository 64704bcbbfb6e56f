"""Which process of a run speaks, by what torchrun tells it."""

import os
import warnings


def is_first() -> bool:
    """Whether this process is rank 0 (or the only one): the one that prints."""
    return int(os.environ.get("RANK", "0")) == 0


def say(text: str) -> None:
    """Print on standard output, from rank 0 alone."""
    if is_first():
        print(text, flush=True)


def silence_others() -> None:
    """Leave the warnings to rank 0: the other ranks would repeat them."""
    if not is_first():
        warnings.simplefilter("ignore")


def was_restarted() -> bool:
    """Whether torchrun started these workers again after a failure (`--max-restarts`)."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
