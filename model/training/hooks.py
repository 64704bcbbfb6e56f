"""The functions by which a command takes part in training: evaluation, trained parameters, logging."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from model.generation.watch import Watch
from model.training.settings import BestMetric

Metrics = Mapping[str, Any]


@dataclass(frozen=True)
class Hooks:
    """Functions that are called on every rank, with the same arguments.

    evaluate: (step, is_last, watch) -> metrics for `metrics.jsonl`, the same on every rank. It is called at step 0,
        every `evaluate_every` steps and at the end. It reports its progress to `watch`; if `watch` asks it to stop, its
        result is discarded.
    trains: step -> names of the parameters that train at this step; None: all. It must depend on the step only, and
        return equal sets while nothing changes.
    best: the metric of `evaluate` that chooses the best checkpoint.
    before_step: called before each step, with the step counted from 1.
    after_log: called with each line that is written to `metrics.jsonl`.
    """

    evaluate: Callable[[int, bool, Watch], Metrics] | None = None
    trains: Callable[[int], Collection[str] | None] = lambda step: None
    best: BestMetric = field(default_factory=BestMetric)
    before_step: Callable[[int], None] = lambda step: None
    after_log: Callable[[Metrics], None] = lambda metrics: None
