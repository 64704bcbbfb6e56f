"""`manifest.json`: the content of a folder, the files that it was made from, and the settings."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

import c4pipe
from c4pipe import checked_json
from c4pipe.checked_json import Count, FileName, Sha256, Word, between, length_between
from c4pipe.errors import UserError
from c4pipe.shards import files
from c4pipe.shown import scrubbed

FILE_NAME = "manifest.json"
MAX_ROWS_OF_SHARD = 1 << 32  # because example shards store row numbers of text shards in 32 bits

# Bounds far above any valid manifest, so that a damaged one does not exhaust the memory.
_Length = Annotated[int, between(1, 1 << 17)]
_InputName = Annotated[str, length_between(1, 4096)]  # names of data sets have separators; never used as a path
_Rows = Annotated[int, between(0, MAX_ROWS_OF_SHARD)]


@dataclass(frozen=True)
class Shard:
    """One file of a split: its name in the folder, number of rows, size in bytes, and SHA-256."""

    file: FileName
    rows: _Rows
    bytes: Count
    sha256: Sha256


@dataclass(frozen=True)
class Input:
    """One file that the folder was made from: base name and SHA-256 of its bytes."""

    name: _InputName
    sha256: Sha256


@dataclass(frozen=True)
class Manifest:
    """The content of `manifest.json`.

    kind: a key of `folders.kinds.KINDS`, such as `c4` or `examples`. settings: everything that determines the bytes of
    the folder, besides inputs and assets. assets: name -> SHA-256. statistics: counts, so that readers need not open
    the shards.
    """

    kind: Word
    splits: Mapping[FileName, tuple[Shard, ...]]
    settings: Mapping[str, Any]
    inputs: tuple[Input, ...] = ()
    assets: Mapping[str, Sha256] = field(default_factory=dict)
    statistics: Mapping[str, Any] = field(default_factory=dict)
    version: Word = c4pipe.__version__

    def num_rows(self, split: str) -> int:
        return sum(shard.rows for shard in self.splits.get(split, ()))


def write(folder: str, manifest: Manifest) -> None:
    """Write `manifest.json`. It must be the last file of a folder: if it exists, the folder is whole."""
    text = json.dumps(scrubbed(asdict(manifest)), indent=1, sort_keys=True, ensure_ascii=False)
    files.write_bytes(files.join(folder, FILE_NAME), (text + "\n").encode())


def exists(folder: str) -> bool:
    """Whether a folder is finished."""
    return files.exists(files.join(folder, FILE_NAME))


def read(folder: str) -> Manifest:
    """Read a folder's manifest.

    Raises: UserError if it is missing or damaged.
    """
    path = files.join(folder, FILE_NAME)
    if not files.exists(path):
        raise UserError(
            f"{folder} has no {FILE_NAME}, so it is not a finished folder of c4pipe; check the path, "
            "or run the command that makes it"
        )
    try:
        manifest = checked_json.parse(files.read_bytes(path), Manifest)
        check_details(manifest)
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); make the folder again") from error
    return manifest


@dataclass(frozen=True)
class _ExampleSettings:
    inputs_length: Annotated[int, between(0, 1 << 17)] | None = None  # 0 if the objective has no inputs (lm)
    targets_length: _Length | None = None
    vocabulary_size: Annotated[int, between(1, 1 << 32)] | None = None
    replicas: Annotated[int, between(1, 1 << 20)] = 1
    num_extra_ids: Annotated[int, between(0, 1 << 20)] | None = None
    objective: str | None = None


@dataclass(frozen=True)
class _TaskSettings:
    inputs_length: _Length
    targets_length: _Length
    vocabulary_size: Annotated[int, between(1, 1 << 32)]
    num_extra_ids: Annotated[int, between(0, 1 << 20)] | None = None


@dataclass(frozen=True)
class _ExampleStatistics:
    counts: Mapping[FileName, Mapping[str, Count]] = field(default_factory=dict)
    text_shards: Mapping[FileName, FileName] = field(default_factory=dict)


@dataclass(frozen=True)
class EarlierCorpus:
    """A corpus of an earlier crawl: the base name of its folder, and digests of its keys and of its inputs."""

    name: FileName
    keys: Sha256
    inputs: Sha256


@dataclass(frozen=True)
class TextStatistics:
    """What readers use of the statistics of text.

    keys: kind -> the files with the keys of the corpus, in order. previous: the corpora that it was added to.
    """

    input_bytes: Count | None = None
    pages: Count | None = None
    keys: Mapping[Word, tuple[Shard, ...]] = field(default_factory=dict)
    previous: tuple[EarlierCorpus, ...] = ()


@dataclass(frozen=True)
class _VocabularySettings:
    num_extra_ids: Annotated[int, between(0, 1 << 20)] | None = None


# The parts of `settings` and `statistics` that readers use, by kind. There may be others.
_SETTINGS = {"examples": _ExampleSettings, "tasks": _TaskSettings, "vocabulary": _VocabularySettings}
_STATISTICS = {"examples": _ExampleStatistics, "c4": TextStatistics}


def text_statistics(made: Manifest) -> TextStatistics:
    """The statistics of a folder with text. Raises: ValueError, but not for a manifest that `read` gave."""
    return checked_json.convert(dict(made.statistics), TextStatistics, may_hold_more=True)


def listed(paths: Sequence[str]) -> dict[str, tuple[Manifest, str, Shard]]:
    """Path -> (the manifest of its folder, its split, its entry), for the files that are listed in one."""
    known: dict[tuple[str, str], tuple[Manifest, str, Shard]] = {}
    for folder in filter(exists, {files.folder_of(path) for path in paths}):
        made = read(folder)
        for split, shards in made.splits.items():
            known.update({(folder, shard.file): (made, split, shard) for shard in shards})
    named = {path: (files.folder_of(path), files.base_name(path)) for path in paths}
    return {path: known[name] for path, name in named.items() if name in known}


def known_digests(paths: Sequence[str]) -> dict[str, str]:
    """Path -> SHA-256 according to the manifest of its folder, for the files that are listed in one."""
    return {path: shard.sha256 for path, (_, _, shard) in listed(paths).items()}


def check_details(manifest: Manifest) -> None:
    """Check the parts of a manifest that depend on the kind of folder, and that names of shards are different.

    Raises: ValueError with a one-line message.
    """
    for part, types in (("settings", _SETTINGS), ("statistics", _STATISTICS)):
        if kind := types.get(manifest.kind):
            try:
                checked_json.convert(dict(getattr(manifest, part)), kind, may_hold_more=True)
            except ValueError as error:
                raise ValueError(f"{part}: {error}") from None
    names = [shard.file for shards in manifest.splits.values() for shard in shards]
    if len(set(names)) != len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise ValueError(f"it lists {twice} twice")


def describe_shard(folder: str, name: str, rows: int) -> Shard:
    """The manifest's entry for a shard that was just written."""
    path = files.join(folder, name)
    return Shard(name, rows, files.size(path), files.sha256(path))
