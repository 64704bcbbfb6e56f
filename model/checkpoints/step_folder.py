"""One checkpoint: `step-00001000/` with weights, optimizer state and `state.json`, whole or not at all.

    model.safetensors      parameter name -> float32
    optimizer.safetensors  PARAMETER/SLOT -> tensor; absent where a checkpoint is for use only
    state.json             step, examples seen, metrics, and size and SHA-256 of the files above

Nothing in it depends on the number of ranks, and reading it runs no code of the file's.
"""

import json
import os
import re
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

import c4pipe
from c4pipe.errors import UserError
from c4pipe.shards import files

MODEL_FILE = "model.safetensors"
OPTIMIZER_FILE = "optimizer.safetensors"
STATE_FILE = "state.json"
DAMAGED_SUFFIX = ".damaged"
_NAME = re.compile(r"step-(\d{8,})")

READ_ERRORS = (OSError, ValueError, KeyError, TypeError, SafetensorError)


@dataclass(frozen=True)
class State:
    """What `state.json` holds.

    metrics: those of the evaluation at this step, empty where there was none. line: what `metrics.jsonl` says of the
    step beside that, for a run that was killed before it could write it.
    """

    step: int
    examples_seen: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    line: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, int | str]] = field(default_factory=dict)
    version: str = c4pipe.__version__


def name_of(step: int) -> str:
    """
    >>> name_of(1000)
    'step-00001000'
    """
    return f"step-{step:08d}"


def step_of(name: str) -> int | None:
    """The step of a folder's name; None for any other name."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else None


def write(parent: Path, state: State, weights: Mapping[str, Tensor], optimizer: Mapping[str, Tensor] | None) -> Path:
    """Write a checkpoint below `parent`; it has its name only once everything in it is on the disk.

    Raises: OSError (a full disk among them), with nothing left behind.
    """
    parent.mkdir(parents=True, exist_ok=True)
    temporary = parent / f"{name_of(state.step)}.{uuid.uuid4().hex[:8]}{files.TEMPORARY_SUFFIX}"
    try:
        temporary.mkdir()
        described = {MODEL_FILE: _write_tensors(temporary / MODEL_FILE, weights)}
        if optimizer is not None:
            described[OPTIMIZER_FILE] = _write_tensors(temporary / OPTIMIZER_FILE, optimizer)
        write_state(temporary, replace(state, files=described))
        target = parent / name_of(state.step)
        if target.exists():
            remove(target)
        temporary.rename(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _synchronise(parent)
    return target


def write_state(folder: Path, state: State) -> None:
    """Write `state.json`, whole or not at all."""
    files.write_bytes(str(folder / STATE_FILE), (json.dumps(asdict(state), indent=1) + "\n").encode())


def _write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> dict[str, int | str]:
    try:
        safetensors.torch.save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    except SafetensorError as error:
        raise _as_os_error(error, path) from error
    _synchronise(path)
    return {"bytes": path.stat().st_size, "sha256": files.sha256(str(path))}


def _as_os_error(error: SafetensorError, path: Path) -> OSError:
    """safetensors wraps what the system said; give it back, so that a full disk is known as one."""
    number = re.search(r"os error (\d+)", str(error))
    return OSError(int(number[1]), os.strerror(int(number[1])), str(path)) if number else OSError(f"{path}: {error}")


def _synchronise(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(folder: Path) -> None:
    """Remove a checkpoint; if that is cut off half-way, what is left no longer looks like one."""
    doomed = folder.with_name(f"{folder.name}.{uuid.uuid4().hex[:8]}{files.TEMPORARY_SUFFIX}")
    folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def set_aside(folder: Path) -> None:
    """Rename a damaged checkpoint so that nothing takes it for one; it stays for whoever wants to look."""
    target = folder.with_name(folder.name + DAMAGED_SUFFIX)
    if target.exists():
        shutil.rmtree(target, ignore_errors=True)
    folder.rename(target)


def steps(parent: Path) -> list[int]:
    """The steps that have a checkpoint folder, ascending; whether these are whole is not looked at."""
    if not parent.is_dir():
        return []
    return sorted(step for step in (step_of(entry.name) for entry in parent.iterdir()) if step is not None)


def read_state(folder: Path) -> State:
    """Raises: one of READ_ERRORS where it is missing or damaged."""
    return State(**json.loads((folder / STATE_FILE).read_text()))


def fault(folder: Path) -> str | None:
    """What is wrong with a checkpoint, or None where every file has the size and the checksum it was written with."""
    try:
        described = read_state(folder).files
        for name, expected in described.items():
            path = folder / name
            if path.stat().st_size != expected["bytes"]:
                return f"{name} has {path.stat().st_size} bytes instead of {expected['bytes']}"
            if files.sha256(str(path)) != expected["sha256"]:
                return f"{name} is not what was written (its checksum differs)"
        return None if MODEL_FILE in described else f"{STATE_FILE} names no {MODEL_FILE}"
    except READ_ERRORS as error:
        return f"{type(error).__name__}: {error}"


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The weights, on the CPU.

    Raises: UserError where they cannot be read.
    """
    return _read_tensors(folder / MODEL_FILE)


def read_optimizer(folder: Path) -> dict[str, Tensor]:
    """The optimizer's state, on the CPU; empty where the checkpoint has none.

    Raises: UserError where it cannot be read.
    """
    path = folder / OPTIMIZER_FILE
    return _read_tensors(path) if path.exists() else {}


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load_file(path)
    except READ_ERRORS as error:
        raise UserError(f"{path} is damaged ({error}); use another checkpoint of the run") from error
