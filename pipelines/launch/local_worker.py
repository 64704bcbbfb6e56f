"""A worker process of a local run: Beam's, but it ends when the process that started it does, however that ended.

    python -m pipelines.launch.local_worker

Beam's own worker waits for ever for a launcher that was killed. Started by `beam_options.run` only.
"""

import os
import sys
import threading
import time

from apache_beam.runners.worker import sdk_worker_main

_LOOK_EVERY_SECONDS = 0.5


def main() -> None:
    """Work until there is no more, or nobody who wants it."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    sdk_worker_main.main(sys.argv)


def _end_with(launcher: int) -> None:
    while os.getppid() == launcher:
        time.sleep(_LOOK_EVERY_SECONDS)
    # Nothing is lost by a hard end: files that have no name yet are what any killed run leaves.
    os._exit(1)


if __name__ == "__main__":
    main()
