"""The interface of fine-tuning methods."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from model.architectures.config import ModelConfig


@dataclass(frozen=True)
class MethodSettings:
    """adapter_size: inner size of adapters, for the method that has them. steps: number of steps of the whole run."""

    adapter_size: int
    steps: int


@dataclass(frozen=True)
class Method:
    """A fine-tuning method: what it adds to the model, and which parameters train at which step.

    extend: config of the base model -> config of the model to train.
    trains: (config, names of all parameters, settings, step counted from 1) -> names of the parameters that train at
        this step; None: all of them.
    learning_rate: the default.
    follows_steps: which parameters train depends on the total number of steps, so a run cannot be extended afterwards.
    """

    name: str
    extend: Callable[[ModelConfig, MethodSettings], ModelConfig]
    trains: Callable[[ModelConfig, Sequence[str], MethodSettings, int], frozenset[str] | None]
    learning_rate: float
    follows_steps: bool = False


def unchanged(config: ModelConfig, settings: MethodSettings) -> ModelConfig:
    """`extend` for methods that add nothing."""
    del settings
    return config
