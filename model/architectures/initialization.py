"""Initial values, as in the paper's code (mesh_tensorflow), drawn a parameter at a time.

Each parameter has a generator of its own, keyed by (seed, name): its values depend on neither the device nor on what
else the model has, so an added part (an adapter) or another architecture leaves the others as they were.
"""

import hashlib

import torch
from torch import Tensor, nn

from model.architectures.config import ModelConfig


def initialize(module: nn.Module, config: ModelConfig, seed: int) -> None:
    """Fill all parameters of a model in place."""
    for name, parameter in module.named_parameters():
        deviation = standard_deviation(name, config)
        with torch.no_grad():
            parameter.fill_(1.0) if deviation is None else parameter.copy_(_normal(parameter, name, seed, deviation))


def standard_deviation(name: str, config: ModelConfig) -> float | None:
    """Of a parameter's normal distribution; None for a norm's scale, which begins at 1.

    Each matrix has the deviation 1/sqrt(width of what it reads), so that it keeps the size of its input; the query's
    is smaller by sqrt(d_kv), which stands for the division that T5's attention leaves out.
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
