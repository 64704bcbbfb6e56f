"""Adapter layers (Houlsby et al. 2019; paper, section 3.5.1).

Behind every feed-forward of encoder and decoder stands an adapter: dense, ReLU, dense, added to what it reads. It
computes zero when it is inserted. Adapters and norms train, in every step; all else stays as it was, bit for bit. So
what a run learnt is small, and is stored alone too (`model.checkpoints.adapter_files`).
"""

from collections.abc import Sequence

from c4pipe.errors import UserError
from model.architectures.config import ModelConfig
from model.architectures.parameter_names import is_adapted
from model.finetuning.method import Method, MethodSettings


def extend(config: ModelConfig, settings: MethodSettings) -> ModelConfig:
    """The config with adapters.

    Raises: UserError if the model has adapters already, or the size is not above 0.
    """
    if config.adapter_size:
        raise UserError(
            f"the model has adapters of size {config.adapter_size} already; fine-tune it by all_parameters, or take "
            "the model that they were made for"
        )
    if settings.adapter_size < 1:
        raise UserError(f"--adapter_size={settings.adapter_size} must be at least 1")
    return config.with_(adapter_size=settings.adapter_size)


def trains(config: ModelConfig, names: Sequence[str], settings: MethodSettings, step: int) -> frozenset[str]:
    """Adapters and norms, in every step."""
    del config, settings, step
    return frozenset(name for name in names if is_adapted(name))


# The update rules scale a step by the size of what they update, which for an adapter is zero at first: at the 1e-3 of
# the other methods it would take some thousand steps to become anything.
METHOD = Method("adapters", extend=extend, trains=trains, learning_rate=0.02)
