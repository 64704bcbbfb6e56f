"""How long to wait before retries: Common Crawl throttles with 403 and 503, and wants at most one retry per second."""

import email.utils
import random
import threading
import time
from dataclasses import dataclass, field

# Statuses by which Common Crawl's servers ask for fewer requests, and statuses of temporary failures.
PASSING_STATUSES = frozenset({403, 408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Backoff:
    """The waits between tries. They double from `first_seconds` up to `longest_seconds`, with jitter."""

    first_seconds: float = 1.0
    longest_seconds: float = 120.0
    chance: random.Random = field(default_factory=random.Random, compare=False)

    def wait_seconds(self, failures: int, retry_after: str | None = None) -> float:
        """Seconds to wait after `failures` consecutive failures; never less than the server's `Retry-After`."""
        ceiling = min(self.longest_seconds, self.first_seconds * 2 ** min(failures - 1, 32))
        jittered = ceiling * self.chance.uniform(0.5, 1.0)
        return max(jittered, retry_after_seconds(retry_after), self.first_seconds * 0.5)


def retry_after_seconds(value: str | None, now: float | None = None) -> float:
    """The seconds that a `Retry-After` header asks for, as a number or a date.

    >>> retry_after_seconds("7")
    7.0
    >>> retry_after_seconds("Thu, 01 Jan 1970 00:00:30 GMT", now=10.0)
    20.0
    >>> retry_after_seconds("soon")
    0.0
    """
    if not value:
        return 0.0
    try:
        return max(0.0, float(int(value)))
    except ValueError:
        pass
    try:
        moment = email.utils.parsedate_to_datetime(value).timestamp()
    except (TypeError, ValueError, IndexError):
        return 0.0
    return max(0.0, moment - (time.time() if now is None else now))


class RetryGate:
    """Allows one retry every `seconds`, over all connections of this process."""

    def __init__(self, seconds: float, stopping: threading.Event) -> None:
        self._seconds = seconds
        self._stopping = stopping
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self, seconds: float) -> None:
        """Wait for `seconds`, then until a retry is allowed. Returns early if the run is stopping."""
        if self._stopping.wait(seconds):
            return
        with self._lock:
            turn = max(time.monotonic(), self._next)
            self._next = turn + self._seconds
        self._stopping.wait(max(0.0, turn - time.monotonic()))
