"""Folders that `save_to_disk` of Hugging Face's `datasets` wrote, read without that package."""

import json
from typing import Any

from c4pipe.errors import UserError
from c4pipe.shards import files

_ONE, _SEVERAL = "state.json", "dataset_dict.json"


def is_data_set(folder: str) -> bool:
    """Whether `save_to_disk` wrote the folder."""
    return any(files.exists(files.join(folder, name)) for name in (_ONE, _SEVERAL))


def splits_of(folder: str) -> dict[str, list[str]]:
    """Split -> the Arrow files that hold it, in their order. A folder of one data set is its own split, or `train`.

    Raises: UserError if a file of the folder is missing or cannot be understood.
    """
    if files.exists(files.join(folder, _SEVERAL)):
        names = _read(folder, _SEVERAL).get("splits", [])
        return {name: _files_of(files.join(folder, name))[1] for name in names}
    split, found = _files_of(folder)
    return {split: found}


def _files_of(folder: str) -> tuple[str, list[str]]:
    state = _read(folder, _ONE)
    if state.get("_indices_data_files") or state.get("_indices_files"):
        raise UserError(f"{folder} keeps its rows in another order than its files; save it with a newer `datasets`")
    try:
        paths = [files.join(folder, entry["filename"]) for entry in state["_data_files"]]
    except (KeyError, TypeError) as error:
        raise UserError(f"{folder}/{_ONE} does not tell the files of the data set; save it again") from error
    for path in paths:
        if not files.exists(path):
            raise UserError(f"{path} is missing, which {folder}/{_ONE} names; copy the folder again")
    return state.get("_split") or "train", paths


def _read(folder: str, name: str) -> dict[str, Any]:
    path = files.join(folder, name)
    try:
        found = json.loads(files.read_bytes(path))
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); save the data set again") from error
    if not isinstance(found, dict):
        raise UserError(f"{path} is not what `save_to_disk` writes; save the data set again")
    return found
