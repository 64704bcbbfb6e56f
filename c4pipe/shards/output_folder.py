"""An output folder is empty, unfinished, or finished; and no run touches what another run made unless told to."""

import json
from collections.abc import Callable

from c4pipe.errors import UserError
from c4pipe.shards import files, manifest

# What an unfinished run leaves in its output folder, so that only the same run goes on there.
MARKER = "unfinished.json"


def open_folder(
    folder: str, run: str, is_finished: Callable[[], bool], is_ours: Callable[[str], bool], overwrite: bool
) -> bool:
    """Make `folder` ready for a run; returns whether there is anything to do.

    run: names everything that the result depends on. is_finished: whether the folder's manifest is of this run.
    is_ours: of a file name, whether runs of this kind write such files.
    Raises: UserError where the folder holds another result, or what another run left, unless `overwrite`.
    """
    names = files.list_folder(folder)
    marker = _read_marker(folder) if MARKER in names else None
    if manifest.FILE_NAME in names and not overwrite and is_finished():
        return False
    held = sorted(name for name in names if is_ours(name))
    if held and (marker != run or manifest.FILE_NAME in names):
        if not overwrite:
            what = (
                "another result" if manifest.FILE_NAME in names else "what an unfinished run with other settings left"
            )
            raise UserError(f"{folder} holds {what} ({held[0]}, ...); give another --output, or --overwrite")
        clear(folder, is_ours)
    files.make_folder(folder)
    files.write_bytes(files.join(folder, MARKER), json.dumps({"run": run}).encode())
    return True


def clear(folder: str, is_ours: Callable[[str], bool]) -> None:
    """Remove our files, the manifest first: without it the folder counts as unfinished."""
    files.remove(files.join(folder, manifest.FILE_NAME))
    for name in files.list_folder(folder):
        if is_ours(name):
            files.remove(files.join(folder, name))


def is_open(folder: str) -> bool:
    """Whether a run has not yet said that it is over."""
    return MARKER in files.list_folder(folder)


def close_folder(folder: str) -> None:
    """Say that the run is over: the manifest is written, and nothing is left to tidy."""
    files.remove(files.join(folder, MARKER))


def _read_marker(folder: str) -> str | None:
    try:
        return json.loads(files.read_bytes(files.join(folder, MARKER)))["run"]
    except (ValueError, KeyError, TypeError):
        return None
