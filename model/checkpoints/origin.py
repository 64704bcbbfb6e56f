"""The weights that a run starts from, identified by their content and not by their path."""

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
    """The model that a run starts from.

    weights: None if the run continues from its own checkpoint. sha256: the digest of the weights in `run.json`; None
    for a run of an older version, which did not store it.
    """

    config: ModelConfig
    weights: Mapping[str, Tensor] | None
    sha256: str | None


def of_weights(config: ModelConfig, weights: Mapping[str, Tensor]) -> Origin:
    """The origin with these weights."""
    return Origin(config, weights, weights_digest(weights))


def of_run(run: Mapping[str, Any], key: str) -> Origin:
    """The origin according to `run.json`. key: the field with the digest."""
    return Origin(ModelConfig.from_json(run["model"]), None, run.get(key))


def open_or_continue(
    open_origin: Callable[[], Opened],
    folder: RunFolder,
    otherwise: Callable[[Mapping[str, Any]], Opened],
    *,
    resumes: bool,
) -> Opened:
    """Open what a run starts from. A run that continues from its own checkpoint can do without.

    otherwise: makes the result from `run.json` if the origin cannot be opened.
    Raises: the UserErrors of `open_origin`, if the run has no checkpoint of its own.
    """
    try:
        return open_origin()
    except UserError as error:
        if not (resumes and folder.holds_a_run() and folder.states()):
            raise
        print(f"notice: {error}; the run continues from its own checkpoint without it", file=sys.stderr)
        return otherwise(folder.read())
