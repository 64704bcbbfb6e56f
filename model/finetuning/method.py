"""What a fine-tuning method is: what it adds to the model, and which parameters train at which step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from model.architectures.config import ModelConfig


@dataclass(frozen=True)
class MethodSettings:
    """adapter_size: inner size of adapters, for the method that has them. steps: of the whole run."""

    adapter_size: int
    steps: int


@dataclass(frozen=True)
class Method:
    """A fine-tuning method.

    extend: the base model's config -> the config of what is trained. trains: (config, names of all parameters,
    settings, step counted from 1) -> names of those that train in that step, None for all of them. learning_rate:
    where the user gives none. follows_steps: what trains at a step depends on how many there are in all, so that a run
    cannot be made longer afterwards.
    """

    name: str
    extend: Callable[[ModelConfig, MethodSettings], ModelConfig]
    trains: Callable[[ModelConfig, Sequence[str], MethodSettings, int], frozenset[str] | None]
    learning_rate: float
    follows_steps: bool = False


def unchanged(config: ModelConfig, settings: MethodSettings) -> ModelConfig:
    """`extend` of a method that adds nothing."""
    del settings
    return config
