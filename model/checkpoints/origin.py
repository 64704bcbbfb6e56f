"""Where a run's weights come from, known by what they are and not by where they lay."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import Tensor

from c4pipe.errors import UserError
from model.architectures.config import ModelConfig
from model.checkpoints.digests import weights_digest
from model.checkpoints.run_folder import RunFolder

Opened = TypeVar("Opened")


@dataclass(frozen=True)
class Origin:
    """config: of the model that a run starts from. weights: None where the run goes on from a checkpoint of its own.

    sha256: of the weights, as `run.json` keeps it; None in runs of older versions, which did not.
    """

    config: ModelConfig
    weights: Mapping[str, Tensor] | None
    sha256: str | None


def of_weights(config: ModelConfig, weights: Mapping[str, Tensor]) -> Origin:
    """Weights that were opened."""
    return Origin(config, weights, weights_digest(weights))


def of_run(run: Mapping[str, Any], key: str) -> Origin:
    """What a run's `run.json` says of its origin. key: where its digest stands."""
    return Origin(ModelConfig.from_json(run["model"]), None, run.get(key))


def open_or_continue(
    open_it: Callable[[], Opened], folder: RunFolder, otherwise: Callable[[Mapping[str, Any]], Opened], *, resumes: bool
) -> Opened:
    """Open what a run starts from, or do without it where the run has a checkpoint of its own to go on from.

    otherwise: makes what is needed of `run.json` then.

    Raises: the UserErrors of `open_it`, where the run cannot do without.
    """
    try:
        return open_it()
    except UserError as error:
        if not (resumes and folder.holds_a_run() and folder.states()):
            raise
        print(f"notice: {error}; the run goes on from its own checkpoint without it", file=sys.stderr)
        return otherwise(folder.read())
