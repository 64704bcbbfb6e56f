"""Adapter layers (Houlsby et al. 2019; paper, section 3.5.1).

Behind every feed-forward of encoder and decoder stands an adapter: dense, ReLU, dense, added to what it reads. It
computes zero when it is inserted. Adapters and norms train, in every step; all else stays as it was, bit for bit. So
what a run learnt is small, and is stored alone:

    adapters.safetensors   the adapters' and norms' weights
    adapters.json          adapter_size, and the SHA-256 of each base weight's bytes, so that no other base is taken
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from c4pipe.errors import UserError
from c4pipe.shards import files
from model.architectures.config import ModelConfig
from model.finetuning.method import Method, MethodSettings

WEIGHTS_FILE = "adapters.safetensors"
DESCRIPTION_FILE = "adapters.json"


def extend(config: ModelConfig, settings: MethodSettings) -> ModelConfig:
    """The config with adapters.

    Raises: UserError where the model has adapters already, or the size is not above 0.
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


def is_adapted(name: str) -> bool:
    """Whether a parameter is an adapter's or a norm's.

    >>> is_adapted("encoder.layers.0.adapter.up.weight"), is_adapted("decoder.final_norm.weight")
    (True, True)
    >>> is_adapted("encoder.layers.0.feed_forward.wi.weight"), is_adapted("embedding.weight")
    (False, False)
    """
    return ".adapter." in name or name.split(".")[-2].endswith("norm")


def save(folder: str, adapter_size: int, weights: Mapping[str, Tensor]) -> int:
    """Store the adapters and norms of a model alone. Returns: bytes written."""
    adapted = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items() if is_adapted(name)}
    content = safetensors.torch.save(adapted)
    base = {name: _digest(tensor) for name, tensor in sorted(weights.items()) if not is_adapted(name)}
    description = {"adapter_size": adapter_size, "base_sha256": base}
    text = json.dumps(description, indent=1) + "\n"
    files.write_bytes(str(Path(folder) / WEIGHTS_FILE), content)
    files.write_bytes(str(Path(folder) / DESCRIPTION_FILE), text.encode())
    return len(content) + len(text)


def load_onto(folder: str, config: ModelConfig, weights: Mapping[str, Tensor]) -> tuple[ModelConfig, dict[str, Tensor]]:
    """A base model with the adapters of a folder: its config, and all weights.

    Raises: UserError where the folder holds no adapters, or they were made for another base.
    """
    try:
        description = json.loads((Path(folder) / DESCRIPTION_FILE).read_text())
        adapted = safetensors.torch.load((Path(folder) / WEIGHTS_FILE).read_bytes())
        size, base = int(description["adapter_size"]), dict(description["base_sha256"])
    except FileNotFoundError as error:
        raise UserError(f"{folder} holds no adapters ({Path(str(error.filename)).name} is not there)") from error
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise UserError(f"the adapters in {folder} are damaged ({error}); copy them again") from error
    ours = {name: _digest(tensor) for name, tensor in weights.items() if not is_adapted(name)}
    if ours != base:
        differing = sorted(name for name in ours.keys() | base.keys() if ours.get(name) != base.get(name))
        raise UserError(
            f"the adapters in {folder} were made for another base model ({differing[0]} differs); give the checkpoint "
            "that the fine-tuning started from"
        )
    return config.with_(adapter_size=size), {**weights, **adapted}


def _digest(tensor: Tensor) -> str:
    content = tensor.detach().to(device="cpu", dtype=torch.float32).contiguous().numpy().tobytes()
    return hashlib.sha256(content).hexdigest()[:16]


# The update rules scale a step by the size of what they update, which for an adapter is zero at first: at the 1e-3 of
# the other methods it would take some thousand steps to become anything.
METHOD = Method("adapters", extend=extend, trains=trains, learning_rate=0.02)
