"""Finds the files of a text source, and which of them are for training and which for validation.

A source is a folder made by wet_to_c4, a folder that `save_to_disk` of `datasets` wrote, any folder of text shards, a
glob, or a data set of the Hugging Face hub. `@split` chooses one of its splits. Pages for validation and tests are
always separate from training pages: the splits are known from a manifest, or else from the names of the files.
"""

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from c4pipe import hub
from c4pipe.errors import UserError
from c4pipe.shards import files, manifest
from c4pipe.shards.reading import data_set_folders, hub_data_sets, kinds
from c4pipe.shards.reading.source_names import DATA_SET, SourceName, parse_source_name
from c4pipe.shards.reading.split_names import (
    TRAIN,
    is_test,
    is_validation,
    split_of_file,
    splits_of_files,
    validation_of,
)

_OUR_OTHER_FILES = ("manifest.json", "report.json", "quarantine.jsonl", "unfinished.json", "run.json")
# Files of these kinds are taken from a folder or by any glob. Files of other kinds are taken only by a glob with their
# ending.
_KINDS_OF_TEXT = (kinds.JSON, kinds.PARQUET)


@dataclass(frozen=True)
class TextFiles:
    """The files of a source, in their order. train: the files to learn from. validation: their validation files."""

    train: tuple[str, ...]
    validation: tuple[str, ...]

    @property
    def asked(self) -> tuple[str, ...]:
        """The files that the source names: its training files; if it names only validation files, these."""
        return self.train or self.validation


@dataclass(frozen=True)
class _File:
    path: str
    split: str | None


def resolve_source(source: str | SourceName) -> list[str]:
    """The files that a source names, without the validation files beside them. See `find_text`."""
    return list(find_text(source).asked)


def find_text(source: str | SourceName) -> TextFiles:
    """The files of a source. Notices on standard error tell which files are used without a manifest, or left out.

    Without a split, a source gives its split `train`. If it has none, it gives all splits that are not for validation
    or tests (the languages of a multilingual corpus).

    Raises: UserError if the source has no files, or does not have the split.
    """
    name = parse_source_name(source) if isinstance(source, str) else source
    folder = name.path.removeprefix(DATA_SET)
    if manifest.exists(folder):
        found = _by_manifest(folder)
    elif data_set_folders.is_data_set(folder):
        found = [_File(path, split) for split, paths in data_set_folders.splits_of(folder).items() for path in paths]
    elif name.path.startswith(DATA_SET) and not files.exists(folder):
        return _on_hub(name)
    else:
        return _without_manifest(replace(name, path=folder))
    return _choose(name, found, prefers_train=True)


def _by_manifest(folder: str) -> list[_File]:
    made = manifest.read(folder)
    if made.kind != "c4":
        raise UserError(f"{folder} has {made.kind}, not text; give a folder made by wet_to_c4 or a glob of shards")
    return [_File(files.join(folder, shard.file), split) for split, shards in made.splits.items() for shard in shards]


def _without_manifest(name: SourceName) -> TextFiles:
    in_folder = [entry for entry in files.list_folder(name.path) if _is_text(entry, "")]
    if in_folder:
        found = [_File(files.join(name.path, entry), split_of_file(entry)) for entry in in_folder]
    elif files.list_folder(name.path):
        raise UserError(
            f"{name.path} has no text shards (JSON lines or Parquet); give its files as a glob, such as "
            f"{_glob_of_files_in(name.path)}"
        )
    else:
        found = _by_glob(name.path)
    listed = manifest.listed([file.path for file in found])
    known = {path: split for path, (made, split, _) in listed.items() if made.kind == "c4"}
    found = [_File(file.path, known.get(file.path, file.split)) for file in found]
    chosen = _choose(name, found, prefers_train=bool(in_folder))
    if len(known) < len(found):
        _say_what_is_taken(name, len(found), chosen)
    return chosen


