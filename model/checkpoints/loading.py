"""Opening what a run or Hugging Face left: `RUN[@best|@last|@STEP]`, or a folder with Hugging Face's `config.json`."""

import os
from typing import NamedTuple

from torch import Tensor

from c4pipe.errors import UserError
from model.architectures.config import ModelConfig
from model.checkpoints import hugging_face, step_folder
from model.checkpoints.run_folder import RunFolder
from model.checkpoints.step_folder import State

LAST, BEST = "last", "best"


class Checkpoint(NamedTuple):
    """A model to use.

    config: its shape. state_dict: parameter name -> tensor on the CPU. vocabulary_folder: for `Vocabulary.load`.
    """

    config: ModelConfig
    state_dict: dict[str, Tensor]
    vocabulary_folder: str


def load_checkpoint(name: str) -> Checkpoint:
    """Open a checkpoint. Without `@`, a run gives its best checkpoint, or its last where nothing was evaluated.

    Raises: UserError where there is no run, no such step, or the files are damaged.
    """
    if hugging_face.is_folder(name):
        loaded = hugging_face.load(name)
        return Checkpoint(loaded.config, loaded.weights, loaded.folder)
    folder, state = find_checkpoint(name)
    run = folder.read()
    weights = step_folder.read_weights(folder.of_step(state.step))
    return Checkpoint(ModelConfig.from_json(run["model"]), weights, str(folder))


def split_name(name: str) -> tuple[str, str]:
    """(folder, which) of a checkpoint's name; which is empty where nothing is said.

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
    """The run and the state of the checkpoint that a name means.

    Raises: UserError where there is none.
    """
    path, which = split_name(name)
    folder = RunFolder(path)
    run = folder.read()
    metric = run.get("best_metric", {"name": "validation_loss", "higher_is_better": False})
    best = folder.best(metric["name"], higher_is_better=metric["higher_is_better"])
    if which in ("", BEST) and best is not None:
        return folder, best
    if which == BEST:
        raise UserError(f"no checkpoint of {path} was evaluated, so none is the best; use {path}@{LAST}")
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
    fault = step_folder.fault(chosen)
    if fault:
        raise UserError(f"the checkpoint {chosen} is damaged: {fault}; use another step")
    return folder, step_folder.read_state(chosen)
