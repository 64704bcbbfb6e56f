"""Opening a checkpoint as a model that is ready to use, with its vocabulary."""

import hashlib
from typing import NamedTuple

import torch

from c4pipe import hub
from c4pipe.errors import UserError
from c4pipe.shards import files
from c4pipe.vocabulary import folders
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.architectures.attention import choose_attention
from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.architectures.t5 import T5Model
from model.checkpoints import hugging_face, step_folder
from model.checkpoints.loading import find_checkpoint, load_checkpoint, split_name
from model.checkpoints.run_folder import RunFolder

# The files of a model of the Hugging Face hub, and its weights in the order in which they are preferred.
_FILES = (hugging_face.CONFIG_FILE, hugging_face.GENERATION_FILE, *folders.FILES)
_WEIGHTS = (
    ("model*.safetensors", "model.safetensors.index.json"),
    ("pytorch_model*.bin", "pytorch_model.bin.index.json"),
)


class OpenModel(NamedTuple):
    """A model on its device, in evaluation mode, and the vocabulary that goes with it."""

    model: T5Model
    vocabulary: Vocabulary


def local(name: str) -> str:
    """The local folder for OWNER/NAME of the Hugging Face hub, downloaded into its cache. Other names stay.

    Raises: UserError if the model cannot be downloaded.
    """
    return hub.model_folder(name, _FILES, _WEIGHTS)


def open_model(name: str, *, device: torch.device | str = "cpu") -> OpenModel:
    """Open `RUN[@best|@last|@STEP]` or a Hugging Face folder.

    Raises: UserError if it is missing or damaged, or if its vocabulary does not fit.
    """
    config, weights, folder = load_checkpoint(name)
    vocabulary = Vocabulary.load(folder, num_extra_ids(name))
    check_vocabulary(config, vocabulary)
    device = torch.device(device)
    model = build_model(config, seed=None, device=device)
    model.load_state_dict(weights)
    if device.type == "cuda":
        choose_attention(device, torch.float32, num_heads=config.num_heads, d_kv=config.d_kv)
    return OpenModel(model.eval().requires_grad_(False), vocabulary)


def num_extra_ids(name: str) -> int | None:
    """The number of extra ids in a checkpoint's vocabulary, from `run.json`; None: `Vocabulary.load` finds it."""
    if hugging_face.is_folder(name):
        return None
    return RunFolder(split_name(name)[0]).read().get("num_extra_ids")


def check_vocabulary(config: ModelConfig, vocabulary: Vocabulary) -> None:
    """Raises: UserError if the vocabulary has more ids than the model has rows."""
    if vocabulary.size > config.vocabulary_size:
        raise UserError(
            f"{vocabulary} has {vocabulary.size:,} ids, but the model has {config.vocabulary_size:,} rows; "
            "use the vocabulary that the model was trained with"
        )


def resolve_device(name: str) -> torch.device:
    """The device of a name; `auto` is a CUDA GPU if there is one, else the CPU.

    Raises: UserError if the device is unknown, or if a GPU is asked for and there is none.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise UserError("there is no CUDA GPU here; use --device=cpu")
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise UserError(f"unknown device {name!r}; use auto, cpu or cuda") from error


def files_digest(name: str) -> str:
    """SHA-256 of the files with a checkpoint's weights. It tells whether a result is of this model."""
    if hugging_face.is_folder(name):
        names = [file for file in files.list_folder(name) if file.endswith((".safetensors", ".bin"))]
        parts = [files.sha256(files.join(name, file)) for file in names]
    else:
        folder, state = find_checkpoint(name)
        parts = [files.sha256(str(path)) for path in step_folder.model_files(folder.of_step(state.step))]
    return hashlib.sha256("".join(parts).encode()).hexdigest()
