"""Scores with bootstrap confidence intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

NUM_RESAMPLES = 1000
CONFIDENCE = 0.95

Interval = tuple[float, float]


@dataclass(frozen=True)
class Score:
    """A score in percent.

    interval: a function of the seed that resamples and returns (low, high) at `CONFIDENCE`. note: how the score was
    computed, if the figure means little without it (sacrebleu's signature).
    """

    value: float
    interval: Callable[[int], Interval]
    note: str = ""

    def __float__(self) -> float:
        return self.value


def of_mean(values: Sequence[float] | Sequence[bool], note: str = "") -> Score:
    """The mean of n values between 0 and 1, in percent."""
    array = np.asarray(values, dtype=np.float64)

    def interval(seed: int) -> Interval:
        # All resamples at once: the numbers of draws per value have a multinomial distribution.
        draws = np.random.default_rng(seed).multinomial(len(array), np.full(len(array), 1 / len(array)), NUM_RESAMPLES)
        return percentiles(100 * (draws @ array) / len(array))

    return Score(100 * float(array.mean()), interval, note)


def of_function(compute: Callable[[np.ndarray], float], num_units: int) -> Score:
    """A score that is not a mean. compute: indices of units (examples or groups of examples, may repeat) -> score."""

    def interval(seed: int) -> Interval:
        rng = np.random.default_rng(seed)
        found = [compute(rng.integers(num_units, size=num_units)) for _ in range(NUM_RESAMPLES)]
        return percentiles(np.array(found))

    return Score(compute(np.arange(num_units)), interval)


def percentiles(values: np.ndarray) -> Interval:
    """The middle `CONFIDENCE` of resampled scores.

    >>> percentiles(np.arange(1001.0))
    (25.0, 975.0)
    """
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(values, [tail, 100 - tail])
    return round(float(low), 6), round(float(high), 6)
