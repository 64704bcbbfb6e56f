"""A folder for work that a later start takes over. It carries a mark: a folder of the user's is never taken for one."""

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
    """All that lies in it is ours, and may be removed at any time."""

    path: str

    def exists(self) -> bool:
        """Whether it is there and carries our mark."""
        return files.exists(files.join(self.path, MARK))

    def is_empty(self) -> bool:
        """Whether nothing but our mark lies in it."""
        return files.list_folder(self.path) == [MARK]

    def check(self) -> None:
        """Raises: UserError if something else has its name: a file, a link, or a folder of the user's."""
        is_link = not files.is_remote(self.path) and os.path.islink(self.path)
        if is_link or (self._is_taken() and not self.exists()):
            raise UserError(
                f"{self.path} is not a work folder of c4pipe, and work would be put there; move it away, or give "
                "another --output"
            )

    def _is_taken(self) -> bool:
        if files.is_remote(self.path):
            return bool(files.list_folder(self.path))
        return os.path.exists(self.path) and (not os.path.isdir(self.path) or bool(os.listdir(self.path)))

    def open(self, command: str, run: str) -> None:
        """Make it, or take it over. Raises: as `check`, and if it cannot be written to."""
        self.check()
        try:
            files.make_private_folder(self.path)
            if not self.exists():
                mark = json.dumps({"command": command, "run": run})
                files.write_bytes(files.join(self.path, MARK), mark.encode())
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def remove_incomplete(self) -> None:
        """Remove what a killed run left half-written."""
        if not files.is_remote(self.path):
            for folder, _, _ in os.walk(self.path):
                files.remove_incomplete(folder)

    def remove(self) -> None:
        """Remove it with all that is in it; a folder without our mark stays."""
        if not self.exists():
            return
        if files.is_remote(self.path):
            fs, inner = files.file_system(self.path)
            with contextlib.suppress(FileNotFoundError):
                fs.rm(inner, recursive=True)
        else:
            shutil.rmtree(self.path, ignore_errors=True)
