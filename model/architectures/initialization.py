"""Initial values, as in the paper's code (mesh_tensorflow).

Each parameter has its own generator, keyed by (seed, name). So its values depend neither on the device nor on the rest
of the model: adding an adapter or choosing another architecture does not change the other parameters. Of a sharded
model, a process fills the rows that it has.
"""

import hashlib

import torch
from torch import Tensor, nn

from model.architectures.config import ModelConfig
from model.architectures.parts import fill, part_of


def initialize(module: nn.Module, config: ModelConfig, seed: int) -> None:
    """Fill all parameters of a model in place."""
    for name, parameter in module.named_parameters():
        deviation = standard_deviation(name, config)
        if deviation is None:
            part_of(parameter).rows.fill_(1.0)
        else:
            fill(parameter, {name: _normal(parameter, name, seed, deviation)}, name)


def standard_deviation(name: str, config: ModelConfig) -> float | None:
    """Standard deviation of a parameter's normal distribution; None for a norm's scale, which begins at 1.

    A matrix has the deviation 1/sqrt(width of its input), so that the output is as large as the input. The query's
    deviation is smaller by sqrt(d_kv), in place of the division that T5's attention leaves out.
    """
    part, kind = name.split(".")[-2:] if "." in name else ("", name)
    if part.endswith("norm"):
        return None
    deviations = {
        "embedding": 1.0,
        "head": config.d_model**-0.5,
        "position_bias": config.d_model**-0.5,
        "query": (config.d_model * config.d_kv) ** -0.5,
        "key": config.d_model**-0.5,
        "value": config.d_model**-0.5,
        "output": config.d_attention**-0.5,
        "wi": config.d_model**-0.5,
        "wi_0": config.d_model**-0.5,
        "wi_1": config.d_model**-0.5,
        "wo": config.d_ff**-0.5,
        "down": config.d_model**-0.5,
        "up": 0.0,
    }
    if part not in deviations or kind != "weight":
        raise KeyError(f"no initial values are known for the parameter {name}")
    return deviations[part]


def _normal(parameter: Tensor, name: str, seed: int, deviation: float) -> Tensor:
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=7).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest, "big"))
    return torch.randn(parameter.shape, generator=generator) * deviation
