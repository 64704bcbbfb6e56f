"""A model written as a Hugging Face folder, whole or not at all."""

import hashlib
import json
import os
import re
import uuid
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from c4pipe.folders.kinds import KINDS
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.results import ManifestResult
from c4pipe.shards import files
from c4pipe.shards.manifest import Input, Manifest
from c4pipe.vocabulary.hugging_face import tokenizer_files
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.architectures.config import ModelConfig
from model.checkpoints import hugging_face
from model.checkpoints.digests import weights_digest
from model.checkpoints.loading import EXPORTED, WEIGHTS
from model.checkpoints.opening import check_vocabulary

KIND = EXPORTED


def export(folder: str, config: ModelConfig, weights: Mapping[str, Tensor], vocabulary: Vocabulary) -> bool:
    """Write the folder; False where it is there already, of the same model.

    `manifest.json` comes last and says that the folder is whole. `transformers` does not look at it.
    Raises: UserError where Hugging Face has no such model, or the folder holds something else.
    """
    check_vocabulary(config, vocabulary)
    theirs = hugging_face.their_weights(config, weights)
    described = describe(config, weights, vocabulary)
    output = output_folder(folder, described)
    if output.is_finished():
        return False
    with output.opened():
        _write(folder, config, theirs, vocabulary)
        output.commit_manifest(described)
    return True


def _write(folder: str, config: ModelConfig, theirs: dict[str, Tensor], vocabulary: Vocabulary) -> None:
    for name, content in tokenizer_files(vocabulary).items():
        files.write_bytes(files.join(folder, name), content)
    ids = {"decoder_start_token_id": config.pad_id, "eos_token_id": config.eos_id, "pad_token_id": config.pad_id}
    _write_weights(files.join(folder, hugging_face.WEIGHTS_FILE), theirs)
    files.write_bytes(files.join(folder, "generation_config.json"), _json(ids))
    write_config(folder, config)


def write_config(folder: str, config: ModelConfig) -> None:
    """Write a model's `config.json`.

    Raises: UserError where Hugging Face has no such architecture.
    """
    files.write_bytes(files.join(folder, hugging_face.CONFIG_FILE), _json(hugging_face.config_json(config)))


def describe(config: ModelConfig, weights: Mapping[str, Tensor], vocabulary: Vocabulary) -> Manifest:
    """The manifest of an exported folder: it depends on nothing but the model and the vocabulary."""
    settings = {"model": config.to_json(), "num_extra_ids": vocabulary.num_extra_ids}
    inputs = (
        Input(WEIGHTS, weights_digest(weights)),
        Input("spiece.model", hashlib.sha256(vocabulary.model).hexdigest()),
    )
    return Manifest(KIND, {}, settings, inputs)


def output_folder(folder: str, described: Manifest) -> OutputFolder:
    """The folder, with the model that it is to hold. Anything else there is refused; there is no --overwrite."""

    def difference(made: Manifest) -> str | None:
        return None if made.inputs == described.inputs else "of another model"

    names = KINDS[KIND].names
    return OutputFolder(folder, ManifestResult("export", KIND, described.settings, names, difference))


def _write_weights(path: str, weights: dict[str, Tensor]) -> None:
    metadata = {"format": "pt"}
    if files.is_remote(path):
        files.write_bytes(path, safetensors.torch.save(weights, metadata=metadata))
        return
    # Straight from the tensors to the disk: a copy of a large model as bytes may not fit.
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(f"{path}.{uuid.uuid4().hex[:8]}{files.TEMPORARY_SUFFIX}")
    try:
        safetensors.torch.save_file(weights, temporary, metadata=metadata)
        os.replace(temporary, path)
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))  # what the system said, a full disk among them
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), path) from error
    finally:
        temporary.unlink(missing_ok=True)


def _json(value: Mapping) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()
