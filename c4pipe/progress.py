"""How far something is: a moving bar on a terminal, elsewhere a plain line now and then; and how long things take."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, TextIO, TypeVar

Item = TypeVar("Item")
PLAIN_EVERY_SECONDS = 15.0
_BAR = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left{postfix}"


class ProgressLine:
    """Says how many of a total of steps are done. A step is any unit of work of which there are many.

    total: may change later. unit: what a step is, in the plural; without it only the share is told. done: what was done
    before this start. shows: whether anything is said at all. stays: whether a bar is left on the terminal. every: the
    least seconds between two plain lines. target: where it is written; standard error where nothing is said.
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
        """Whether something would be said now, for who has to look first how far things are."""
        return self._shows and (self._bar is not None or time.monotonic() - self._said >= self._every)

    def show(self, done: int, words: str = "", *, total: int | None = None, now: bool = False) -> None:
        """Say how far it is. now: also where it is not time yet for a plain line."""
        self._total = max(self._total if total is None else total, 1)
        self._done = min(done, self._total)
        if self._bar is not None:
            self._bar.total = self._total
            if words:
                self._bar.set_postfix_str(words, refresh=False)
            if self._done < self._bar.n:  # below where it began, the bar would tell a time left below zero
                self._bar.n, self._bar.initial = self._done, min(self._done, self._bar.initial)
            self._bar.update(self._done - self._bar.n)
            if now:
                self._bar.refresh()
        elif now or self.is_due:
            self._said = time.monotonic()
            self.say(f"{self._title}: {self._words(words)}")

    def advance(self, steps: int) -> None:
        """So many steps more are done."""
        self.show(self._done + steps)

    def say(self, text: str) -> None:
        """One line of its own."""
        if not self._shows:
            return
        if self._bar is not None:
            self._bar.write(text, file=self._target)
        else:
            print(text, file=self._target, flush=True)

    def close(self) -> None:
        """Leave the bar as it is."""
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
        told = f"{self._done:,} of {self._total:,} {self._unit} ({share})" if self._unit else share
        parts = [told, duration(elapsed)]
        if new > 0 and self._done < self._total:
            parts.append(f"{duration(elapsed / new * (self._total - self._done))} left")
        return ", ".join([*parts, words] if words else parts)


def followed(items: Iterable[Item], title: str, total: int, *, unit: str) -> Iterator[Item]:
    """The items one by one, while it is said how many of them are done."""
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
