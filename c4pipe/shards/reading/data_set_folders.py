"""Reads folders that `save_to_disk` of Hugging Face's `datasets` wrote, without that package."""

from dataclasses import dataclass
from typing import Any, TypeVar

from c4pipe.checked_json import FileName
from c4pipe.errors import UserError
from c4pipe.shards import files, json_files

_T = TypeVar("_T")

_STATE, _SPLITS = "state.json", "dataset_dict.json"


@dataclass(frozen=True)
class _DataFile:
    filename: FileName


@dataclass(frozen=True)
class _State:
    """The fields of `state.json` that are read."""

    _data_files: tuple[_DataFile, ...]
    _split: FileName | None = None
    _indices_data_files: list[Any] | None = None
    _indices_files: list[Any] | None = None


@dataclass(frozen=True)
class _SplitList:
    """The fields of `dataset_dict.json` that are read."""

    splits: tuple[FileName, ...]


def is_data_set(folder: str) -> bool:
    """Whether `save_to_disk` wrote the folder."""
    return any(files.exists(files.join(folder, name)) for name in (_STATE, _SPLITS))


def splits_of(folder: str) -> dict[str, list[str]]:
    """Split -> its Arrow files, in their order. A folder without splits is the split that it names, or `train`.

    Raises: UserError if a file of the folder is missing or damaged.
    """
    if files.exists(files.join(folder, _SPLITS)):
        names = _read(folder, _SPLITS, _SplitList).splits
        return {name: _files_of(files.join(folder, name))[1] for name in names}
    split, found = _files_of(folder)
    return {split: found}


def _files_of(folder: str) -> tuple[str, list[str]]:
    state = _read(folder, _STATE, _State)
    if state._indices_data_files or state._indices_files:
        raise UserError(f"{folder} has its rows in another order than its files; save it with a newer `datasets`")
    paths = [files.join(folder, entry.filename) for entry in state._data_files]
    for path in paths:
        if not files.exists(path):
            raise UserError(f"{path} is missing, but {folder}/{_STATE} names it; copy the folder again")
    return state._split or "train", paths


def _read(folder: str, name: str, kind: type[_T]) -> _T:
    return json_files.read(files.join(folder, name), kind, "save the data set again", may_hold_more=True)
