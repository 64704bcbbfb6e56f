"""Start a command in several processes: `python -m model.run_ranks --nproc_per_node=N -m model.pretrain ...`.

All flags before the second `-m` are torchrun's. What differs is the end: a mistake of the user is the command's one
line and status 2, and a stop is the command's line and status 0. torchrun adds its own log and a traceback.
"""

import logging
import os
import signal
import sys
from collections.abc import Sequence

from c4pipe.command_line import EXIT_USER_ERROR


def main(argv: Sequence[str] | None = None) -> int:
    """Run torchrun; the exit status."""
    os.environ.setdefault("LOGLEVEL", "CRITICAL")  # read by torchrun's loggers when they are made
    from torch.distributed import run as torchrun
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    # What goes wrong in a rank is told by rank 0, in words.
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("torch.distributed"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        torchrun.main(list(sys.argv[1:] if argv is None else argv))
    except SignalException as stopped:
        # The ranks were told too, and have saved a checkpoint.
        return 0 if stopped.sigval in (signal.SIGTERM, signal.SIGINT) else 1
    except ChildFailedError as error:
        statuses = {failure.exitcode for failure in error.failures.values()}
        if EXIT_USER_ERROR in statuses:
            return EXIT_USER_ERROR
        rank, failure = error.get_first_failure()
        print(f"error: rank {rank} ended with status {failure.exitcode}; see what it says above", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
