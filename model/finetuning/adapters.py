"""Adapter layers (Houlsby et al. 2019; paper, section 3.5.1).

An adapter (dense, ReLU, dense) follows every feed-forward of encoder and decoder. Its output is added to its input, and
is zero when it is inserted. Only adapters and norms train; all other parameters stay the same bit for bit. What a run
learns is therefore small, and is also stored separately (`model.checkpoints.adapter_files`).
"""

from collections.abc import Sequence

from c4pipe.errors import UserError
from model.architectures.config import ModelConfig
from model.architectures.parameter_names import is_adapted
from model.finetuning.method import Method, MethodSettings


def extend(config: ModelConfig, settings: MethodSettings) -> ModelConfig:
    """Add adapters to the config.

    Raises: UserError if the model already has adapters, or if the size is less than 1.
    """
    if config.adapter_size:
        raise UserError(
            f"the model already has adapters of size {config.adapter_size}; fine-tune it with --method=all_parameters, "
            "or start from the model without adapters"
        )
    if settings.adapter_size < 1:
        raise UserError(f"--adapter_size={settings.adapter_size} must be at least 1")
    return config.with_(adapter_size=settings.adapter_size)


def trains(config: ModelConfig, names: Sequence[str], settings: MethodSettings, step: int) -> frozenset[str]:
    """Adapters and norms, at every step."""
    del config, settings, step
    return frozenset(name for name in names if is_adapted(name))


# Optimizers scale an update by the size of the parameter, which is zero for a new adapter. With the 1e-3 of the other
# methods, adapters would need thousands of steps until they have an effect.
METHOD = Method("adapters", extend=extend, trains=trains, learning_rate=0.02)
