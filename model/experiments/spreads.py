"""Means of scores over seeds with their intervals, and which differences between rows are significant."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from c4pipe.tasks import libraries

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of scores, and the half-width of the mean's 95% interval (Student's t)."""

    mean: float
    deviation: float
    half_width: float
    count: int

    def __str__(self) -> str:
        return f"{self.mean:.2f} ± {self.half_width:.2f}" if self.count > 1 else f"{self.mean:.2f}"


def spread(values: Sequence[float]) -> Spread:
    """
    >>> print(spread([80.0, 82.0, 84.0]))
    82.00 ± 4.97
    """
    count = len(values)
    if count < 2:
        return Spread(values[0], 0.0, 0.0, count)
    deviation = statistics.stdev(values)
    quantile = float(libraries.scipy_stats().t.ppf(0.5 + CONFIDENCE / 2, count - 1))
    return Spread(statistics.fmean(values), deviation, quantile * deviation / count**0.5, count)


def paired(ours: Mapping[int, float], others: Mapping[int, float]) -> Spread | None:
    """How much higher our scores are than others with the same seed; None if no seed has both. Both: seed -> score."""
    differences = [score - others[seed] for seed, score in ours.items() if seed in others]
    return spread(differences) if differences else None


@dataclass(frozen=True)
class Verdict:
    """The rows of a column, judged as in the paper (section 3.1.4, Table 1).

    best: the row with the highest mean; several if their means are equal. margin: two standard deviations of the
    baseline's repeats; None if it has only one, or if all have the same score. near: the other rows whose means are not
    more than the margin below the best.
    repeats: of the baseline.
    """

    best: tuple[str, ...]
    margin: float | None
    near: tuple[str, ...]
    below: tuple[str, ...]
    repeats: int


def judge(scores: Mapping[str, Sequence[float]], baseline: str) -> Verdict:
    """
    >>> judge({"a": [80.0, 81.0], "b": [79.5], "c": [70.0]}, "a")
    Verdict(best=('a',), margin=1.4142135623730951, near=('b',), below=('c',), repeats=2)
    """
    means = {row: statistics.fmean(values) for row, values in scores.items()}
    highest = max(means.values())
    best = tuple(row for row in means if means[row] == highest)
    repeats = len(scores.get(baseline, ()))
    margin = 2 * statistics.stdev(scores[baseline]) if len(set(scores.get(baseline, ()))) > 1 else None
    others = [row for row in means if row not in best]
    near = tuple(row for row in others if margin is not None and means[row] >= highest - margin)
    return Verdict(best, margin, near, tuple(row for row in others if row not in near), repeats)
