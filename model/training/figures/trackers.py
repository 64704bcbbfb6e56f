"""Sending metrics to TensorBoard and Weights & Biases, if asked for and installed."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from c4pipe.choices import check_choice, choose

Tracker = Callable[[Mapping[str, Any]], None]
"""Called with the content of each line of `metrics.jsonl`."""


def _tensorboard(folder: str, config: Mapping[str, Any]) -> Tracker:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(folder)

    def track(metrics: Mapping[str, Any]) -> None:
        for name, value in _numbers(metrics).items():
            writer.add_scalar(name, value, metrics["step"])
        writer.flush()

    return track


def _wandb(folder: str, config: Mapping[str, Any]) -> Tracker:
    import wandb

    run = wandb.init(dir=folder, config=dict(config), resume="allow")
    return lambda metrics: run.log(_numbers(metrics), step=metrics["step"])


TRACKERS: dict[str, Callable[[str, Mapping[str, Any]], Tracker]] = {"tensorboard": _tensorboard, "wandb": _wandb}


def check_trackers(names: str) -> None:
    """Raises: UserError if a comma-separated list has a tracker that does not exist."""
    for name in filter(None, names.split(",")):
        check_choice("tracker", name, TRACKERS)


def open_trackers(names: str, folder: str, config: Mapping[str, Any]) -> list[Tracker]:
    """Open the trackers of a comma-separated list. If one is not installed, print a notice and continue without it.

    Raises: UserError for a tracker that does not exist.
    """
    opened = []
    for name in filter(None, names.split(",")):
        tracker = choose("tracker", name, TRACKERS)
        try:
            opened.append(tracker(folder, config))
        except ImportError:
            print(f"notice: {name} is not installed (pip install {name}); continuing without it", file=sys.stderr)
    return opened


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if isinstance(value, (int, float)) and name != "step"}
