"""The two kinds of keys that compete over the whole corpus (URLs and lines), and how their losers are picked."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from c4pipe.corpus import deduplication

# Keys are divided into this many parts by the first bits of their hash. A bucket is a range of consecutive parts.
KEY_PART_BITS = 12
NUM_KEY_PARTS = 1 << KEY_PART_BITS


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
    return (high >> np.uint64(64 - KEY_PART_BITS)).astype(np.int64)


def num_buckets(num_keys: int, key_bytes: int, bucket_bytes: int) -> int:
    """The number of buckets of about `bucket_bytes` for these keys; at most the number of parts.

    >>> num_buckets(1000, 36, 1 << 20), num_buckets(10**7, 36, 64 << 20)
    (1, 6)
    """
    return min(max(-(-num_keys * key_bytes // bucket_bytes), 1), NUM_KEY_PARTS)


def bucket_edges(count: int) -> list[tuple[int, int]]:
    """The buckets as consecutive ranges of parts (first, end).

    >>> bucket_edges(2)
    [(0, 2048), (2048, 4096)]
    """
    return list(pairwise(NUM_KEY_PARTS * place // count for place in range(count + 1)))
