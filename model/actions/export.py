"""What `export` does after its flags are parsed."""

import argparse
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from c4pipe import checked_json, hub
from c4pipe.shards import files
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.checkpoints import hugging_face
from model.checkpoints.hugging_face_export import DEFAULT_MAX_LENGTH, describe, export, output_folder
from model.checkpoints.loading import load_checkpoint, split_name
from model.checkpoints.opening import local, num_extra_ids
from model.checkpoints.run_folder import RunFolder
from model.checkpoints.stored_tensors import num_values


def perform(arguments: argparse.Namespace) -> int:
    """Do what the flags ask for. Returns: the exit status."""
    began = time.monotonic()
    arguments.checkpoint = local(arguments.checkpoint)
    config, weights, folder = load_checkpoint(arguments.checkpoint)
    hugging_face.check_exportable(config)
    vocabulary = Vocabulary.load(folder, num_extra_ids(arguments.checkpoint))
    run = _run(arguments.checkpoint)
    max_length = _max_length(arguments.checkpoint, run)
    num_parameters = num_values(weights)
    if arguments.dry_run:
        what = f"{num_parameters:,} parameters ({4 * num_parameters / 1e6:,.1f} MB)"
        output = output_folder(arguments.output, describe(config, weights, vocabulary, max_length))
        print(output.outlook(lambda: f"would write {what} to {arguments.output}"))
        if arguments.push_to:
            print(f"would upload {arguments.output} to the Hugging Face hub as {arguments.push_to}")
        return 0
    if export(arguments.output, config, weights, vocabulary, max_length=max_length, run=run):
        names = [name for name in files.list_folder(arguments.output) if name.endswith(".safetensors")]
        size = sum(files.size(files.join(arguments.output, name)) for name in names)
        print(
            f"{arguments.output}: {num_parameters:,} parameters, {size / 1e6:,.1f} MB, "
            f"{time.monotonic() - began:.1f} s; next: python -m model.generate "
            f'--checkpoint={shlex.quote(arguments.output)} "TEXT", '
            f"or transformers.T5ForConditionalGeneration.from_pretrained({arguments.output!r})"
        )
    else:
        print(
            f"{arguments.output} already holds this model; {'it is uploaded' if arguments.push_to else 'nothing to do'}"
        )
    if arguments.push_to:
        print(f"{arguments.output} is at {hub.push_model(arguments.output, arguments.push_to)}")
    return 0


def _run(checkpoint: str) -> dict[str, Any]:
    """The content of `run.json`; empty for a Hugging Face folder."""
    return {} if hugging_face.is_folder(checkpoint) else RunFolder(split_name(checkpoint)[0]).read()


@dataclass(frozen=True)
class _Generation:
    """The field of `generation_config.json` that is read."""

    max_length: Annotated[int, checked_json.between(1, 1 << 17)] | None = None


def _max_length(checkpoint: str, run: Mapping[str, Any]) -> int:
    """How many tokens `generate` may need: as many as the longest targets, and the start token."""
    if run:
        length = (run.get("lengths") or {}).get("targets_length")
        return length + 1 if isinstance(length, int) else DEFAULT_MAX_LENGTH
    path = files.join(checkpoint, hugging_face.GENERATION_FILE)
    try:
        content = files.read_bytes(path) if files.exists(path) else b"{}"
        generation = checked_json.parse(content, _Generation, may_hold_more=True)
    except ValueError:
        return DEFAULT_MAX_LENGTH
    return generation.max_length or DEFAULT_MAX_LENGTH
