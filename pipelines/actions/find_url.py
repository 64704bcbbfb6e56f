"""What `find_url` does after its flags are parsed."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from urllib.parse import urlsplit

import numpy as np

from c4pipe.corpus.urls import normalized_url
from c4pipe.errors import UserError
from c4pipe.shards import files, manifest
from c4pipe.shards.digests import ReadDigest
from c4pipe.shards.example_shards import ExampleShard
from c4pipe.shards.provenance import find, read_provenance
from c4pipe.shards.reading.source_names import parse_source_name
from c4pipe.shards.reading.text_sources import find_text
from c4pipe.shards.schemas import ROWS_PER_BATCH
from c4pipe.shards.stream.cache import check_shard
from c4pipe.shards.text_shards import read_text_shard
from pipelines.jobs.earlier_crawls import digest_of_inputs
from pipelines.launch.workers import worker_processes

# With fewer bytes of shards, starting worker processes takes longer than they save.
_PARALLEL_BYTES = 64 << 20
# The path of a text shard, the wanted URL or domain, whether it is a domain, and the shard's digest in the manifest.
_Job = tuple[str, str, bool, str | None]


@dataclass(frozen=True)
class Match:
    """A row of a text shard that has the wanted URL."""

    text_shard: str
    row: int
    url: str
    timestamp: str | None


def perform(flags: argparse.Namespace) -> int:
    """Do what the flags ask for. Returns: the exit status."""
    wanted = _wanted(flags.url, flags.domain)
    made = manifest_of_examples(flags.examples) if flags.examples else None
    folders = files.split_list(flags.c4)
    shards = [shard for folder in folders for shard in _text_shards(folder)]
    num_bytes = sum(map(files.size, shards))
    if flags.dry_run:
        # Measured: 100 MB of gzip JSON lines per second and core.
        seconds = num_bytes / 100e6 / (os.cpu_count() or 1)
        print(f"would read {len(shards)} text shards ({num_bytes:,} bytes, about {seconds:,.0f} s) and write nothing")
        return 0
    matches = find_pages(shards, wanted, flags.domain, in_parallel=num_bytes > _PARALLEL_BYTES)
    for line in _describe(matches, with_folder=len(folders) > 1):
        print(line)
    num_examples = 0
    if made is not None and matches:
        for shard, rows in find_examples(flags.examples, made, matches):
            num_examples += len(rows)
            print(f"{shard} rows {_ranges(rows)}")
    of_examples = f" and {num_examples:,} examples of {flags.examples}" if flags.examples else ""
    for notice in _notices(folders):
        print(f"notice: {notice}", file=sys.stderr)
    print(f"{flags.url} is in {len(matches):,} rows of {len(shards)} text shards{of_examples}")
    return 0


def _notices(folders: Sequence[str]) -> Iterator[str]:
    """Say which corpora of earlier crawls belong to these folders, but are not among them."""
    finished = {folder: manifest.read(folder) for folder in folders if manifest.exists(folder)}
    given = {digest_of_inputs(made) for made in finished.values()}
    for folder, made in finished.items():
        earlier = manifest.text_statistics(made).previous if made.kind == "c4" else ()
        if others := sorted(corpus.name for corpus in earlier if corpus.inputs not in given):
            yield f"{folder} was added to {', '.join(others)}, where the page may be too; give --c4 them as well"


def _wanted(url: str, is_domain: bool) -> str:
    wanted = normalized_url(url)
    if is_domain:
        wanted = wanted.partition("/")[0].lower()
    if not wanted:
        raise UserError(f"{url!r} is not a URL; give a URL such as https://example.com/page")
    return wanted


def _text_shards(c4: str) -> list[str]:
    if manifest.exists(c4):
        folder_manifest = manifest.read(c4)
        if folder_manifest.kind != "c4":
            raise UserError(f"{c4} holds {folder_manifest.kind}, not text; give --c4 the folder that wet_to_c4 made")
        return [
            files.join(c4, shard.file)
            for split in sorted(folder_manifest.splits)
            for shard in folder_manifest.splits[split]
        ]
    name = parse_source_name(c4)
    found = find_text(name)
    return list(found.asked if name.split is not None else (*found.train, *found.validation))


def find_pages(shards: Sequence[str], wanted: str, is_domain: bool, *, in_parallel: bool) -> list[Match]:
    """The rows of text shards whose URL is `wanted` (normalized), in the order of the shards."""
    known = manifest.known_digests(shards)
    jobs = [(shard, wanted, is_domain, known.get(shard)) for shard in shards]
    if not in_parallel:
        return [match for job in jobs for match in _find_in_shard(job)]
    with worker_processes(context=get_context("spawn")) as pool:
        return [match for found in pool.map(_find_in_shard, jobs) for match in found]


def _find_in_shard(job: _Job) -> list[Match]:
    path, wanted, is_domain, sha256 = job
    found = []
    digest = ReadDigest(sha256)
    # A row that is not a page has no URL. The commands that process the shard report such rows.
    rows = read_text_shard(path, ("url", "timestamp"), on_bad=lambda fault: None, digest=digest)
    for row, page in enumerate(rows):
        url = page["url"]
        if url and (_is_of_domain(url, wanted) if is_domain else normalized_url(url) == wanted):
            found.append(Match(path, row, url, page["timestamp"]))
    return found


def _is_of_domain(url: str, domain: str) -> bool:
    """
    >>> [_is_of_domain(f"https://{host}/a", "b.example") for host in ("b.example", "www.B.example:80", "ab.example")]
    [True, True, False]
    """
    try:
        host = urlsplit(url if "://" in url else f"//{url}").hostname or ""
    except ValueError:
        return False
    return host == domain or host.endswith(f".{domain}")


def _describe(matches: Sequence[Match], *, with_folder: bool) -> Iterator[str]:
    records: dict[str, list[tuple[str, int]]] = {}
    for match in matches:
        if match.text_shard not in records:
            path = find(match.text_shard)
            records[match.text_shard] = [] if path is None else read_provenance(path)
        known = records[match.text_shard]
        origin = "WET record not known"
        if match.row < len(known):
            wet_file, record = known[match.row]
            origin = f"record {record} of {wet_file}"
        shard = match.text_shard if with_folder else files.base_name(match.text_shard)
        yield f"{shard} row {match.row}: {match.url} ({match.timestamp or 'no timestamp'}), {origin}"


def manifest_of_examples(folder: str) -> manifest.Manifest:
    """The manifest of a folder of example shards.

    Raises: UserError if the folder has no examples, or does not say which text shards they are from.
    """
    found = manifest.read(folder)
    if found.kind != "examples" or "text_shards" not in found.statistics:
        raise UserError(
            f"{folder} does not say which text its examples are from; give a folder that c4_to_examples made"
        )
    return found


def find_examples(
    folder: str, folder_manifest: manifest.Manifest, matches: Sequence[Match]
) -> Iterator[tuple[str, list[int]]]:
    """(example shard, rows in it) of the examples that contain tokens of the matched pages.

    Raises: UserError if the folder was not made from these text shards.
    """
    made_from = folder_manifest.statistics["text_shards"]
    _check_digests(folder, folder_manifest, {match.text_shard for match in matches})
    rows_of: dict[str, list[int]] = {}
    for match in matches:
        rows_of.setdefault(files.base_name(match.text_shard), []).append(match.row)
    for shards in folder_manifest.splits.values():
        for shard in shards:
            wanted = rows_of.get(made_from[shard.file], [])
            rows = _examples_of(folder, shard, np.array(wanted)) if wanted else []
            if rows:
                yield shard.file, rows


def _check_digests(folder: str, folder_manifest: manifest.Manifest, shards: set[str]) -> None:
    digests: dict[str, set[str]] = {}
    for entry in folder_manifest.inputs:
        digests.setdefault(entry.name, set()).add(entry.sha256)
    for path in sorted(shards):
        known = digests.get(files.base_name(path), set())
        if len(known) > 1:
            print(
                f"notice: {folder} was made from {len(known)} text shards named {files.base_name(path)}; the rows may "
                "belong to any of them",
                file=sys.stderr,
            )
        if known and files.sha256(path) not in known:
            raise UserError(f"{folder} was not made from {path} but from another shard with that name; give its --c4")


def _examples_of(folder: str, shard: manifest.Shard, wanted: np.ndarray) -> list[int]:
    path = files.join(folder, shard.file)
    check_shard(path, shard)
    found = []
    with ExampleShard(path, columns=("row", "num_pages")) as opened:
        for number in range(opened.num_batches):
            batch = opened.batch(number)
            first = batch.column("row").to_numpy().astype(np.int64)
            last = first + batch.column("num_pages").to_numpy()
            hit = ((first[:, None] <= wanted) & (wanted < last[:, None])).any(axis=1)
            found += (np.flatnonzero(hit) + number * ROWS_PER_BATCH).tolist()
    return found


def _ranges(rows: Sequence[int]) -> str:
    """
    >>> _ranges([3, 4, 5, 9])
    '3-5, 9'
    """
    parts: list[list[int]] = []
    for row in rows:
        if parts and row == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], row]
        else:
            parts.append([row])
    return ", ".join("-".join(map(str, part)) for part in parts)
