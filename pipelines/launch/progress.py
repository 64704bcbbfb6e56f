"""How far a run is, read from the files that it has committed: a bar on a terminal, else a plain line now and then."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

import psutil

from c4pipe.progress import PLAIN_EVERY_SECONDS, ProgressLine

_LOOK_EVERY_SECONDS = 1.0
_LOOK_SHARE = 20


class Progress:
    """Shows `look()` while the block runs. As a context; `peak_memory_bytes` is known afterwards.

    look: -> (steps done, steps in all, words). A step is any unit of work of which there are many.
    """

    def __init__(
        self, title: str, look: Callable[[], tuple[int, int, str]], plain_every: float = PLAIN_EVERY_SECONDS
    ) -> None:
        self._title, self._look, self._plain_every = title, look, plain_every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak_memory_bytes = 0

    def __enter__(self) -> "Progress":
        # Standard error may be exchanged while workers run; what is shown goes where it went at the start.
        target = os.fdopen(os.dup(sys.__stderr__.fileno()), "w", buffering=1) if sys.__stderr__ else sys.stderr
        self._line: ProgressLine | None = None
        self._target = target
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
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
            except OSError:  # a folder that is being made or cleared
                continue
            # A folder of a whole crawl takes a while to list.
            pause = max(_LOOK_EVERY_SECONDS, _LOOK_SHARE * (time.monotonic() - looked))
            if self._line is None:  # what an earlier start did is known now, and does not count for the time left
                self._line = ProgressLine(self._title, total, done=done, every=self._plain_every, target=self._target)
            self._line.show(done, f"{words}, {memory / 2**20:,.0f} MiB", total=total)


def memory_of_processes() -> int:
    """Resident bytes of this process and all below it."""
    own = psutil.Process()
    total = 0
    for process in (own, *own.children(recursive=True)):
        with contextlib.suppress(psutil.Error):  # one that has ended since
            total += process.memory_info().rss
    return total
