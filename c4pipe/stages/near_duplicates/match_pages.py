"""Compares the band keys of all files in buckets, and writes pairs of pages that share a band hash."""

from itertools import pairwise

import numpy as np

from c4pipe.near_duplicates.band_keys import BAND_KEY, PARTS_PER_BAND, matches, unpack_band_keys
from c4pipe.near_duplicates_run.clustering import KEYS, Clustering, NumberedFile
from c4pipe.shards.work.key_files import is_whole, read_parts, write_key_file

PAIR = np.dtype([("left", "<u8"), ("right", "<u8")])


def bucket_edges(num_keys: int, clustering: Clustering) -> list[tuple[int, int]]:
    """The buckets as ranges of parts (first, end), each within one band and with about `bucket_bytes` of keys.

    >>> from c4pipe.near_duplicates.signatures import Banding
    >>> clustering = Clustering("work", Banding(bands=2), bucket_bytes=1 << 20)
    >>> bucket_edges(10, clustering), len(bucket_edges(1 << 20, clustering))
    ([(0, 64), (64, 128)], 10)
    """
    keys_per_band = num_keys // clustering.banding.bands
    count = min(max(-(-keys_per_band * BAND_KEY.itemsize // clustering.bucket_bytes), 1), PARTS_PER_BAND)
    edges = [PARTS_PER_BAND * place // count for place in range(count + 1)]
    return [
        (band * PARTS_PER_BAND + first, band * PARTS_PER_BAND + end)
        for band in range(clustering.banding.bands)
        for first, end in pairwise(edges)
    ]


def match_bucket(bucket: tuple[int, int], clustering: Clustering, run_key: str) -> str:
    """Write the pairs of one bucket, unless they are there already. Returns: the name of their file."""
    name = f"{bucket[0]:05d}-{bucket[1]:05d}.pairs"
    path = clustering.pairs(run_key, name)
    if not is_whole(path, PAIR):
        pairs = _pairs(bucket, clustering.numbered_files(run_key))
        write_key_file(path, pairs, np.zeros(len(pairs), np.int64), 1, PAIR)
    return name


def _pairs(bucket: tuple[int, int], numbered: list[NumberedFile]) -> np.ndarray:
    """The pairs of a bucket. Keys are compared only by the seven stored bytes of their hashes, not by their parts."""
    hashes: list[np.ndarray] = [np.zeros(0, np.uint64)]
    pages: list[np.ndarray] = [np.zeros(0, np.uint64)]
    for file in numbered:
        file_hashes, rows = unpack_band_keys(read_parts(file.path + KEYS, *bucket, BAND_KEY))
        hashes.append(file_hashes)
        pages.append(rows + np.uint64(file.first_page))
    left, right = matches(np.concatenate(hashes), np.concatenate(pages))
    pairs = np.empty(len(left), PAIR)
    pairs["left"], pairs["right"] = left, right
    return pairs
