"""Who looks on while many examples are computed."""

from collections.abc import Callable
from dataclasses import dataclass


def _says_nothing(number: int) -> None:
    del number


@dataclass(frozen=True)
class Watch:
    """begin: told how many examples there are. advance: told how many more are done. stopping: whether to give up.

    `stopping` is asked often; what was not computed when it says so is left empty.
    """

    begin: Callable[[int], None] = _says_nothing
    advance: Callable[[int], None] = _says_nothing
    stopping: Callable[[], bool] = lambda: False


NOBODY = Watch()
