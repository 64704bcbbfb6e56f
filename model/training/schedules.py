"""Learning rate schedules: pure functions of the step, so that a resumed run needs no state for them.

`peak` is the highest rate of a schedule, and `step` counts updates from 1.
"""

import math
from collections.abc import Callable

from c4pipe.choices import choose

Schedule = Callable[[int, float, int, int], float]
"""(step, peak, warmup_steps, total_steps) -> learning rate."""


def inverse_square_root(step: int, peak: float, warmup_steps: int, total_steps: int) -> float:
    """T5's schedule (section 3.1.2): constant for `warmup_steps`, then proportional to 1 / sqrt(step).

    With T5's values, a peak of 0.01 and 10,000 warm-up steps, this is 1 / sqrt(max(step, 10^4)).

    >>> inverse_square_root(40_000, 0.01, 10_000, 524_288)
    0.005
    """
    flat = max(warmup_steps, 1)
    return peak * math.sqrt(flat / max(step, flat))


def constant(step: int, peak: float, warmup_steps: int, total_steps: int) -> float:
    """A linear warm-up of `warmup_steps` (may be 0), then the peak. T5's fine-tuning uses this without warm-up."""
    return peak * _warmup(step, warmup_steps)


def cosine(step: int, peak: float, warmup_steps: int, total_steps: int) -> float:
    """A linear warm-up, then half a cosine down to a thousandth of the peak at the last step (nanoT5's recipe)."""
    floor = peak / 1000
    progress = _progress(step, warmup_steps, total_steps)
    return _warmup(step, warmup_steps) * (floor + (peak - floor) * 0.5 * (1 + math.cos(math.pi * progress)))


def linear(step: int, peak: float, warmup_steps: int, total_steps: int) -> float:
    """A linear warm-up, then a straight line that reaches 0 one step after the last.

    >>> [linear(step, 1.0, 2, 5) for step in range(1, 6)]
    [0.5, 1.0, 0.75, 0.5, 0.25]
    """
    falling = max(total_steps - warmup_steps, 0) + 1
    return peak * _warmup(step, warmup_steps) * (1 - max(step - warmup_steps, 0) / falling)


def _warmup(step: int, warmup_steps: int) -> float:
    return min(1.0, step / warmup_steps) if warmup_steps else 1.0


def _progress(step: int, warmup_steps: int, total_steps: int) -> float:
    return min(1.0, max(0, step - warmup_steps) / max(1, total_steps - warmup_steps))


SCHEDULES: dict[str, Schedule] = {
    "inverse_square_root": inverse_square_root,
    "constant": constant,
    "cosine": cosine,
    "linear": linear,
}
SHRINKS_TO_THE_END = frozenset({"cosine", "linear"})
"""Schedules that depend on the number of steps: a run with such a schedule cannot be extended."""


def schedule_by_name(name: str) -> Schedule:
    """Raises: UserError for a schedule that does not exist."""
    return choose("schedule", name, SCHEDULES)
