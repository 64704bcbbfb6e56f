"""`manifest.json`: what a folder holds, what it was made from, and with which settings."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import c4pipe
from c4pipe.errors import UserError
from c4pipe.shards import files

FILE_NAME = "manifest.json"


@dataclass(frozen=True)
class Shard:
    """One file of a split: name inside the folder, rows, size in bytes, SHA-256 of the file."""

    file: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Input:
    """One file that the folder was made from: base name and SHA-256 of its bytes."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What `manifest.json` holds.

    kind: `c4`, `vocabulary`, `examples` or `tasks`. settings: everything that decides the bytes of the folder.
    assets: name -> SHA-256. statistics: counts worth having without opening a shard.
    """

    kind: str
    splits: Mapping[str, tuple[Shard, ...]]
    settings: Mapping[str, Any]
    inputs: tuple[Input, ...] = ()
    assets: Mapping[str, str] = field(default_factory=dict)
    statistics: Mapping[str, Any] = field(default_factory=dict)
    version: str = c4pipe.__version__

    def num_rows(self, split: str) -> int:
        return sum(shard.rows for shard in self.splits.get(split, ()))


def write(folder: str, manifest: Manifest) -> None:
    """Write `manifest.json`: last of all files of a folder, so that its presence says the folder is whole."""
    text = json.dumps(asdict(manifest), indent=1, sort_keys=True, ensure_ascii=False)
    files.write_bytes(files.join(folder, FILE_NAME), (text + "\n").encode())


def exists(folder: str) -> bool:
    """Whether a folder is finished."""
    return files.exists(files.join(folder, FILE_NAME))


def read(folder: str) -> Manifest:
    """Read a folder's manifest.

    Raises: UserError where there is none or it cannot be understood.
    """
    path = files.join(folder, FILE_NAME)
    if not files.exists(path):
        raise UserError(
            f"{folder} has no {FILE_NAME}: it is no finished folder of c4pipe; run the command that makes it again"
        )
    try:
        fields = json.loads(files.read_bytes(path))
        splits = {name: tuple(Shard(**shard) for shard in shards) for name, shards in fields.pop("splits").items()}
        inputs = tuple(Input(**entry) for entry in fields.pop("inputs"))
        return Manifest(splits=splits, inputs=inputs, **fields)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}); make the folder again") from error


def describe_shard(folder: str, name: str, rows: int) -> Shard:
    """The manifest's entry of a shard that was just written."""
    path = files.join(folder, name)
    return Shard(name, rows, files.size(path), files.sha256(path))
