"""The work folder of a run: where it lies, who may write to it, and what is removed from it. All of it is ours."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from c4pipe.errors import UserError
from c4pipe.shards import files

_LOCK = "lock"


def place(output: str, work_dir: str | None) -> str:
    """`OUTPUT/work`; below a folder of the user's, one that is named for the output, so that nothing else is in it."""
    if work_dir is None:
        return files.join(output, "work")
    whole = output if files.is_remote(output) else str(Path(output).resolve())
    return files.join(work_dir.rstrip("/") or "/", f"wet_to_c4-{hashlib.sha256(whole.encode()).hexdigest()[:12]}")


@contextlib.contextmanager
def locked(work: str) -> Iterator[None]:
    """Hold a local work folder against other runs while the block runs.

    Raises: UserError where another run holds it. The lock ends with the process, however that ends.
    """
    if files.is_remote(work):
        yield
        return
    import fcntl

    os.makedirs(work, exist_ok=True)
    path = os.path.join(work, _LOCK)
    with open(path, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"another run works in {work}; wait for it, or give another --output") from error
        yield


def remove_incomplete(work: str) -> None:
    """Remove what a killed run left half-written."""
    if not files.is_remote(work):
        for folder, _, _ in os.walk(work):
            files.remove_incomplete(folder)


def remove(work: str) -> None:
    """Remove the folder with all that is in it."""
    if files.is_remote(work):
        fs, inner = files.file_system(work)
        with contextlib.suppress(FileNotFoundError):
            fs.rm(inner, recursive=True)
    else:
        shutil.rmtree(work, ignore_errors=True)
