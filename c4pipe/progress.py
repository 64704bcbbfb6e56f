"""Progress of long work: a moving bar on a terminal, elsewhere a plain line now and then. Durations in words."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, TextIO, TypeVar

Item = TypeVar("Item")
PLAIN_EVERY_SECONDS = 15.0
_BAR = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left{postfix}"


class ProgressLine:
    """Shows how many steps of a total are done. A step is any unit of work, such as a file or a page.

    total: the number of steps, which may change later. unit: the name of a step in the plural; without it only the
    share is shown. done: steps that were done before this start. shows: whether anything is shown at all. stays:
    whether the bar remains on the terminal at the end. every: the least number of seconds between two plain lines.
    target: the stream to write to; standard error if not given.
    """

    def __init__(
        self,
        title: str,
        total: int,
        *,
        unit: str = "",
        done: int = 0,
        shows: bool = True,
        stays: bool = True,
        every: float = PLAIN_EVERY_SECONDS,
        target: TextIO | None = None,
    ) -> None:
        self._title, self._total, self._first, self._done = title, total, done, done
        self._unit, self._shows, self._every = unit, shows, every
        self._target = target or sys.stderr
        self._began = self._said = time.monotonic()
        self._bar: Any = None
        if shows and self._target.isatty():
            from tqdm import tqdm

            self._bar = tqdm(
                total=total,
                initial=done,
                desc=title,
                file=self._target,
                bar_format=_BAR,
                leave=stays,
                dynamic_ncols=True,
            )

    @property
    def is_due(self) -> bool:
        """Whether `show` would show anything now, for callers to whom it is costly to find out the progress."""
        return self._shows and (self._bar is not None or time.monotonic() - self._said >= self._every)

    def show(self, done: int, words: str = "", *, total: int | None = None, now: bool = False) -> None:
        """Show the progress. now: show it even if it is not yet time for the next plain line."""
        self._total = max(self._total if total is None else total, 1)
        self._done = min(done, self._total)
        if self._bar is not None:
            self._bar.total = self._total
            if words:
                self._bar.set_postfix_str(words, refresh=False)
            if self._done < self._bar.n:  # below its initial value, the bar would show a negative time left
                self._bar.n, self._bar.initial = self._done, min(self._done, self._bar.initial)
            self._bar.update(self._done - self._bar.n)
            if now:
                self._bar.refresh()
        elif now or self.is_due:
            self._said = time.monotonic()
            self.say(f"{self._title}: {self._words(words)}")

    def advance(self, steps: int) -> None:
        """Count this many more steps as done."""
        self.show(self._done + steps)

    def say(self, text: str) -> None:
        """Print a separate line."""
        if not self._shows:
            return
        if self._bar is not None:
            self._bar.write(text, file=self._target)
        else:
            print(text, file=self._target, flush=True)

    def close(self) -> None:
        """Finish the bar in its present state."""
        if self._bar is not None:
            self._bar.close()

    def __enter__(self) -> "ProgressLine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _words(self, words: str) -> str:
        elapsed = time.monotonic() - self._began
        new = self._done - self._first
        share = f"{self._done / self._total:.0%}"
        amount = f"{self._done:,} of {self._total:,} {self._unit} ({share})" if self._unit else share
        parts = [amount, duration(elapsed)]
        if new > 0 and self._done < self._total:
            parts.append(f"{duration(elapsed / new * (self._total - self._done))} left")
        return ", ".join([*parts, words] if words else parts)


def followed(items: Iterable[Item], title: str, total: int, *, unit: str) -> Iterator[Item]:
    """Yield the items, and show how many of them are done."""
    with ProgressLine(title, total, unit=unit) as progress:
        for item in items:
            yield item
            progress.advance(1)


def duration(seconds: float) -> str:
    """
    >>> [duration(s) for s in (42, 150, 8000, 400_000)]
    ['42 s', '2 min 30 s', '2 h 13 min', '4 d 15 h']
    """
    whole = round(max(seconds, 0))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"
