"""Adapters stored on their own, to be loaded on top of the model that they were trained for.

adapters.safetensors   the weights of adapters and norms
adapters.json          adapter_size, the SHA-256 of the file above, and a digest of each base weight, so that the
                       adapters are not loaded onto another base model
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from c4pipe import checked_json
from c4pipe.checked_json import Sha256, between
from c4pipe.errors import UserError
from c4pipe.shards import files
from model.architectures.config import ModelConfig
from model.architectures.parameter_names import is_adapted

WEIGHTS_FILE = "adapters.safetensors"
DESCRIPTION_FILE = "adapters.json"


@dataclass(frozen=True)
class _Description:
    adapter_size: Annotated[int, between(1, 1 << 17)]
    base_sha256: Mapping[str, str]
    sha256: Sha256 | None = None  # files of earlier versions have none


def save(folder: str, adapter_size: int, weights: Mapping[str, Tensor]) -> int:
    """Store only the adapters and norms of a model. Returns: the number of bytes written."""
    adapted = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items() if is_adapted(name)}
    content = safetensors.torch.save(adapted)
    base = {name: _digest(tensor) for name, tensor in sorted(weights.items()) if not is_adapted(name)}
    description = _Description(adapter_size, base, hashlib.sha256(content).hexdigest())
    text = json.dumps(asdict(description), indent=1) + "\n"
    files.write_bytes(str(Path(folder) / WEIGHTS_FILE), content)
    files.write_bytes(str(Path(folder) / DESCRIPTION_FILE), text.encode())
    return len(content) + len(text)


def load_onto(folder: str, config: ModelConfig, weights: Mapping[str, Tensor]) -> tuple[ModelConfig, dict[str, Tensor]]:
    """Combine a base model with the adapters in a folder. Returns: the new config, and all weights.

    Raises: UserError if the folder has no adapters, or if they were trained for another base model.
    """
    try:
        description = checked_json.parse((Path(folder) / DESCRIPTION_FILE).read_bytes(), _Description)
        content = (Path(folder) / WEIGHTS_FILE).read_bytes()
        if description.sha256 not in (None, hashlib.sha256(content).hexdigest()):
            raise ValueError(f"{WEIGHTS_FILE} is not what was written: its checksum differs")
        adapted = safetensors.torch.load(content)
    except FileNotFoundError as error:
        raise UserError(f"{folder} holds no adapters ({Path(str(error.filename)).name} is missing)") from error
    except (OSError, ValueError, SafetensorError) as error:
        raise UserError(f"the adapters in {folder} are damaged ({error}); copy them again") from error
    base = description.base_sha256
    ours = {name: _digest(tensor) for name, tensor in weights.items() if not is_adapted(name)}
    if ours != base:
        differing = sorted(name for name in ours.keys() | base.keys() if ours.get(name) != base.get(name))
        raise UserError(
            f"the adapters in {folder} were trained for another base model ({differing[0]} differs); give the "
            "checkpoint that the fine-tuning started from"
        )
    return config.with_(adapter_size=description.adapter_size), {**weights, **adapted}


def _digest(tensor: Tensor) -> str:
    content = tensor.detach().to(device="cpu", dtype=torch.float32).contiguous().numpy().tobytes()
    return hashlib.sha256(content).hexdigest()[:16]
