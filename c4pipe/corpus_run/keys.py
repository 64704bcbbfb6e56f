"""The two kinds of keys that compete over the whole corpus (URLs and lines), and how their losers are picked."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from c4pipe.corpus import deduplication

# Keys are divided into this many parts by the first bits of their hash. A bucket is a range of consecutive parts.
KEY_PART_BITS = 12
NUM_KEY_PARTS = 1 << KEY_PART_BITS
# Size of the keys in a bucket of a runner's shuffle. A worker has several buckets in memory, as engines send it more of
# them while it picks the losers of one.
_SHUFFLE_BUCKET_BYTES = 2 << 20
_FEWEST_SHUFFLE_BITS = 6
# With more buckets, the slices of most WET files would be so small that sending them costs more than their keys.
_MOST_SHUFFLE_BITS = 15


@dataclass(frozen=True)
class KeyKind:
    """A kind of key. Keys with the same hash compete, and all but one lose.

    dtype: the dtype of a key. by: the field with the hash. place: the dtype of the place of a loser. pick: gives the
    places of the losers among keys.
    """

    name: str
    dtype: np.dtype
    by: str
    place: np.dtype
    pick: Callable[[np.ndarray], np.ndarray]

    @property
    def losers(self) -> np.dtype:
        """The dtype of a loser: its place, and whether it lost to the corpus of an earlier crawl."""
        return np.dtype([*((name, self.place[name]) for name in self.place.names or ()), ("earlier", "?")])

    def hashes(self, keys: np.ndarray) -> np.ndarray:
        """The hashes of keys, (n, 2) uint64."""
        return keys[self.by].astype(np.uint64)

    def parts(self, keys: np.ndarray) -> np.ndarray:
        """The part (0 to NUM_KEY_PARTS - 1) of each key: the first bits of its hash."""
        return parts_of(keys[self.by][:, 0])

    def buckets(self, keys: np.ndarray, bits: int) -> np.ndarray:
        """The bucket (0 to 2^bits - 1) of each key in a shuffle: the first bits of its hash, (n,) int64."""
        return _first_bits(keys[self.by][:, 0], bits)

    def losers_among(self, keys: np.ndarray, are_earlier: np.ndarray) -> np.ndarray:
        """The losers, sorted. are_earlier: (n,) bool, which keys the corpus of an earlier crawl has.

        All keys that an earlier crawl has lose. The others compete.
        """
        lost = self.pick(keys[~are_earlier])
        earlier = keys[are_earlier]
        losers = np.zeros(len(lost) + len(earlier), dtype=self.losers)
        for name in self.place.names or ():
            losers[name] = np.concatenate([lost[name], earlier[name]])
        losers["earlier"][len(lost) :] = True
        return self.sorted(losers)

    def sorted(self, losers: np.ndarray) -> np.ndarray:
        """Losers by their places."""
        return losers[np.lexsort(tuple(losers[name] for name in reversed(self.place.names or ())))]


KINDS: dict[str, KeyKind] = {
    "urls": KeyKind(
        "urls", deduplication.URL_KEY, "url", deduplication.URL_LOSER, deduplication.pick_url_losers
    ),
    "lines": KeyKind(
        "lines", deduplication.LINE_KEY, "line", deduplication.LINE_LOSER, deduplication.pick_line_losers
    ),
}  # fmt: skip


def parts_of(high: np.ndarray) -> np.ndarray:
    """The part (0 to NUM_KEY_PARTS - 1) of hashes whose first 64 bits are given, (n,) unsigned."""
    return _first_bits(high, KEY_PART_BITS)


def _first_bits(high: np.ndarray, bits: int) -> np.ndarray:
    return (high >> np.uint64(64 - bits)).astype(np.int64)


def parts_around(bucket: int, bits: int) -> tuple[int, int]:
    """The parts (first, end) that have the keys of one of 2^bits buckets; they can have keys of other buckets too.

    >>> parts_around(3, 2), parts_around(35, KEY_PART_BITS + 4)
    ((3072, 4096), (2, 3))
    """
    end = -(-((bucket + 1) << KEY_PART_BITS) // (1 << bits))
    return (bucket << KEY_PART_BITS) >> bits, end


def num_buckets(num_keys: int, key_bytes: int, bucket_bytes: int) -> int:
    """The number of buckets of about `bucket_bytes` for these keys; at most the number of parts.

    >>> num_buckets(1000, 36, 1 << 20), num_buckets(10**7, 36, 64 << 20)
    (1, 6)
    """
    return min(max(-(-num_keys * key_bytes // bucket_bytes), 1), NUM_KEY_PARTS)


def shuffle_bits(num_bytes: float) -> int:
    """The number of buckets for a runner's shuffle of so many bytes of keys, as a power of two.

    >>> shuffle_bits(0), shuffle_bits(3e9), shuffle_bits(3e12)
    (6, 11, 15)
    """
    needed = math.ceil(math.log2(max(num_bytes / _SHUFFLE_BUCKET_BYTES, 1)))
    return min(max(needed, _FEWEST_SHUFFLE_BITS), _MOST_SHUFFLE_BITS)


def bucket_edges(count: int) -> list[tuple[int, int]]:
    """The buckets as consecutive ranges of parts (first, end).

    >>> bucket_edges(2)
    [(0, 2048), (2048, 4096)]
    """
    return list(pairwise(NUM_KEY_PARTS * place // count for place in range(count + 1)))
