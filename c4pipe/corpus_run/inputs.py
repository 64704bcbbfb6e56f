"""Which WET files a run reads, in the one order that does not depend on how they were named; and the list of them."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence

from c4pipe.corpus_run.plan import File
from c4pipe.errors import UserError
from c4pipe.shards import files
from c4pipe.shown import without_credentials


def list_inputs(globs: str | None, list_file: str | None) -> list[File]:
    """The WET files of `--input` (globs) or `--input_list` (a file with one path or URL a line), by base name.

    Files of one base name are told apart by their SHA-256, so that the order is a function of what is in them.

    Raises: UserError where neither or both are given, a glob matches nothing, or a file of the list is missing.
    """
    if (globs is None) == (list_file is None):
        raise UserError("give either --input=GLOB[,GLOB] or --input_list=FILE")
    paths = files.expand(globs) if globs is not None else _read_list(str(list_file))
    # Two spellings of a token name the same file.
    named = {without_credentials(path): path for path in reversed(paths)}
    paths = sorted(sorted(named.values()), key=files.base_name)
    counts = Counter(map(files.base_name, paths))
    hashes = {path: files.sha256(path) for path in paths if counts[files.base_name(path)] > 1}
    paths.sort(key=lambda path: (files.base_name(path), hashes.get(path, "")))
    seen: Counter[str] = Counter()
    wet_files = []
    for number, path in enumerate(paths):
        name = files.base_name(path)
        seen[name] += 1
        wet_files.append(File(number, path, name if seen[name] == 1 else f"{name}-{seen[name]}"))
    return wet_files


def _read_list(list_file: str) -> list[str]:
    lines = [line.strip() for line in files.read_bytes(list_file).decode("utf-8", "surrogateescape").splitlines()]
    entries = [line for line in lines if line]
    if not entries:
        raise UserError(f"{list_file} names no file; write one path or URL a line")
    if files.is_remote(list_file):
        folder = list_file.rsplit("/", 1)[0]
        return [entry if files.is_remote(entry) else files.join(folder, entry) for entry in entries]
    return [_find(entry, list_file) for entry in entries]


def _find(entry: str, list_file: str) -> str:
    """A path as it stands, or beside the list: whole, or (as in `wet.paths` of a crawl) by its base name."""
    if files.is_remote(entry):
        return entry
    folder = os.path.dirname(list_file)
    for path in (entry, os.path.join(folder, entry), os.path.join(folder, files.base_name(entry))):
        if os.path.isfile(path):
            return path
    raise UserError(f"{entry} (in {list_file}) is not there; paths are taken from here or from the list's folder")


def write_list(path: str, wet_files: Sequence[File]) -> None:
    """Leave the list of WET files for the workers, one JSON array a line."""
    lines = [json.dumps([file.path, file.stem], ensure_ascii=False) for file in wet_files]
    files.write_bytes(path, ("\n".join(lines) + "\n").encode())


def read_list(path: str) -> Iterator[File]:
    """The WET files of a list, in order."""
    for index, line in enumerate(files.read_bytes(path).decode().splitlines()):
        wet_path, stem = json.loads(line)
        yield File(index, wet_path, stem)
