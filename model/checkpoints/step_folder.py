"""A checkpoint: `step-00001000/` with weights, optimizer state and `state.json`, written completely or not at all.

    model.safetensors      parameter name -> float32
    optimizer.safetensors  PARAMETER/SLOT -> tensor; missing if the checkpoint is not for further training
    state.json             step, examples seen, metrics, size and SHA-256 of the files above, and its own SHA-256

A checkpoint does not depend on the number of ranks, and reading it never runs code. Weights are compared with their
digest each time they are read.
"""

import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

import c4pipe
from c4pipe.errors import UserError
from c4pipe.shards import checked_json, files
from c4pipe.shards.checked_json import Count, FileName, Sha256, Word

MODEL_FILE = "model.safetensors"
OPTIMIZER_FILE = "optimizer.safetensors"
STATE_FILE = "state.json"
DAMAGED_SUFFIX = ".damaged"
_NAME = re.compile(r"step-(\d{8,})")

READ_ERRORS = (OSError, ValueError, KeyError, TypeError, SafetensorError)


@dataclass(frozen=True)
class StoredFile:
    """Size and digest of a file of the checkpoint when it was written."""

    bytes: Count
    sha256: Sha256


@dataclass(frozen=True)
class State:
    """The content of `state.json`.

    metrics: of the evaluation at this step; empty if there was none. line: the other figures of this step in
    `metrics.jsonl`, for a run that was killed before it wrote them there.
    """

    step: Count
    examples_seen: Count
    metrics: Mapping[str, float] = field(default_factory=dict)
    line: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[FileName, StoredFile] = field(default_factory=dict)
    version: Word = c4pipe.__version__


def name_of(step: int) -> str:
    """
    >>> name_of(1000)
    'step-00001000'
    """
    return f"step-{step:08d}"


def step_of(name: str) -> int | None:
    """The step in the name of a folder; None for other names."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else None


def write(parent: Path, state: State, weights: Mapping[str, Tensor], optimizer: Mapping[str, Tensor] | None) -> Path:
    """Write a checkpoint below `parent`. It gets its name only after everything in it is on disk.

    Raises: OSError (such as for a full disk); then nothing is left behind.
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
    """Write `state.json`, completely or not at all."""
    content = asdict(state)
    content["sha256"] = _digest_of_state(content)
    files.write_bytes(str(folder / STATE_FILE), (json.dumps(content, indent=1) + "\n").encode())


def _digest_of_state(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> StoredFile:
    try:
        safetensors.torch.save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    except SafetensorError as error:
        raise _as_os_error(error, path) from error
    files.share(str(path))  # safetensors makes it readable by its owner only
    _synchronise(path)
    return StoredFile(path.stat().st_size, files.sha256(str(path)))


def _as_os_error(error: SafetensorError, path: Path) -> OSError:
    """The system's error that safetensors wrapped, so that a full disk is reported as such."""
    number = re.search(r"os error (\d+)", str(error))
    return OSError(int(number[1]), os.strerror(int(number[1])), str(path)) if number else OSError(f"{path}: {error}")


def _synchronise(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(folder: Path) -> None:
    """Remove a checkpoint. It is renamed first, so that an interrupted removal leaves nothing that looks like one."""
    doomed = folder.with_name(f"{folder.name}.{uuid.uuid4().hex[:8]}{files.TEMPORARY_SUFFIX}")
    folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def set_aside(folder: Path) -> None:
    """Rename a damaged checkpoint, so that it is not used but can still be examined."""
    target = folder.with_name(folder.name + DAMAGED_SUFFIX)
    if target.exists():
        shutil.rmtree(target, ignore_errors=True)
    folder.rename(target)


def steps(parent: Path) -> list[int]:
    """The steps that have a checkpoint folder, ascending. The folders may be damaged."""
    if not parent.is_dir():
        return []
    return sorted(step for step in (step_of(entry.name) for entry in parent.iterdir()) if step is not None)


def read_state(folder: Path) -> State:
    """Read `state.json`. Raises: one of READ_ERRORS if it is missing or damaged."""
    content = checked_json.parse_any((folder / STATE_FILE).read_bytes())
    if not isinstance(content, dict):
        raise ValueError(f"{STATE_FILE} is not an object")
    expected = content.pop("sha256", None)  # checkpoints of earlier versions have none
    if expected is not None and expected != _digest_of_state(content):
        raise ValueError(f"{STATE_FILE} is not what was written (its checksum differs)")
    state = checked_json.convert(content, State)
    if step_of(folder.name) not in (state.step, None):
        raise ValueError(f"{STATE_FILE} is of step {state.step}")
    return state


def fault(folder: Path, names: Collection[str] | None = None) -> str | None:
    """What is wrong with a checkpoint; None if all files have the size and checksum that they were written with.

    names: the files to check; None: all.
    """
    try:
        described = read_state(folder).files
        for name, expected in described.items():
            if names is None or name in names:
                _check(folder / name, expected)
        return None if MODEL_FILE in described else f"{STATE_FILE} names no {MODEL_FILE}"
    except READ_ERRORS as error:
        return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"


def _check(path: Path, expected: StoredFile) -> None:
    """Raises: ValueError if a file is not what was written, OSError if it cannot be read."""
    status = path.stat()
    if status.st_size != expected.bytes:
        raise ValueError(f"{path.name} has {status.st_size} bytes instead of {expected.bytes}")
    if _digest(path, status.st_size, status.st_mtime_ns, status.st_ino) != expected.sha256:
        raise ValueError(f"{path.name} is not what was written (its checksum differs)")


@lru_cache(maxsize=64)
def _digest(path: Path, size: int, changed: int, inode: int) -> str:
    """SHA-256 of a file, computed once per process unless the size, time or inode of the file changes."""
    return files.sha256(str(path))


def read_weights(folder: Path) -> dict[str, Tensor]:
    """Read the weights to the CPU and compare them with their digest.

    Raises: UserError if they cannot be read or differ from their digest.
    """
    return _read_tensors(folder, MODEL_FILE)


def read_optimizer(folder: Path) -> dict[str, Tensor]:
    """Read the optimizer's state to the CPU and compare it with its digest; empty if the checkpoint has none.

    Raises: UserError if it cannot be read or differs from its digest.
    """
    return _read_tensors(folder, OPTIMIZER_FILE) if (folder / OPTIMIZER_FILE).exists() else {}


def _read_tensors(folder: Path, name: str) -> dict[str, Tensor]:
    """Read the tensors of a file, which a thread hashes at the same time."""
    path = folder / name
    try:
        described = read_state(folder).files
        if name not in described:
            raise ValueError(f"{STATE_FILE} does not name {name}")
        with ThreadPoolExecutor(1) as hashing:
            checked = hashing.submit(_check, path, described[name])
            tensors = safetensors.torch.load_file(path)
            checked.result()
        return tensors
    except READ_ERRORS as error:
        raise UserError(f"{path} is damaged ({error}); use another checkpoint of the run") from error
