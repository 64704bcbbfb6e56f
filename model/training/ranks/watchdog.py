"""Saying where a rank hangs, and that the contact to other ranks was lost."""

import contextlib
import faulthandler
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TextIO

import torch.distributed as dist

from c4pipe.errors import UserError
from c4pipe.shown import one_line

# Parts of the messages of gloo and of the key-value store. Their exceptions have no class of their own.
_SIGNS = (
    *("gloo", "NCCL", "Timed out waiting", "did not connect in time"),
    *("Connection closed", "Connection reset", "Broken pipe", "Failed to recv"),
)


class Watchdog:
    """While the `with` block runs: if a rank makes no progress for some time, print the stacks of its threads, once.

    The time is shorter than the time-out of communication, after which the run ends.
    """

    def __init__(self, rank: int, *, seconds: float, stream: TextIO | None = None) -> None:
        self._rank, self._seconds, self._stream = rank, seconds, stream
        self._ended = threading.Event()
        self._last = time.monotonic()
        self._thread: threading.Thread | None = None

    def beat(self) -> None:
        """Note progress."""
        self._last = time.monotonic()

    def beating(self, work: Callable[[int], None]) -> Callable[[int], None]:
        """The same function, which also notes progress."""

        def beat_and_work(count: int) -> None:
            self.beat()
            work(count)

        return beat_and_work

    def __enter__(self) -> "Watchdog":
        self.beat()
        self._ended.clear()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        warned_of = 0.0
        while not self._ended.wait(self._seconds / 8):
            last = self._last
            if time.monotonic() - last > self._seconds and warned_of != last:
                warned_of = last
                self._say()

    def _say(self) -> None:
        stream = self._stream or sys.stderr
        where = f"rank {self._rank} on {socket.gethostname()}"
        print(
            f"\nwarning: {where} has made no progress for {self._seconds:.0f} s; it is here:", file=stream, flush=True
        )
        faulthandler.dump_traceback(file=stream)


@contextlib.contextmanager
def contact_of(rank: int) -> Iterator[None]:
    """Turn the errors of communication with other ranks into one line that names this rank.

    Raises: UserError for them.
    """
    try:
        yield
    except (RuntimeError, TimeoutError) as error:
        if not (isinstance(error, dist.DistError) or any(sign in str(error) for sign in _SIGNS)):
            raise
        reason = one_line(str(error).partition("\n")[0])[:200]
        raise UserError(
            f"rank {rank} on {socket.gethostname()} lost contact with the other ranks ({reason}); one of them ended or "
            "hangs: see what it says, and continue with --resume"
        ) from error
