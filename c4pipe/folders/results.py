"""The result of a command in a folder. Its record, the file that is written last, tells whether it is there already."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from c4pipe import checked_json
from c4pipe.errors import UserError
from c4pipe.folders.kinds import KINDS, files_of
from c4pipe.shards import files, manifest


class Result(Protocol):
    """A result that is complete in a folder when its `record` is there, the file that is written last.

    command: the command that makes it. run: a digest of everything that it depends on. names: patterns of all files
    that are written before the record.
    """

    @property
    def command(self) -> str: ...
    @property
    def run(self) -> str: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def record(self) -> str: ...

    def difference(self, folder: str) -> str | None:
        """How the result in the folder, according to its record, differs from this one; None if it does not.

        Raises: UserError if the record cannot be read.
        """

    def contents(self, folder: str) -> Mapping[str, int | None]:
        """The files that the record lists: name -> bytes, or None if it does not tell. Raises: as `difference`."""

    def needed(self, folder: str) -> Sequence[str]:
        """The files of `contents` without which the folder is not whole."""


@dataclass(frozen=True)
class ManifestResult:
    """A result whose record is `manifest.json`.

    settings: the manifest's settings. free: names of settings that are known only at the end. inputs: returns how a
    manifest's inputs differ from the requested ones, or None. identity: everything else that the result depends on, for
    `run`.
    """

    command: str
    kind: str
    settings: Mapping[str, Any]
    names: tuple[str, ...]
    inputs: Callable[[manifest.Manifest], str | None] = lambda made: None
    free: frozenset[str] = frozenset()
    identity: Any = None
    record: str = manifest.FILE_NAME

    @property
    def run(self) -> str:
        return run_name(self.command, self.kind, {**self.settings}, self.identity)

    def difference(self, folder: str) -> str | None:
        made = manifest.read(folder)
        if made.kind != self.kind:
            return f"{made.kind}, not {self.kind}"
        for name in sorted({*made.settings, *self.settings} - self.free):
            there, asked = made.settings.get(name), self.settings.get(name)
            if there != asked:
                return f"{name} is {there}, this command asks for {asked}"
        return self.inputs(made)

    def contents(self, folder: str) -> Mapping[str, int | None]:
        return files_of(manifest.read(folder))

    def needed(self, folder: str) -> Sequence[str]:
        made = manifest.read(folder)
        shards = [shard.file for of_split in made.splits.values() for shard in of_split]
        return [*shards, *KINDS[made.kind].needed]


@dataclass(frozen=True)
class SettingsResult:
    """A result whose record is a JSON object with `settings` and `version`: everything that the result depends on.

    beside: the other files that must be there. others: files that may be there.
    """

    command: str
    record: str
    settings: Mapping[str, Any]
    beside: tuple[str, ...]
    others: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.beside, *self.others)

    @property
    def run(self) -> str:
        return run_name(self.command, {**self.settings})

    def difference(self, folder: str) -> str | None:
        there, asked = self._settings(folder), json.loads(json.dumps(self.settings))
        differing = [name for name in sorted({*there, *asked}) if there.get(name) != asked.get(name)]
        return f"other {', '.join(differing)}" if differing else None

    def contents(self, folder: str) -> Mapping[str, int | None]:
        self._settings(folder)
        return dict.fromkeys(self.names)

    def needed(self, folder: str) -> Sequence[str]:
        return self.beside

    def _settings(self, folder: str) -> dict[str, Any]:
        path = files.join(folder, self.record)
        try:
            content = checked_json.parse_any(files.read_bytes(path))
            if isinstance(content["settings"], dict) and isinstance(content["version"], str):
                return content["settings"]
        except (ValueError, KeyError, TypeError):
            pass
        raise UserError(
            f"{path} was not written by {self.command} or is damaged; move it away, or give another --output"
        )


def run_name(*parts: Any) -> str:
    """A digest of JSON values: 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def same_files(paths: Sequence[str]) -> Callable[[manifest.Manifest], str | None]:
    """A check for `ManifestResult.inputs`: by base name, and by content if the inputs' folder has a manifest."""

    def difference(made: manifest.Manifest) -> str | None:
        if sorted(entry.name for entry in made.inputs) != sorted(map(files.base_name, paths)):
            return "made from other files"
        known = manifest.known_digests(paths)
        by_name = zip(
            sorted(paths, key=files.base_name), sorted(made.inputs, key=lambda entry: entry.name), strict=True
        )
        if any(known.get(path, entry.sha256) != entry.sha256 for path, entry in by_name):
            return "its input files have changed since"
        return None

    return difference
