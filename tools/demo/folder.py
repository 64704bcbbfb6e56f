"""The demo's folder: what its stages made there, so that another demo can start anew and nothing else is lost."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from c4pipe.errors import UserError
from c4pipe.folders import names
from c4pipe.shards import checked_json, files

RECORD = "demo.json"
STAGE_FOLDERS = ("wet", "c4", "vocabulary", "examples", "run")


@dataclass(frozen=True)
class Demo:
    """`demo.json`. plan: what was asked for. seconds: of the stages that are done. made: path in the folder -> bytes."""

    plan: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, output: str) -> "Demo | None":
        """The demo that a folder holds, or None. Raises: UserError if its record cannot be read."""
        path = Path(output, RECORD)
        if not path.exists():
            return None
        return checked_json.read(str(path), cls, "give another --output")

    def write(self, output: str) -> None:
        files.write_bytes(os.path.join(output, RECORD), json.dumps(asdict(self), indent=1).encode())


def look(output: str) -> dict[str, int]:
    """The files that lie in the folders of the stages now: path in the folder -> bytes. Links are not followed."""
    found = {}
    for stage in STAGE_FOLDERS:
        for place, folders, in_it in os.walk(os.path.join(output, stage)):
            links = [name for name in folders if os.path.islink(os.path.join(place, name))]
            for path in (os.path.join(place, name) for name in [*in_it, *links]):
                found[os.path.relpath(path, output)] = os.lstat(path).st_size
    return found


def others(output: str, made: Mapping[str, int]) -> list[str]:
    """The files in the folders of the stages that are not as a demo made them."""
    return sorted(path for path, size in look(output).items() if made.get(path) != size)


def refuse_others(output: str, made: Mapping[str, int]) -> None:
    """Raises: UserError that lists files in the folders of the stages which the demo did not make."""
    if found := others(output, made):
        raise UserError(
            f"{output} holds files that the demo did not make, or did not end making: {names.shown(found)}; "
            "move them away, or give another --output"
        )


def remove_made(output: str, made: Mapping[str, int]) -> None:
    """Remove what another demo made, and the folders that are empty then. Raises: as `refuse_others`."""
    refuse_others(output, made)
    for path in look(output):
        os.remove(os.path.join(output, path))
    for stage in STAGE_FOLDERS:
        for place, _, _ in os.walk(os.path.join(output, stage), topdown=False):
            os.rmdir(place)
