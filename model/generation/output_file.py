"""The file that `generate` writes: whole or not at all, with a record beside it of what it was made from."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import c4pipe
from c4pipe import checked_json
from c4pipe.errors import UserError
from c4pipe.shards import files

RECORD_SUFFIX = ".json"


class OutputFile:
    """A text file, and `FILE.json`, which is written last.

    settings: everything that the lines depend on. overwrite: whether a file that is there already may be replaced.
    """

    def __init__(self, path: str, settings: Mapping[str, Any], *, overwrite: bool = False) -> None:
        self.path, self.record = path, path + RECORD_SUFFIX
        self._settings, self._overwrite = dict(settings), overwrite

    def is_finished(self) -> bool:
        """Whether the file is there and was made from these settings. With `overwrite`, always False.

        Raises: UserError if there is another file, or one that has changed since.
        """
        if self._overwrite or not (files.exists(self.path) or files.exists(self.record)):
            return False
        recorded = self._recorded()
        if not files.exists(self.path) or files.sha256(self.path) != recorded.get("sha256"):
            raise UserError(f"{self.path} is not as it was written; give another --output, or --overwrite")
        there, asked = recorded["settings"], json.loads(json.dumps(self._settings))
        if differing := [name for name in sorted({*there, *asked}) if there.get(name) != asked.get(name)]:
            raise UserError(
                f"{self.path} has another result (other {', '.join(differing)}); give another --output, or --overwrite "
                "to replace it"
            )
        return True

    def write(self, lines: Sequence[str]) -> None:
        """Write the lines and the record. An old record is removed first, so that it never describes new lines."""
        content = "".join(line + "\n" for line in lines).encode()
        recorded = {
            "settings": self._settings,
            "lines": len(lines),
            "sha256": hashlib.sha256(content).hexdigest(),
            "version": c4pipe.__version__,
        }
        files.remove(self.record)
        files.write_bytes(self.path, content)
        files.write_bytes(self.record, (json.dumps(recorded, indent=1) + "\n").encode())

    def _recorded(self) -> dict[str, Any]:
        if files.exists(self.record):
            try:
                recorded = checked_json.parse_any(files.read_bytes(self.record))
                if isinstance(recorded, dict) and isinstance(recorded.get("settings"), dict):
                    return recorded
            except ValueError:
                pass
        raise UserError(
            f"{self.path} is there, and {self.record} does not say what it was made from; give another --output, or "
            "--overwrite to replace it"
        )
