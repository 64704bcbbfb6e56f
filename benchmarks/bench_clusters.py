"""The step that finds clusters, alone, on generated keys: how memory and disk grow with the corpus.

    python benchmarks/bench_clusters.py --pages=1000000

Keys are generated without text, and written as signing writes them: 1,000,000 pages per file. One page in
`--near_every` shares three bands with an earlier page. Then buckets are matched, and clusters are found. Each step has
a process of its own. Its peak memory is given without the memory of an idle process.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from c4pipe.near_duplicates.band_keys import BAND_KEY, PARTS_PER_BAND, pack_band_keys
from c4pipe.near_duplicates.signatures import Banding
from c4pipe.near_duplicates_run.clustering import KEYS, PRIORITIES, Clustering, Signed
from c4pipe.shards import files
from c4pipe.shards.work.key_files import write_key_file
from c4pipe.stages.near_duplicates.find_clusters import find_clusters
from c4pipe.stages.near_duplicates.match_pages import bucket_edges, match_bucket
from c4pipe.stages.near_duplicates.sign_pages import PRIORITY

_PAGES_PER_FILE = 1_000_000
_SHARED_BANDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=1_000_000)
    parser.add_argument("--near_every", type=int, default=20, help="one page in so many is near to an earlier one")
    parser.add_argument("--folder", help="where the work lies; a folder that is removed at the end if not given")
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=flags.folder) as work:
        clustering = Clustering(work, Banding())
        signed = [_in_process(_generate, clustering, number, flags) for number in range(_num_files(flags.pages))]
        print(f"{'step':10} {'seconds':>9} {'peak MB':>8} {'bytes per page':>15}")
        run_key = clustering.number_pages([file for file, _, _ in signed], "benchmark")
        _row("keys", sum(spent for _, spent, _ in signed), max(peak for *_, peak in signed), _size(work), flags.pages)
        names, seconds, peak = _in_process(_match, clustering, run_key, sum(file.num_signed for file, _, _ in signed))
        _row("match", seconds, peak, _size(clustering.pairs(run_key, "")), flags.pages)
        _, seconds, peak = _in_process(find_clusters, names, clustering, run_key)
        _row("clusters", seconds, peak, _size(clustering.members(run_key, 0).rpartition("/")[0]), flags.pages)
        found = clustering.read_summary(run_key)
        print(f"{found['pages']:,} pages, {found['clusters']:,} clusters, {found['dropped']:,} dropped")


def _num_files(pages: int) -> int:
    return -(-pages // _PAGES_PER_FILE)


def _generate(clustering: Clustering, number: int, flags: argparse.Namespace) -> Signed:
    """Write the keys of one file. A page's bands are a function of its number; a near page has three of another."""
    first = number * _PAGES_PER_FILE
    pages = np.arange(first, min(first + _PAGES_PER_FILE, flags.pages), dtype=np.uint64)
    bands = clustering.banding.bands
    values = _hashes(pages[:, None] * np.uint64(bands) + np.arange(bands, dtype=np.uint64))
    near = pages[(pages % np.uint64(flags.near_every) == 0) & (pages > 0)]
    earlier = _hashes(near) % near
    places = np.arange(_SHARED_BANDS, dtype=np.uint64)
    values[near - np.uint64(first), :_SHARED_BANDS] = _hashes(earlier[:, None] * np.uint64(bands) + places)
    path = files.join(clustering.work, "signed", f"{number:05d}")
    keys, parts = pack_band_keys(np.arange(len(pages)), values)
    write_key_file(path + KEYS, keys, parts, bands * PARTS_PER_BAND, BAND_KEY)
    write_key_file(path + PRIORITIES, _hashes(pages), np.zeros(len(pages), np.int64), 1, PRIORITY)
    return Signed(number, path, len(pages), len(pages), str(number))


def _hashes(numbers: np.ndarray) -> np.ndarray:
    """Pseudo-random numbers (splitmix64)."""
    mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def _match(clustering: Clustering, run_key: str, num_signed: int) -> list[str]:
    buckets = bucket_edges(num_signed * clustering.banding.bands, clustering)
    return [match_bucket(bucket, clustering, run_key) for bucket in buckets]


def _in_process(work, *arguments):
    """(what `work` returns, its seconds of CPU, peak memory in bytes beyond what an idle process has)."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        return pool.apply(_measured, (work, arguments))


def _measured(work, arguments):
    idle, started = _peak(), time.process_time()
    result = work(*arguments)
    return result, time.process_time() - started, _peak() - idle


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _size(folder: str) -> int:
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


def _row(step: str, seconds: float, peak: int, num_bytes: int, pages: int) -> None:
    print(f"{step:10} {seconds:9.1f} {peak / 1e6:8.0f} {num_bytes / pages:15.1f}", flush=True)


if __name__ == "__main__":
    main()
