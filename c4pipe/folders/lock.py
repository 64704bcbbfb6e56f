"""A lock, so that only one run at a time writes to a folder. It ends with its process, however the process ends."""

import contextlib
import errno
import json
import os
import re
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Annotated

from filelock import FileLock, Timeout

from c4pipe import checked_json
from c4pipe.checked_json import Count, Word, length_between
from c4pipe.errors import UserError
from c4pipe.shards import files
from c4pipe.shown import one_line

LOCK_FILE = ".c4pipe.lock"
HOLDER_FILE = ".c4pipe.holder.json"
# Errors of `flock` on a file system without locks.
_NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL})


@dataclass(frozen=True)
class Holder:
    """The run that holds a lock. since: ISO 8601, UTC."""

    command: Word
    process: Count
    host: Word
    since: Annotated[str, length_between(20, 20)]

    @classmethod
    def this_process(cls, command: str) -> "Holder":
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return cls(command, os.getpid(), re.sub("[^A-Za-z0-9_.+-]", "_", socket.gethostname())[:64] or "unnamed", now)

    def __str__(self) -> str:
        return f"{self.command}, process {self.process} on {self.host}, since {self.since}"


@contextlib.contextmanager
def locked(folder: str, command: str) -> Iterator[None]:
    """Lock a folder against other runs while the block runs.

    The lock is a `flock` on a small file in the folder, so that a killed run leaves no lock. A second file says which
    run holds it. Both are removed at the end. A URL is not locked: there, the marker of `OutputFolder` keeps other runs
    out. On a file system without locks, a notice is printed.

    Raises: UserError if another run (named in the message) has locked the folder, or if it cannot be written to.
    """
    if files.is_remote(folder):
        yield
        return
    path = os.path.join(folder, LOCK_FILE)
    lock = FileLock(path, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise UserError(f"{folder} is in use by {_holder(folder)}; wait for it, or give another --output") from None
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_LOCKS:
            raise cannot_write(folder, error) from error
        print(f"notice: {folder} has no file locks; do not start a second run there meanwhile", file=sys.stderr)
        yield
        return
    try:
        holder = json.dumps(asdict(Holder.this_process(command)))
        files.write_bytes(os.path.join(folder, HOLDER_FILE), holder.encode())
        yield
    finally:
        # The files are removed before the lock is released: a run that waits for the old file then sees that it is
        # gone, and makes a new one.
        for name in (HOLDER_FILE, LOCK_FILE):
            with contextlib.suppress(OSError):
                os.remove(os.path.join(folder, name))
        lock.release()


@contextlib.contextmanager
def made_and_locked(folder: str, command: str) -> Iterator[None]:
    """Make a local folder if it does not exist, and lock it. A new folder that stays empty is removed again.

    Raises: as `locked`.
    """
    is_new = not os.path.exists(folder)
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    try:
        with locked(folder, command):
            yield
    finally:
        if is_new:
            with contextlib.suppress(OSError):
                os.rmdir(folder)


def cannot_write(path: str, error: OSError) -> Exception:
    """The error to raise if a folder cannot be written to. The error of a full disk is returned unchanged."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return error
    reason = error.strerror or one_line(str(error))  # an object store's errors have no number
    return UserError(f"cannot write to {path}: {reason}; give a folder that can be written to")


def _holder(folder: str) -> str:
    try:
        return str(checked_json.parse(files.read_bytes(os.path.join(folder, HOLDER_FILE)), Holder))
    except (UserError, ValueError):
        return "another run, whose details are not known yet"
