"""The demo's folder. It records the files of the stages, so that another demo can replace them and only them."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from c4pipe.errors import UserError
from c4pipe.folders import names
from c4pipe.shards import files, json_files

RECORD = "demo.json"
STAGE_FOLDERS = ("wet", "c4", "vocabulary", "examples", "run")


@dataclass(frozen=True)
class Demo:
    """The content of `demo.json`.

    plan: the settings of the demo. seconds: stage -> seconds, for finished stages. made: path in the folder -> bytes.
    """

    plan: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, output: str) -> "Demo | None":
        """The demo that a folder holds, or None. Raises: UserError if its record cannot be read."""
        path = Path(output, RECORD)
        if not path.exists():
            return None
        return json_files.read(str(path), cls, "give another --output")

    def write(self, output: str) -> None:
        files.write_bytes(os.path.join(output, RECORD), json.dumps(asdict(self), indent=1).encode())


def look(output: str) -> dict[str, int]:
    """The files that are now in the folders of the stages: path in the folder -> bytes. Links are not followed."""
    found = {}
    for stage in STAGE_FOLDERS:
        for parent, folders, file_names in os.walk(os.path.join(output, stage)):
            links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
            for path in (os.path.join(parent, name) for name in [*file_names, *links]):
                found[os.path.relpath(path, output)] = os.lstat(path).st_size
    return found


def others(output: str, made: Mapping[str, int]) -> list[str]:
    """The files in the folders of the stages that a demo did not make, or that have changed since then."""
    return sorted(path for path, size in look(output).items() if made.get(path) != size)


def refuse_others(output: str, made: Mapping[str, int]) -> None:
    """Raises: UserError that lists the files in the folders of the stages that the demo did not make."""
    if found := others(output, made):
        raise UserError(
            f"{output} holds files that the demo did not make, or did not complete: {names.shown(found)}; "
            "move them away, or give another --output"
        )


def remove_made(output: str, made: Mapping[str, int]) -> None:
    """Remove the files that another demo made, and folders that become empty. Raises: as `refuse_others`."""
    refuse_others(output, made)
    for path in look(output):
        os.remove(os.path.join(output, path))
    for stage in STAGE_FOLDERS:
        for parent, _, _ in os.walk(os.path.join(output, stage), topdown=False):
            os.rmdir(parent)
