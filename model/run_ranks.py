"""Start a command in several processes: `python -m model.run_ranks --nproc_per_node=N -m model.pretrain ...`.

All flags before the second `-m` are torchrun's. The command differs from torchrun in how it ends. After a user's
mistake it prints only one line, with status 2. After a stop it prints only one line, with status 0. torchrun itself
would add its log and a traceback, and exit with status 1.
"""

import logging
import os
import signal
import sys
from collections.abc import Sequence

from c4pipe.command_line import EXIT_USER_ERROR


def main(argv: Sequence[str] | None = None) -> int:
    """Run torchrun. Returns: the exit status."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] in (["--help"], ["-h"]):
        print(f"{__doc__}\ntorchrun's own help:\n")
    os.environ.setdefault("LOGLEVEL", "CRITICAL")  # torchrun's loggers read this when they are created
    # On many machines the sockets of torch's store warn, such as of an address without a name.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    from torch.distributed import run as torchrun
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    # Rank 0 reports the errors of all ranks.
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("torch.distributed"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        torchrun.main(given)
    except SignalException as stopped:
        # The ranks got the signal too, and have saved a checkpoint.
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
