"""The flags of training, the same for `pretrain` and `finetune`, and the settings they make."""

import argparse
from collections.abc import Mapping

from c4pipe.command_line import Parser, add_flags, from_flags
from model.training.settings import RunningSettings, TrainingSettings


def add_training_flags(parser: Parser, defaults: TrainingSettings, otherwise: Mapping[str, str] | None = None) -> None:
    """The flags that make `TrainingSettings` and `RunningSettings`. otherwise: see `add_flags`."""
    add_flags(parser, "training", TrainingSettings, defaults=defaults, otherwise=otherwise)
    add_flags(parser, "running", RunningSettings)


def training_settings(arguments: argparse.Namespace) -> TrainingSettings:
    """The settings that the flags make, completed by the optimizer's recipe.

    Raises: UserError for values that make no sense.
    """
    return from_flags(TrainingSettings, arguments).completed()


def running_settings(arguments: argparse.Namespace) -> RunningSettings:
    """How the flags say that a run is carried out."""
    return from_flags(RunningSettings, arguments)
