"""All parameters train and none are added (paper, section 3.5.1; constant learning rate 1e-3, section 3.1.2)."""

from collections.abc import Sequence

from model.architectures.config import ModelConfig
from model.finetuning.method import Method, MethodSettings, unchanged


def trains(config: ModelConfig, names: Sequence[str], settings: MethodSettings, step: int) -> None:
    """None, which means all parameters, at every step."""
    del config, names, settings, step


METHOD = Method("all_parameters", extend=unchanged, trains=trains, learning_rate=1e-3)
