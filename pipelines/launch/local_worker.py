"""A worker process of a local run: Beam's worker, which also ends when the process that started it ends in any way.

    python -m pipelines.launch.local_worker

Beam's own worker waits forever if its launcher was killed. Only `beam_options.run` starts this module.
"""

import os
import sys
import threading
import time

from apache_beam.runners.worker import sdk_worker_main

_LOOK_EVERY_SECONDS = 0.5


def main() -> None:
    """Work until there is no more work, or the launcher has ended."""
    threading.Thread(target=_end_when_launcher_ends, args=(os.getppid(),), daemon=True).start()
    sdk_worker_main.main(sys.argv)


def _end_when_launcher_ends(launcher: int) -> None:
    while os.getppid() == launcher:
        time.sleep(_LOOK_EVERY_SECONDS)
    # A hard exit is safe: it leaves only temporary files, as any killed run does.
    os._exit(1)


if __name__ == "__main__":
    main()
