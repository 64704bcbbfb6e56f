"""A model written as a Hugging Face folder, whole or not at all."""

import hashlib
import json
import os
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from c4pipe.folders.kinds import KINDS
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.results import ManifestResult
from c4pipe.shards import files
from c4pipe.shards.manifest import Input, Manifest
from c4pipe.vocabulary.agreement import check_agreement
from c4pipe.vocabulary.hugging_face import tokenizer_files
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.architectures.config import ModelConfig
from model.checkpoints import hugging_face, model_card
from model.checkpoints.digests import weights_digest
from model.checkpoints.loading import EXPORTED, WEIGHTS
from model.checkpoints.opening import check_vocabulary

KIND = EXPORTED
DEFAULT_MAX_LENGTH = 513
"""512 tokens and the one that decoding begins with, where the length of the targets is not known."""


def export(
    folder: str,
    config: ModelConfig,
    weights: Mapping[str, Tensor],
    vocabulary: Vocabulary,
    *,
    max_length: int = DEFAULT_MAX_LENGTH,
    run: Mapping[str, Any] | None = None,
) -> bool:
    """Write the folder; False where it is there already, of the same model.

    max_length: at how many tokens `generate` of transformers ends; it has 20 where nothing is said. run: what
    `run.json` says of the weights, for the model card. `manifest.json` comes last and says that the folder is whole;
    `transformers` does not look at it.
    Raises: UserError if Hugging Face has no such model, its tokenizers cannot do what the vocabulary does, or the
    folder holds something else.
    """
    check_vocabulary(config, vocabulary)
    theirs = hugging_face.their_weights(config, weights)
    described = describe(config, weights, vocabulary, max_length)
    output = output_folder(folder, described)
    if output.is_finished():
        return False
    contents = tokenizer_files(vocabulary)
    check_agreement(vocabulary, contents["tokenizer.json"].decode())
    num_parameters = sum(tensor.numel() for tensor in theirs.values())
    card = model_card.model_card(config, num_parameters, vocabulary, run or {}, max_length)
    contents[model_card.FILE_NAME] = card.encode()
    generation = {
        "decoder_start_token_id": config.pad_id,
        "eos_token_id": config.eos_id,
        "max_length": max_length,
        "pad_token_id": config.pad_id,
    }
    contents[hugging_face.GENERATION_FILE] = _json(generation)
    with output.opened():
        _write(folder, config, theirs, contents)
        output.commit_manifest(described)
    return True


def _write(folder: str, config: ModelConfig, theirs: dict[str, Tensor], contents: Mapping[str, bytes]) -> None:
    for name, content in contents.items():
        files.write_bytes(files.join(folder, name), content)
    _write_weights(files.join(folder, hugging_face.WEIGHTS_FILE), theirs)
    write_config(folder, config)


def write_config(folder: str, config: ModelConfig) -> None:
    """Write a model's `config.json`.

    Raises: UserError if Hugging Face has no such architecture.
    """
    files.write_bytes(files.join(folder, hugging_face.CONFIG_FILE), _json(hugging_face.config_json(config)))


def describe(
    config: ModelConfig, weights: Mapping[str, Tensor], vocabulary: Vocabulary, max_length: int = DEFAULT_MAX_LENGTH
) -> Manifest:
    """The manifest of an exported folder: it depends on the model, its vocabulary and its longest output alone."""
    settings = {"model": config.to_json(), "num_extra_ids": vocabulary.num_extra_ids, "max_length": max_length}
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
        files.share(str(temporary))  # safetensors lets its owner alone read it
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
