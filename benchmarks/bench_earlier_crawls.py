"""Memory and time to find the lines of a new crawl that are in an earlier one, for several sizes of the earlier one.

    python benchmarks/bench_earlier_crawls.py [--keys=1e6,1e7] [--new=1000000]

The keys are generated. Each row of the table is a process of its own, which compares the same number of new keys in
buckets, as `wet_to_c4 --previous` does. Beside it, `isin` keeps all keys of the earlier crawl in memory (`numpy.isin`).
"""

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from c4pipe.corpus.deduplication import KEPT_KEY
from c4pipe.corpus_run.earlier_crawls import EarlierCrawl, EarlierCrawls
from c4pipe.corpus_run.keys import NUM_KEY_PARTS, bucket_edges, num_buckets, parts_of
from c4pipe.shards import names
from c4pipe.shards.manifest import EarlierCorpus
from c4pipe.shards.work.key_files import write_key_file
from c4pipe.stages.wet_to_c4.write_keys import FILE_BYTES
from pipelines.jobs.corpus import BUCKET_BYTES

_COMMON = 10  # one of this many new keys is in the earlier crawl
_KEY_BYTES = 36  # of a new key while it competes


def generated(seed: int, number: int, first: int, end: int, count: int) -> np.ndarray:
    """(count, 2) uint64 hashes whose parts are from `first` to `end`."""
    drawn = np.random.default_rng([seed, number])
    hashes = drawn.integers(0, 1 << 64, (count, 2), dtype=np.uint64)
    step = 1 << 52
    hashes[:, 0] = drawn.integers(first * step, end * step - 1, count, dtype=np.uint64, endpoint=True)
    return hashes


def write_corpus(folder: Path, num_keys: int) -> EarlierCrawl:
    """Write key files of lines, one after the other."""
    num_files = num_buckets(num_keys, KEPT_KEY.itemsize, FILE_BYTES)
    for number, (first, end) in enumerate(bucket_edges(num_files)):
        hashes = generated(0, number, first, end, num_keys // num_files)
        kept = np.empty(len(hashes), KEPT_KEY)
        kept["high"], kept["low"] = hashes[:, 0], hashes[:, 1] >> np.uint64(48)
        kept = np.sort(kept.view("V10")).view(KEPT_KEY)
        parts = parts_of(kept["high"].astype(np.uint64))
        write_key_file(str(folder / names.keys("lines", number, num_files)), kept, parts, NUM_KEY_PARTS, KEPT_KEY)
    corpus = EarlierCorpus("earlier", "0" * 64, "0" * 64)
    return EarlierCrawl(str(folder), corpus, {"lines": num_files}, {"lines": num_keys // num_files * num_files})


def new_keys(crawl: EarlierCrawl, bucket: tuple[int, int], number: int, count: int) -> np.ndarray:
    """New hashes of a bucket; some of them are in the earlier crawl."""
    hashes = generated(1, number, *bucket, count)
    file, (first, _) = next(iter(crawl.blocks("lines", bucket)))
    common = crawl.read("lines", file, (first, first + 1))[: count // _COMMON]
    hashes[: len(common), 0], hashes[: len(common), 1] = (
        common["high"],
        common["low"].astype(np.uint64) << np.uint64(48),
    )
    return hashes


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def compare(crawl: EarlierCrawl, num_new: int, way: str) -> tuple[int, float, int, int]:
    """Compare the new keys. Returns: number of buckets, CPU seconds, peak memory beyond the start's, keys found."""
    crawls = EarlierCrawls((crawl,))
    buckets = bucket_edges(num_buckets(num_new * _KEY_BYTES + crawls.num_bytes("lines"), 1, BUCKET_BYTES))
    before, started, found = peak_bytes(), time.process_time(), 0
    if way == "isin":
        blocks = crawl.blocks("lines", (0, NUM_KEY_PARTS))
        everything = np.concatenate([crawl.read("lines", *block)["high"] for block in blocks]).astype(np.uint64)
    for number, bucket in enumerate(buckets):
        hashes = new_keys(crawl, bucket, number, num_new // len(buckets))
        are_known = (
            np.isin(hashes[:, 0], everything) if way == "isin" else crawls.have_hashes("lines", hashes, bucket)
        )  # fmt: skip
        found += int(are_known.sum())
    return len(buckets), time.process_time() - started, peak_bytes() - before, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", default="1e6,1e7,1e8", help="numbers of keys of the earlier crawl")
    parser.add_argument("--new", type=float, default=1e6, help="number of keys of the new crawl")
    parser.add_argument("--ways", default="c4pipe,isin", help="which of the two to run")
    flags = parser.parse_args()
    head = ("earlier keys", "way", "buckets", "CPU s", "ns/earlier key", "peak MB", "found")
    print(" ".join(f"{name:>14}" for name in head))
    for count in map(int, map(float, flags.keys.split(","))):
        with tempfile.TemporaryDirectory() as work:
            crawl = write_corpus(Path(work), count)
            for way in flags.ways.split(","):
                with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
                    num, seconds, peak, found = process.submit(compare, crawl, int(flags.new), way).result()
                row = (
                    f"{count:,}",
                    way,
                    num,
                    f"{seconds:.2f}",
                    f"{seconds / count * 1e9:.1f}",
                    f"{peak / 1e6:.0f}",
                    found,
                )
                print(" ".join(f"{value:>14}" for value in row), flush=True)


if __name__ == "__main__":
    main()
