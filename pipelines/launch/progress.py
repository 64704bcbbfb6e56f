"""How far a run is, read from the files that it has committed: a bar on a terminal, else a plain line now and then."""

import os
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

from tqdm import tqdm

_LOOK_EVERY_SECONDS = 1.0
_PLAIN_EVERY_SECONDS = 15.0
_LOOK_SHARE = 20


class Progress:
    """Shows `look()` while the block runs. As a context; `peak_memory_bytes` is known afterwards.

    look: -> (steps done, steps in all, words). A step is any unit of work of which there are many.
    """

    def __init__(self, title: str, look: Callable[[], tuple[int, int, str]], plain_every: float = _PLAIN_EVERY_SECONDS):
        self._title, self._look, self._plain_every = title, look, plain_every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak_memory_bytes = 0

    def __enter__(self) -> "Progress":
        self._started = time.monotonic()
        # Standard error may be exchanged while workers run; what is shown goes where it went at the start.
        self._target = os.fdopen(os.dup(sys.__stderr__.fileno()), "w", buffering=1) if sys.__stderr__ else sys.stderr
        self._is_terminal = self._target.isatty()
        self._bar = tqdm(
            desc=self._title,
            file=self._target,
            disable=not self._is_terminal,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left{postfix}",
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._bar.close()

    def _watch(self) -> None:
        spoke = self._started
        first_done: int | None = None
        pause = _LOOK_EVERY_SECONDS
        while not self._stop.wait(pause):
            memory = memory_of_processes()
            self.peak_memory_bytes = max(self.peak_memory_bytes, memory)
            if not self._is_terminal and time.monotonic() - spoke < self._plain_every:
                continue
            looked = time.monotonic()
            try:
                done, total, words = self._look()
            except OSError:  # a folder that is being made or cleared
                continue
            # A folder of a whole crawl takes a while to list.
            pause = max(_LOOK_EVERY_SECONDS, _LOOK_SHARE * (time.monotonic() - looked))
            first_done = done if first_done is None else first_done
            words = f"{words}, {memory / 2**20:,.0f} MiB"
            if self._is_terminal:
                self._bar.total = max(total, 1)
                self._bar.n = min(done, self._bar.total)
                self._bar.set_postfix_str(words)
            else:
                spoke = time.monotonic()
                elapsed = spoke - self._started
                left = (total - done) * elapsed / (done - first_done) if done > first_done else None
                time_left = f", {_minutes(left)} left" if left is not None else ""
                share = done / max(total, 1)
                print(f"{self._title}: {share:.0%}, {_minutes(elapsed)}{time_left}, {words}", file=self._target)


def _minutes(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def memory_of_processes() -> int:
    """Resident bytes of this process and all below it; 0 where /proc does not tell."""
    children: dict[int, list[int]] = {}
    resident: dict[int, int] = {}
    page_bytes = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
    try:
        entries = [entry for entry in os.listdir("/proc") if entry.isdigit()]
    except OSError:
        return 0
    for entry in entries:
        try:
            with open(f"/proc/{entry}/stat", "rb") as source:
                fields = source.read().rpartition(b")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(entry))
        resident[int(entry)] = int(fields[21]) * page_bytes
    total, pending = 0, [os.getpid()]
    while pending:
        process = pending.pop()
        total += resident.get(process, 0)
        pending.extend(children.get(process, ()))
    return total
