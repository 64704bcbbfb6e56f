"""Lists the WET files that a run reads, in an order that does not depend on how the user named them."""

import gzip
import json
import os
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence

from c4pipe import checked_json
from c4pipe.checked_json import FileName
from c4pipe.corpus.wet.kinds import fault_of_beginning
from c4pipe.corpus_run.plan import File
from c4pipe.errors import UserError
from c4pipe.shards import files
from c4pipe.shown import without_credentials

# The number of files whose first records are checked before any work.
_NUM_LOOKED_AT = 8
# The beginning of the paths in Common Crawl's lists.
_CRAWL_FOLDER = "crawl-data/"


def list_inputs(globs: str | None, list_file: str | None, base_url: str | None = None) -> list[File]:
    """The WET files of `--input` (globs) or `--input_list` (a file with one path or URL per line), sorted by base name.

    Files with the same base name are sorted by their SHA-256, so that the order depends only on their content.
    base_url: where to read paths of Common Crawl that are in the list and not on this machine.

    Raises: UserError if neither or both are given, a glob matches nothing, or a file of the list is missing.
    """
    if (globs is None) == (list_file is None):
        raise UserError("give either --input=GLOB[,GLOB] or --input_list=FILE")
    if base_url is not None and list_file is None:
        raise UserError("--base_url needs --input_list: it is for lists with paths of Common Crawl")
    paths = files.expand(globs) if globs is not None else _read_list(str(list_file), base_url)
    # URLs that differ only in their access token name the same file.
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


def refuse_other_files(wet_files: Sequence[File], wet_parser: str) -> None:
    """Look at the first records of some files, spread evenly over all files.

    Raises: UserError if every one of them is a WARC or WAT file, of another version, or of another compression.
    """
    some = wet_files[:: max(len(wet_files) // _NUM_LOOKED_AT, 1)][:_NUM_LOOKED_AT]
    fault = ""
    for file in some:
        with files.open_for_reading(file.path) as source:
            fault = fault_of_beginning(source, file.name, wet_parser)
        if not fault:
            return
    if fault:
        others = f" (all {len(some)} files that were checked have such a fault)" if len(some) > 1 else ""
        raise UserError(
            f"{without_credentials(some[-1].path)} {fault}{others}. --accept_other_records reads the files anyway"
        )


def _read_list(list_file: str, base_url: str | None) -> list[str]:
    lines = [line.strip() for line in read_unpacked(list_file).decode("utf-8", "surrogateescape").splitlines()]
    entries = [line for line in lines if line]
    if not entries:
        raise UserError(f"{list_file} names no file; write one path or URL per line")
    if files.is_remote(list_file) and base_url is None:
        folder = list_file.rsplit("/", 1)[0]
        return [entry if files.is_remote(entry) else files.join(folder, entry) for entry in entries]
    return [_find(entry, list_file, base_url) for entry in entries]


def read_unpacked(path: str) -> bytes:
    """The content of a list that may be compressed by gzip. Raises: UserError if it is missing or damaged."""
    content = files.read_bytes(path)
    try:
        return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} is damaged ({error}); copy it again") from error


def _find(entry: str, list_file: str, base_url: str | None) -> str:
    """The path of an entry: as written, or relative to the list's folder, or there by its base name alone.

    (The lists of a crawl, `wet.paths`, have long paths.) A path of Common Crawl that is not on this machine is below
    `base_url`.
    """
    if files.is_remote(entry):
        return entry
    folder = os.path.dirname(list_file)
    for path in (entry, os.path.join(folder, entry), os.path.join(folder, files.base_name(entry))):
        if os.path.isfile(path):
            return path
    is_crawl_path = entry.startswith(_CRAWL_FOLDER)
    if base_url is not None and is_crawl_path:
        return f"{base_url.rstrip('/')}/{entry}"
    hint = "; --base_url=URL reads it from URL/crawl-data/..." if is_crawl_path and base_url is None else ""
    raise UserError(
        f"{entry} (in {list_file}) is missing; paths are relative to the current folder or to the list's folder{hint}"
    )


def write_list(path: str, wet_files: Sequence[File]) -> None:
    """Write the list of WET files for the workers, one JSON array per line."""
    lines = [json.dumps([file.path, file.stem], ensure_ascii=False) for file in wet_files]
    files.write_bytes(path, ("\n".join(lines) + "\n").encode())


def read_list(path: str) -> Iterator[File]:
    """The WET files of a list, in order."""
    for index, line in enumerate(files.read_bytes(path).splitlines()):
        try:
            wet_path, stem = checked_json.parse(line, tuple[str, FileName])
        except ValueError as error:
            raise UserError(f"{path} is damaged ({error}); run the command again") from error
        yield File(index, wet_path, stem)
