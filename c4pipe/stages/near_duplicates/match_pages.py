"""Band keys of all shards meet in buckets; pages that share a band's hash become pairs in the work folder."""

from itertools import pairwise

import apache_beam as beam
import numpy as np

from c4pipe.near_duplicates.band_keys import BAND_KEY, PARTS_PER_BAND, matches, unpack_band_keys
from c4pipe.near_duplicates_run.plan import Corpus, Plan, TextShard
from c4pipe.shards import files
from c4pipe.shards.work.key_files import read_parts, write_key_file

PAIR = np.dtype([("left", "<u8"), ("right", "<u8")])


class MatchPages(beam.PTransform):
    """(first part, end part) of buckets -> the names of their files of pairs.

    shards: all text shards. corpus: a singleton side input, a `Corpus`.
    """

    def __init__(self, plan: Plan, shards: list[TextShard], corpus) -> None:
        super().__init__()
        self._plan, self._shards, self._corpus = plan, shards, corpus

    def expand(self, buckets):
        return buckets | beam.Map(match_bucket, self._plan, self._shards, beam.pvalue.AsSingleton(self._corpus))


def bucket_edges(num_keys: int, plan: Plan) -> list[tuple[int, int]]:
    """The buckets as runs of parts (first, end), none across bands, each with some `bucket_bytes` of keys.

    >>> from c4pipe.near_duplicates.signatures import Banding
    >>> plan = Plan("out", "work", Banding(bands=2), "json.gz", "", num_shards=1, bucket_bytes=1 << 20)
    >>> bucket_edges(10, plan), len(bucket_edges(1 << 20, plan))
    ([(0, 64), (64, 128)], 10)
    """
    keys_per_band = num_keys // plan.banding.bands
    count = min(max(-(-keys_per_band * BAND_KEY.itemsize // plan.bucket_bytes), 1), PARTS_PER_BAND)
    edges = [PARTS_PER_BAND * place // count for place in range(count + 1)]
    return [
        (band * PARTS_PER_BAND + first, band * PARTS_PER_BAND + end)
        for band in range(plan.banding.bands)
        for first, end in pairwise(edges)
    ]


def match_bucket(bucket: tuple[int, int], plan: Plan, shards: list[TextShard], corpus: Corpus) -> str:
    """Write the pairs of one bucket, unless they are there already; the name of their file."""
    run_key, first_pages, _ = corpus
    name = f"{bucket[0]:05d}-{bucket[1]:05d}.pairs"
    path = plan.later(run_key, "pairs", name)
    if not files.exists(path):
        pairs = _pairs(bucket, plan, shards, first_pages)
        write_key_file(path, pairs, np.zeros(len(pairs), np.int64), 1, PAIR)
    return name


def _pairs(bucket: tuple[int, int], plan: Plan, shards: list[TextShard], first_pages: list[int]) -> np.ndarray:
    """The pairs of a bucket. Where a key is filed is not compared: in one bucket, seven bytes tell hashes apart."""
    hashes: list[np.ndarray] = [np.zeros(0, np.uint64)]
    pages: list[np.ndarray] = [np.zeros(0, np.uint64)]
    for shard in shards:
        shard_hashes, rows = unpack_band_keys(read_parts(plan.signed(shard, ".keys"), *bucket, BAND_KEY))
        hashes.append(shard_hashes)
        pages.append(rows + np.uint64(first_pages[shard.number]))
    left, right = matches(np.concatenate(hashes), np.concatenate(pages))
    pairs = np.empty(len(left), PAIR)
    pairs["left"], pairs["right"] = left, right
    return pairs
