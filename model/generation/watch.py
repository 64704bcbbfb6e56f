"""Callbacks that observe a long computation over many examples, and can stop it."""

from collections.abc import Callable
from dataclasses import dataclass


def _says_nothing(number: int) -> None:
    del number


@dataclass(frozen=True)
class Watch:
    """Callbacks of a computation over many examples.

    begin: called with the number of examples. advance: called with the number of further finished examples.
    stopping: called often; if it returns True, the remaining results stay empty.
    """

    begin: Callable[[int], None] = _says_nothing
    advance: Callable[[int], None] = _says_nothing
    stopping: Callable[[], bool] = lambda: False


NOBODY = Watch()
