"""A work folder that several output folders of one command share, because their results have work in common."""

import contextlib
from collections.abc import Iterator

from c4pipe.folders.lock import made_and_locked
from c4pipe.folders.work_folder import WorkFolder
from c4pipe.shards import files


@contextlib.contextmanager
def opened(work: WorkFolder, around: str, command: str, run: str, *, keeps: bool = False) -> Iterator[None]:
    """Lock the folder around the outputs against other runs, and make the work folder.

    The work folder is removed if the block ends without an error, unless it `keeps` it. After an error it stays for the
    next start, unless nothing was written to it.

    around: the folder that has the output folders. If it is a URL, the work folder is locked, if that is local.
    run: a digest that identifies the run.
    Raises: UserError if another run uses the folder, or if it cannot be written to.
    """
    lockable = work.path if files.is_remote(around) else around
    with contextlib.nullcontext() if files.is_remote(lockable) else made_and_locked(lockable, command):
        work.open(command, run)
        work.remove_incomplete()
        try:
            yield
        finally:
            if work.is_empty():
                work.remove()
        if not keeps:
            work.remove()
