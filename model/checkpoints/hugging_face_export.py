"""Writing a model as a Hugging Face folder, completely or not at all."""

import json
import os
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from c4pipe.folders.kinds import KINDS
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.results import ManifestResult
from c4pipe.shards import files
from c4pipe.shards.manifest import Input, Manifest, Shard, describe_shard
from c4pipe.vocabulary.agreement import check_agreement
from c4pipe.vocabulary.hugging_face import tokenizer_files
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.architectures.config import ModelConfig
from model.checkpoints import hugging_face, model_card
from model.checkpoints.digests import weights_digest
from model.checkpoints.loading import EXPORTED, EXPORTED_IN_SHARDS, WEIGHTS
from model.checkpoints.opening import check_vocabulary
from model.checkpoints.stored_tensors import file_name, num_values, save, shapes_of

MAX_SHARD_BYTES = 5 * 10**9
"""As in transformers 4."""
_FLOAT_BYTES = 4
DEFAULT_MAX_LENGTH = 513
"""Used if the length of the targets is not known: 512 tokens and the start token."""


def export(
    folder: str,
    config: ModelConfig,
    weights: Mapping[str, Tensor],
    vocabulary: Vocabulary,
    *,
    max_length: int = DEFAULT_MAX_LENGTH,
    run: Mapping[str, Any] | None = None,
) -> bool:
    """Write the folder. Returns: False if the folder already holds the same model.

    `manifest.json` is written last and says that the folder is complete; `transformers` does not read it.

    max_length: the number of tokens after which `generate` of transformers ends (its default is 20).
    run: the content of `run.json`, for the model card.
    Raises: UserError if Hugging Face has no such model, if its tokenizers cannot reproduce the vocabulary, or if the
    folder holds something else.
    """
    check_vocabulary(config, vocabulary)
    hugging_face.check_exportable(config)
    described = describe(config, weights, vocabulary, max_length)
    output = output_folder(folder, described)
    if output.is_finished():
        return False
    contents = tokenizer_files(vocabulary)
    check_agreement(vocabulary, contents["tokenizer.json"].decode())
    card = model_card.model_card(config, num_values(weights), vocabulary, run or {}, max_length)
    contents[model_card.FILE_NAME] = card.encode()
    generation = {
        "decoder_start_token_id": config.pad_id,
        "eos_token_id": config.eos_id,
        "max_length": max_length,
        "pad_token_id": config.pad_id,
    }
    contents[hugging_face.GENERATION_FILE] = _json(generation)
    with output.opened():
        for name, content in contents.items():
            files.write_bytes(files.join(folder, name), content)
        shards = _write_weights(folder, config, weights)
        write_config(folder, config)
        output.commit_manifest(replace(described, splits={WEIGHTS: shards} if shards else {}))
    return True


def write_config(folder: str, config: ModelConfig) -> None:
    """Write a model's `config.json`.

    Raises: UserError if Hugging Face has no such architecture.
    """
    files.write_bytes(files.join(folder, hugging_face.CONFIG_FILE), _json(hugging_face.config_json(config)))


def describe(
    config: ModelConfig, weights: Mapping[str, Tensor], vocabulary: Vocabulary, max_length: int = DEFAULT_MAX_LENGTH
) -> Manifest:
    """The manifest of an exported folder. It depends only on the model, its vocabulary and `max_length`."""
    settings = {"model": config.to_json(), "num_extra_ids": vocabulary.num_extra_ids, "max_length": max_length}
    inputs = (Input(WEIGHTS, weights_digest(weights)), Input("spiece.model", vocabulary.digest))
    kind = EXPORTED if len(_shards(weights)) == 1 else EXPORTED_IN_SHARDS
    return Manifest(kind, {}, settings, inputs)


def output_folder(folder: str, described: Manifest) -> OutputFolder:
    """The folder, for the described model. A folder that holds something else is refused; there is no --overwrite."""

    def difference(made: Manifest) -> str | None:
        return None if made.inputs == described.inputs else "of another model"

    names = KINDS[described.kind].names
    return OutputFolder(folder, ManifestResult("export", described.kind, described.settings, names, difference))


def _shards(weights: Mapping[str, Tensor]) -> list[list[str]]:
    """The names of the weights of each file, of at most `MAX_SHARD_BYTES` unless a single weight is larger."""
    shards: list[list[str]] = [[]]
    size = 0
    for name, shape in shapes_of(weights).items():
        num_bytes = _FLOAT_BYTES * prod(shape)
        if shards[-1] and size + num_bytes > MAX_SHARD_BYTES:
            shards.append([])
            size = 0
        shards[-1].append(name)
        size += num_bytes
    return shards


def _write_weights(folder: str, config: ModelConfig, weights: Mapping[str, Tensor]) -> tuple[Shard, ...]:
    """Write a file, or, if the weights are larger, files with an index. Only one of them is in memory at a time.

    Returns: the files, if there are several.
    """
    shards = _shards(weights)
    places: dict[str, str] = {}
    for index, names in enumerate(shards):
        file = file_name(hugging_face.WEIGHTS_FILE, index, len(shards))
        # Nothing of this file is left here when the next is read.
        written = _write_file(
            files.join(folder, file), hugging_face.their_weights(config, {name: weights[name] for name in names})
        )
        places.update(dict.fromkeys(written, file))
    if len(shards) == 1:
        return ()
    index_of_all = {"metadata": {"total_size": _FLOAT_BYTES * num_values(weights)}, "weight_map": places}
    files.write_bytes(files.join(folder, hugging_face.INDEX_FILE), _json(index_of_all))
    counts = Counter(places.values())
    return tuple(describe_shard(folder, file, counts[file]) for file in counts)


def _write_file(path: str, weights: dict[str, Tensor]) -> list[str]:
    """Returns: the names of the weights."""
    metadata = {"format": "pt"}
    if files.is_remote(path):
        files.write_bytes(path, safetensors.torch.save(weights, metadata=metadata))
        return list(weights)
    # Written from the tensors to the disk: a copy of a large model as bytes may not fit into memory.
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(f"{path}.{uuid.uuid4().hex[:8]}{files.TEMPORARY_SUFFIX}")
    try:
        save(weights, temporary, metadata, path)
        files.share(str(temporary))  # safetensors makes it readable by its owner only
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return list(weights)


def _json(value: Mapping) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()
