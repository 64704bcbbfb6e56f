"""A checkpoint: `step-00001000/` with weights, optimizer state and `state.json`, written completely or not at all.

    model.safetensors      parameter name -> float32
    optimizer.safetensors  PARAMETER/SLOT -> tensor; missing if the checkpoint is not for further training
    state.json             step, examples seen, metrics, size and SHA-256 of the files above, and its own SHA-256

The ranks of a sharded model write `model-00001-of-00008.safetensors` etc. instead, each with its rows (see
`stored_tensors`). Any number of ranks can read a checkpoint, sharded or not, and reading it never runs code. Weights
are compared with their digest each time they are read.
"""

import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor

import c4pipe
from c4pipe import checked_json
from c4pipe.checked_json import Count, FileName, Sha256, Word
from c4pipe.errors import UserError
from c4pipe.shards import files
from model.architectures.parts import Part
from model.checkpoints import stored_tensors
from model.checkpoints.stored_tensors import StoredTensors

MODEL_FILE = "model.safetensors"
OPTIMIZER_FILE = "optimizer.safetensors"
STATE_FILE = "state.json"
DAMAGED_SUFFIX = ".damaged"
_MOST_THREADS = 4
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


@dataclass(frozen=True)
class Writers:
    """The processes that write a checkpoint together, each the rows that it has.

    index: of this process; the first also writes what is not sharded. gather: the values of all, in their order.
    """

    index: int = 0
    count: int = 1
    gather: Callable[[Any], list[Any]] = lambda value: [value]


ALONE = Writers()


def write(
    parent: Path,
    state: State,
    weights: Mapping[str, Tensor | Part],
    optimizer: Mapping[str, Tensor | Part] | None,
    writers: Writers = ALONE,
) -> Path:
    """Write a checkpoint below `parent`. It gets its name only after everything in it is on disk. All writers call it.

    Raises: OSError (such as for a full disk) on all writers; then nothing is left behind.
    """
    name = f"{name_of(state.step)}.{uuid.uuid4().hex[:8]}{files.TEMPORARY_SUFFIX}"
    temporary = parent / writers.gather(name)[0]
    described: dict[str, StoredFile] = {}
    failure: OSError | None = None
    try:
        try:
            temporary.mkdir(parents=True, exist_ok=True)
            for table, tensors in ((MODEL_FILE, weights), (OPTIMIZER_FILE, optimizer)):
                if tensors is not None:
                    file = stored_tensors.file_name(table, writers.index, writers.count)
                    described[file] = _write_tensors(temporary / file, tensors)
        except OSError as error:
            failure = error
        outcomes = writers.gather((described, failure))
        for _, complaint in outcomes:
            if complaint is not None:
                raise complaint
        target = parent / name_of(state.step)
        if writers.index == 0:
            everything = {file: stored for each, _ in outcomes for file, stored in each.items()}
            _check_visible(temporary, everything)
            write_state(temporary, replace(state, files=everything))
            if target.exists():
                remove(target)
            temporary.rename(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    if writers.index == 0:
        _synchronise(parent)
    return target


def _check_visible(folder: Path, described: Mapping[str, StoredFile]) -> None:
    """Raises: OSError if another writer's file is not here, because it writes to another disk."""
    for name, stored in described.items():
        if not (folder / name).exists() or (folder / name).stat().st_size != stored.bytes:
            raise OSError(f"{name} of another rank is not on this disk; all nodes must mount the run folder")


def write_state(folder: Path, state: State) -> None:
    """Write `state.json`, completely or not at all."""
    content = asdict(state)
    content["sha256"] = _digest_of_state(content)
    files.write_bytes(str(folder / STATE_FILE), (json.dumps(content, indent=1) + "\n").encode())


def _digest_of_state(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _write_tensors(path: Path, tensors: Mapping[str, Tensor | Part]) -> StoredFile:
    stored_tensors.write(path, tensors)
    files.share(str(path))  # safetensors makes it readable by its owner only
    _synchronise(path)
    return StoredFile(path.stat().st_size, files.sha256(str(path)))


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


def fault(folder: Path, tables: Collection[str] = (MODEL_FILE, OPTIMIZER_FILE)) -> str | None:
    """What is wrong with a checkpoint; None if all files have the size and checksum that they were written with.

    tables: what to check.
    """
    try:
        described = read_state(folder).files
        _check_all(folder, {table: stored_tensors.names_of_table(table, described) for table in tables}, described)
        return None if stored_tensors.names_of_table(MODEL_FILE, described) else f"{STATE_FILE} names no {MODEL_FILE}"
    except READ_ERRORS as error:
        return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"


def _check_all(folder: Path, tables: Mapping[str, Collection[str]], described: Mapping[str, StoredFile]) -> None:
    """Check the files of some tables, several at a time. Raises: as `_check`."""
    names = [name for of_table in tables.values() for name in of_table]
    with ThreadPoolExecutor(_MOST_THREADS) as pool:
        list(pool.map(lambda name: _check(folder / name, described[name]), names))


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


def read_weights(folder: Path, *, check: bool = True) -> StoredTensors:
    """The weights, which are read to the CPU when they are asked for.

    check: compare the files with their digests first.
    Raises: UserError if they cannot be read or differ from their digest.
    """
    return _open_table(folder, MODEL_FILE, check)


def read_optimizer(folder: Path, *, check: bool = True) -> StoredTensors:
    """The optimizer's state, as `read_weights`; empty if the checkpoint has none. Raises: as `read_weights`."""
    return _open_table(folder, OPTIMIZER_FILE, check)


def model_files(folder: Path) -> list[Path]:
    """The files with the weights. Raises: UserError if `state.json` cannot be read."""
    try:
        return [folder / name for name in stored_tensors.names_of_table(MODEL_FILE, read_state(folder).files)]
    except READ_ERRORS as error:
        raise _damaged(folder / STATE_FILE, error) from error


def _open_table(folder: Path, table: str, check: bool) -> StoredTensors:
    try:
        described = read_state(folder).files
        names = stored_tensors.names_of_table(table, described)
        if not names and (table == MODEL_FILE or (folder / table).exists()):
            raise ValueError(f"{STATE_FILE} does not name {table}")
        if check:
            _check_all(folder, {table: names}, described)
        return StoredTensors([folder / name for name in names])
    except READ_ERRORS as error:
        raise _damaged(folder / table, error) from error


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(f"{path} is damaged ({error}); use another checkpoint of the run")
