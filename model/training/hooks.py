"""Where a command takes part in training: what trains at which step, how it is evaluated, what else happens."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from model.generation.watch import Watch
from model.training.settings import BestMetric

Metrics = Mapping[str, Any]


@dataclass(frozen=True)
class Hooks:
    """All of these are called on every rank, with the same arguments.

    evaluate: (step, is_last, watch) -> metrics for `metrics.jsonl`, the same on every rank; called at step 0, every
        `evaluate_every` steps and at the end, with the model in its current state. It tells `watch` how far it is, and
        where that asks it to stop, what it gives is thrown away.
    trains: step -> names of the parameters that train in it; None for all. It must be a function of the step alone,
        and return an equal set while nothing changes.
    best: the metric of `evaluate` that the best checkpoint is kept by.
    before_step: called before each step, from 1.
    after_log: called with each line that goes into `metrics.jsonl`.
    """

    evaluate: Callable[[int, bool, Watch], Metrics] | None = None
    trains: Callable[[int], Collection[str] | None] = lambda step: None
    best: BestMetric = field(default_factory=BestMetric)
    before_step: Callable[[int], None] = lambda step: None
    after_log: Callable[[Metrics], None] = lambda metrics: None
