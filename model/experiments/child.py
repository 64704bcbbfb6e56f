"""Runs a command of a search, and ends with the search: `python -m model.experiments.child MODULE FLAGS`.

If the search is killed, its commands are killed too. Otherwise they would go on and keep their folders locked, and the
next start of the search could not continue them. Every command can be continued after a kill.
"""

import os
import runpy
import signal
import sys
import threading
import time

_EVERY_SECONDS = 0.2


def main() -> None:
    """Run the module that the arguments name as `python -m` would."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_EVERY_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
