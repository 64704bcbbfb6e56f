"""Opening a checkpoint: `RUN[@best|@last|@STEP]`, or a folder with Hugging Face's `config.json`."""

import os
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from c4pipe.errors import UserError
from c4pipe.shards import manifest
from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.checkpoints import hugging_face, step_folder
from model.checkpoints.digests import weights_digest
from model.checkpoints.run_folder import RunFolder
from model.checkpoints.step_folder import State
from model.checkpoints.stored_tensors import shapes_of

LAST, BEST = "last", "best"
# In the manifest of a folder that model.export writes: its kind, and the name of the input for the weights.
EXPORTED, EXPORTED_IN_SHARDS, WEIGHTS = "hugging_face", "hugging_face_in_shards", "weights"


class Checkpoint(NamedTuple):
    """A model that was read.

    state_dict: parameter name -> tensor on the CPU; those of a run are read when they are asked for.
    vocabulary_folder: the argument for `Vocabulary.load`.
    """

    config: ModelConfig
    state_dict: Mapping[str, Tensor]
    vocabulary_folder: str


def load_checkpoint(name: str) -> Checkpoint:
    """Open a checkpoint. Without `@`, this is the best checkpoint of a run, or its last if none was evaluated.

    Raises: UserError if there is no run, no such step, or the files are damaged.
    """
    if hugging_face.is_folder(name):
        loaded = hugging_face.load(name)
        _check_exported(name, loaded.weights)
        return Checkpoint(loaded.config, loaded.weights, loaded.folder)
    folder, state = find_checkpoint(name)
    run = folder.read()
    config = ModelConfig.from_json(run["model"])
    weights = step_folder.read_weights(folder.of_step(state.step))
    _check_shapes(folder, config, weights)
    return Checkpoint(config, weights, str(folder))


def _check_exported(folder: str, weights: Mapping[str, Tensor]) -> None:
    """Compare the weights with the digest in the manifest of model.export. Other folders have no digests."""
    if not manifest.exists(folder):
        return
    described = manifest.read(folder)
    digests = [entry.sha256 for entry in described.inputs if entry.name == WEIGHTS]
    if described.kind in (EXPORTED, EXPORTED_IN_SHARDS) and digests and digests != [weights_digest(weights)]:
        raise UserError(
            f"the weights in {folder} are not what model.export wrote (the checksum differs): export them again, or "
            f"remove {manifest.FILE_NAME} there if they were changed on purpose"
        )


def _check_shapes(folder: RunFolder, config: ModelConfig, weights: Mapping[str, Tensor]) -> None:
    """Compare the weights with the config, before memory is allocated for a model of the config's size."""
    expected = {name: parameter.shape for name, parameter in build_model(config, device="meta").named_parameters()}
    theirs = shapes_of(weights)
    differing = sorted(name for name in expected.keys() | theirs.keys() if expected.get(name) != theirs.get(name))
    if differing:
        name = differing[0]
        shapes = [tuple(table[name]) if name in table else "nothing" for table in (theirs, expected)]
        raise UserError(
            f"{folder}: {name} is {shapes[0]} in the checkpoint, but {shapes[1]} according to run.json; one of them is "
            "damaged or belongs to another run"
        )


def split_name(name: str) -> tuple[str, str]:
    """Split the name of a checkpoint into folder and the part after `@`, which may be empty.

    >>> split_name("runs/small@best")
    ('runs/small', 'best')
    >>> split_name("runs/small")
    ('runs/small', '')
    """
    path, at, which = name.rpartition("@")
    if not at or os.sep in which or os.path.exists(name):
        return name, ""
    return path, which


def find_checkpoint(name: str) -> tuple[RunFolder, State]:
    """Find the checkpoint that a name means. Returns: its run, and its state.

    Raises: UserError if there is no such checkpoint.
    """
    path, which = split_name(name)
    folder = RunFolder(path)
    run = folder.read()
    metric = run.get("best_metric") or {"name": "validation_loss", "higher_is_better": False}
    best = folder.best(metric["name"], higher_is_better=metric["higher_is_better"])
    if which in ("", BEST) and best is not None:
        return folder, best
    if which == BEST:
        raise UserError(f"no checkpoint of {path} was evaluated, so there is no best one; use {path}@{LAST}")
    if which in ("", LAST):
        newest = folder.newest_whole()
        if newest is None:
            raise UserError(f"{path} has no checkpoint yet; continue the run with --resume")
        return folder, newest
    steps = step_folder.steps(folder.checkpoints)
    if not which.isdecimal() or int(which) not in steps:
        there = ", ".join(map(str, steps)) or "none"
        raise UserError(f"{path} has no checkpoint {which!r}; there are {BEST}, {LAST} and the steps {there}")
    chosen = folder.of_step(int(which))
    fault = step_folder.fault(chosen, [step_folder.MODEL_FILE])
    if fault:
        raise UserError(f"the checkpoint {chosen} is damaged: {fault}; use another step")
    return folder, step_folder.read_state(chosen)
