"""The training flags that `pretrain` and `finetune` have in common, and the settings that they give."""

import argparse
from collections.abc import Mapping

from c4pipe.command_line import Parser, add_flags, from_flags
from model.training.settings import RunningSettings, TrainingSettings

PACK_HELP = (
    "put several short examples into a row where padding costs time: on a GPU, or with --compile; useful if lengths "
    "differ a lot"
)


def add_training_flags(parser: Parser, defaults: TrainingSettings, otherwise: Mapping[str, str] | None = None) -> None:
    """Add the flags for `TrainingSettings` and `RunningSettings`. otherwise: see `add_flags`."""
    add_flags(parser, "training", TrainingSettings, defaults=defaults, otherwise=otherwise)
    add_flags(parser, "running", RunningSettings)


def training_settings(arguments: argparse.Namespace) -> TrainingSettings:
    """The settings that the flags give, completed by the optimizer's recipe.

    Raises: UserError for values that are out of range.
    """
    return from_flags(TrainingSettings, arguments).completed()
