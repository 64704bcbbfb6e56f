"""Which WET files a run reads, in the one order that does not depend on how they were named; and the list of them."""

import gzip
import json
import os
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence

from c4pipe.corpus.wet.kinds import fault_of_beginning
from c4pipe.corpus_run.plan import File
from c4pipe.errors import UserError
from c4pipe.shards import files
from c4pipe.shown import without_credentials

# As many files' beginnings are looked at before any work.
_NUM_LOOKED_AT = 8
# How the paths begin that Common Crawl lists.
_CRAWL_FOLDER = "crawl-data/"


def list_inputs(globs: str | None, list_file: str | None, base_url: str | None = None) -> list[File]:
    """The WET files of `--input` (globs) or `--input_list` (a file with one path or URL a line), by base name.

    Files of one base name are told apart by their SHA-256, so that the order is a function of what is in them.
    base_url: where the lines of the list that are paths of Common Crawl lie, if not on this machine.

    Raises: UserError if neither or both are given, a glob matches nothing, or a file of the list is missing.
    """
    if (globs is None) == (list_file is None):
        raise UserError("give either --input=GLOB[,GLOB] or --input_list=FILE")
    if base_url is not None and list_file is None:
        raise UserError("--base_url goes with --input_list, whose lines may be paths of Common Crawl")
    paths = files.expand(globs) if globs is not None else _read_list(str(list_file), base_url)
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


def refuse_other_files(wet_files: Sequence[File], wet_parser: str) -> None:
    """Look at the first records of some files, spread over all.

    Raises: UserError if every one of them is a WARC or WAT file, of another version, or compressed otherwise.
    """
    some = wet_files[:: max(len(wet_files) // _NUM_LOOKED_AT, 1)][:_NUM_LOOKED_AT]
    fault = ""
    for file in some:
        with files.open_for_reading(file.path) as source:
            fault = fault_of_beginning(source, file.name, wet_parser)
        if not fault:
            return
    if fault:
        others = f", and so is each of the {len(some)} files that were looked at" if len(some) > 1 else ""
        raise UserError(
            f"{without_credentials(some[-1].path)} {fault}{others}. --accept_other_records goes on all the same"
        )


def _read_list(list_file: str, base_url: str | None) -> list[str]:
    content = files.read_bytes(list_file)
    if content.startswith(b"\x1f\x8b"):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise UserError(f"{list_file} is damaged ({error}); copy it again") from error
    lines = [line.strip() for line in content.decode("utf-8", "surrogateescape").splitlines()]
    entries = [line for line in lines if line]
    if not entries:
        raise UserError(f"{list_file} names no file; write one path or URL a line")
    if files.is_remote(list_file) and base_url is None:
        folder = list_file.rsplit("/", 1)[0]
        return [entry if files.is_remote(entry) else files.join(folder, entry) for entry in entries]
    return [_find(entry, list_file, base_url) for entry in entries]


def _find(entry: str, list_file: str, base_url: str | None) -> str:
    """A path as it stands, or beside the list: whole, or (as in `wet.paths` of a crawl) by its base name.

    What is not on this machine and is a path of Common Crawl lies below `base_url`.
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
    hint = "; --base_url=URL reads it from where crawl-data/ lies" if is_crawl_path and base_url is None else ""
    raise UserError(f"{entry} (in {list_file}) is not there; paths are taken from here or from the list's folder{hint}")


def write_list(path: str, wet_files: Sequence[File]) -> None:
    """Leave the list of WET files for the workers, one JSON array a line."""
    lines = [json.dumps([file.path, file.stem], ensure_ascii=False) for file in wet_files]
    files.write_bytes(path, ("\n".join(lines) + "\n").encode())


def read_list(path: str) -> Iterator[File]:
    """The WET files of a list, in order."""
    for index, line in enumerate(files.read_bytes(path).decode().splitlines()):
        wet_path, stem = json.loads(line)
        yield File(index, wet_path, stem)
