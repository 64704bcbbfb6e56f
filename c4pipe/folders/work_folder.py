"""A folder for work, which a later start can reuse. A mark in it distinguishes it from a folder of the user."""

import contextlib
import json
import os
import shutil
from dataclasses import dataclass

from c4pipe.errors import UserError
from c4pipe.folders.lock import cannot_write
from c4pipe.shards import files

MARK = ".c4pipe-work"


@dataclass(frozen=True)
class WorkFolder:
    """A work folder. Everything in it is ours, and may be removed at any time."""

    path: str

    def exists(self) -> bool:
        """Whether it exists and has our mark."""
        return files.exists(files.join(self.path, MARK))

    def is_empty(self) -> bool:
        """Whether it contains nothing but our mark."""
        return files.list_folder(self.path) == [MARK]

    def check(self) -> None:
        """Raises: UserError if something else is at its path: a file, a link, or a folder of the user."""
        is_link = not files.is_remote(self.path) and os.path.islink(self.path)
        if is_link or (self._is_taken() and not self.exists()):
            raise UserError(
                f"{self.path} is not a work folder of c4pipe, but the run needs this path for one; move it away, or "
                "give another --output"
            )

    def _is_taken(self) -> bool:
        if files.is_remote(self.path):
            return bool(files.list_folder(self.path))
        return os.path.exists(self.path) and (not os.path.isdir(self.path) or bool(os.listdir(self.path)))

    def open(self, command: str, run: str) -> None:
        """Make it, or reuse it if it exists. Raises: as `check`; UserError if it cannot be written to."""
        self.check()
        try:
            files.make_private_folder(self.path)
            if not self.exists():
                mark = json.dumps({"command": command, "run": run})
                files.write_bytes(files.join(self.path, MARK), mark.encode())
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def remove_incomplete(self) -> None:
        """Remove the half-written files that a killed run left."""
        if not files.is_remote(self.path):
            for folder, _, _ in os.walk(self.path):
                files.remove_incomplete(folder)

    def remove(self) -> None:
        """Remove it with everything in it. A folder without our mark stays."""
        if not self.exists():
            return
        if files.is_remote(self.path):
            fs, inner = files.file_system(self.path)
            with contextlib.suppress(FileNotFoundError):
                fs.rm(inner, recursive=True)
        else:
            shutil.rmtree(self.path, ignore_errors=True)
