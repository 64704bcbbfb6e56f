"""The progress of a run, from the files that it has committed: a bar on a terminal, otherwise a line now and then."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable

import psutil

from c4pipe.progress import PLAIN_EVERY_SECONDS, ProgressLine

_LOOK_EVERY_SECONDS = 1.0
_LOOK_SHARE = 20


class Progress:
    """A context that shows the progress while its block runs, and measures `peak_memory_bytes`.

    look: () -> (steps done, total steps, words). A step is any unit of work.
    """

    def __init__(
        self, title: str, look: Callable[[], tuple[int, int, str]], plain_every: float = PLAIN_EVERY_SECONDS
    ) -> None:
        self._title, self._look, self._plain_every = title, look, plain_every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak_memory_bytes = 0

    def __enter__(self) -> "Progress":
        # Standard error may be redirected while workers run. The progress is shown where it pointed at the start.
        target = os.fdopen(os.dup(sys.__stderr__.fileno()), "w", buffering=1) if sys.__stderr__ else sys.stderr
        self._line: ProgressLine | None = None
        self._target = target
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.peak_memory_bytes = max(self.peak_memory_bytes, memory_of_processes())
        if self._line is not None:
            self._line.close()

    def _watch(self) -> None:
        pause = _LOOK_EVERY_SECONDS
        while not self._stop.wait(pause):
            memory = memory_of_processes()
            self.peak_memory_bytes = max(self.peak_memory_bytes, memory)
            if self._line is not None and not self._line.is_due:
                continue
            looked = time.monotonic()
            try:
                done, total, words = self._look()
            except OSError:  # a folder is being created or cleared
                continue
            # Listing the folder of a whole crawl takes a while, so then it is listed less often.
            pause = max(_LOOK_EVERY_SECONDS, _LOOK_SHARE * (time.monotonic() - looked))
            if self._line is None:  # only now it is known what an earlier start did, which does not count for the rate
                self._line = ProgressLine(self._title, total, done=done, every=self._plain_every, target=self._target)
            self._line.show(done, f"{words}, {memory / 2**20:,.0f} MiB", total=total)


def memory_of_processes(root: int | None = None) -> int:
    """Resident bytes of a process and all its descendants. root: its id; None: this process."""
    first = psutil.Process(root)
    total = 0
    for process in (first, *first.children(recursive=True)):
        with contextlib.suppress(psutil.Error):  # the process may have ended
            total += process.memory_info().rss
    return total