def _on_hub(name: SourceName) -> TextFiles:
    data_set = hub.data_set(name.path.removeprefix(DATA_SET))
    listed, split = hub_data_sets.files_of(data_set, name.split)
    found = [_File(data_set.url(path), of_split) for path, of_split in listed if _is_text(files.base_name(path), "")]
    if not found:
        raise UserError(f"{name.place} has no text shards (JSON lines or Parquet) among its {len(listed):,} files")
    chosen = _choose(replace(name, split=split), found, prefers_train=True)
    _say_what_is_taken(name, len(found), chosen)
    return chosen


def _glob_of_files_in(folder: str) -> str:
    """A glob that finds readable files of a folder, or of its first folder that has some (`lang=de/part-0.parquet`)."""
    entries = files.list_folder(folder)
    for inner in ("", *sorted(entry for entry in entries if not entry.startswith((".", "_")))):
        for entry in files.list_folder(files.join(folder, inner) if inner else folder):
            if kinds.kind_of(entry) is not None:
                ending = entry[len(kinds.stem_of(entry)) :]
                return files.join(folder, "*", f"*{ending}") if inner else files.join(folder, f"*{ending}")
    return files.join(folder, "*.txt")


def _say_what_is_taken(name: SourceName, num_found: int, chosen: TextFiles) -> None:
    taken = len(chosen.train) + len(chosen.validation)
    by_name = f", {len(chosen.validation)} of them for validation by their names" if chosen.validation else ""
    rest = f"; {num_found - taken} of other splits are left out" if num_found > taken else ""
    as_they_are = f"its {taken} files are taken as they are" if taken > 1 else "its file is taken as it is"
    print(
        f"notice: {name.path} has no manifest.json; {as_they_are}{by_name}{rest}",
        file=sys.stderr,
    )


def _by_glob(pattern: str) -> list[_File]:
    matches = files.expand(pattern)
    found = [path for path in matches if _is_text(files.base_name(path), pattern)]
    if not found:
        raise UserError(f"{pattern!r} matches no text shard; their names end in {kinds.IN_WORDS}")
    others = [
        files.base_name(path)
        for path in matches
        if path not in set(found) and files.base_name(path) not in _OUR_OTHER_FILES and not _is_provenance(path)
    ]
    if others:
        more = ", ..." if len(others) > 3 else ""
        print(f"notice: {len(others)} files are not text: {', '.join(others[:3])}{more}", file=sys.stderr)
    return list(map(_File, found, splits_of_files(found)))


def _choose(name: SourceName, found: Sequence[_File], *, prefers_train: bool) -> TextFiles:
    """The files for training and for validation, according to the split of the source.

    prefers_train: if the source has no split, take only the split `train`, if there is one.
    """
    splits = {file.split for file in found}
    if name.split is not None:
        if name.split not in splits:
            listed = ", ".join(sorted(split for split in splits if split)) or "(the names of its files tell none)"
            raise UserError(
                f"{name.path} has no split {name.split!r}; name one of these as {name.path}@SPLIT: {listed}"
            )
        if is_validation(name.split):
            return TextFiles((), _of(found, {name.split}))
        wanted: set[str | None] = {name.split}
    else:
        wanted = {split for split in splits if not is_validation(split) and not is_test(split)}
        if prefers_train and TRAIN in wanted:
            wanted = {TRAIN}
    # If the source has only validation or test files, the user means these.
    for_validation = {split for split in splits if is_validation(split)}
    if not wanted:
        return TextFiles((), _of(found, for_validation)) if for_validation else TextFiles(_of(found, splits), ())
    return TextFiles(_of(found, wanted), _of(found, {validation_of(split) for split in wanted}))


def _of(found: Sequence[_File], splits: Collection[str | None]) -> tuple[str, ...]:
    return tuple(file.path for file in found if file.split in splits)


def _is_text(name: str, pattern: str) -> bool:
    """Whether a file has text. pattern: the glob that matched it; empty for a file from a folder's listing."""
    if _is_provenance(name) or name in _OUR_OTHER_FILES:
        return False
    kind = kinds.kind_of(name)
    return kind in _KINDS_OF_TEXT or (kind is not None and kinds.kind_of(pattern) == kind)


def _is_provenance(path: str) -> bool:
    return files.base_name(path).startswith("provenance-")
