"""Which files a SOURCE of text names: a folder made by wet_to_c4, `folder@split`, or any text shards."""

import sys

from c4pipe.errors import UserError
from c4pipe.shards import files, manifest, names

# How the name of a text shard ends; text_shards.READERS has a reader for each.
ENDINGS = (".json.gz", ".jsonl.gz", ".json.zst", ".jsonl.zst", ".json", ".jsonl", ".parquet")
_OTHER_FILES = ("manifest.json", "report.json", "quarantine.jsonl")


def resolve_source(source: str, default_split: str = "train") -> list[str]:
    """The text shards that `source` names, sorted.

    A folder with a manifest gives the shards of its split (`folder@split`, or the default split). A folder without one,
    or a glob, gives the text shards it holds or matches; one notice on standard error says that nothing vouches for
    them.

    Raises: UserError where nothing is there, or the split is not.
    """
    folder, split = _split_of(source)
    if files.exists(files.join(folder, manifest.FILE_NAME)):
        return _by_manifest(folder, split or default_split)
    found = _by_folder(folder, split or default_split, strict=split is not None)
    if found is None:
        found = [path for path in files.expand(source) if _is_text_shard(path)]
        if not found:
            raise UserError(f"{source!r} matches no text shard; they end in {', '.join(ENDINGS)}")
    print(f"notice: {source} has no manifest.json; its {len(found)} files are taken as they are", file=sys.stderr)
    return found


def _split_of(source: str) -> tuple[str, str | None]:
    """
    >>> _split_of("c4/multilingual@de"), _split_of("c4/en")
    (('c4/multilingual', 'de'), ('c4/en', None))
    """
    folder, mark, split = source.rpartition("@")
    if mark and folder and "/" not in split:
        return folder, split
    return source, None


def _by_manifest(folder: str, split: str) -> list[str]:
    held = manifest.read(folder)
    if held.kind != "c4":
        raise UserError(f"{folder} holds {held.kind}, not text; give a folder made by wet_to_c4 or a glob of shards")
    if split not in held.splits:
        there = ", ".join(sorted(held.splits))
        raise UserError(f"{folder} has no split {split!r}; name one of these as {folder}@SPLIT: {there}")
    return [files.join(folder, shard.file) for shard in held.splits[split]]


def _by_folder(folder: str, split: str, strict: bool) -> list[str] | None:
    entries = [name for name in files.list_folder(folder) if _is_text_shard(name)]
    if not entries:
        return None
    of_split = [name for name in entries if (parsed := names.parse(name)) and parsed[0] == f"c4-{split}"]
    if strict and not of_split:
        raise UserError(f"{folder} has no manifest.json and no files named c4-{split}.NNNNN-of-NNNNN")
    return [files.join(folder, name) for name in of_split or entries]


def _is_text_shard(path: str) -> bool:
    name = files.base_name(path)
    return name.endswith(ENDINGS) and not name.startswith("provenance-") and name not in _OTHER_FILES
