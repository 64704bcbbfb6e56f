"""The two kinds of keys that compete over the whole corpus (URLs and lines), and how their losers are picked."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from c4pipe.corpus import deduplication
from c4pipe.corpus_run.plan import KEY_PART_BITS, NUM_KEY_PARTS


@dataclass(frozen=True)
class KeyKind:
    """A kind of key. Keys with the same hash compete, and all but one lose.

    dtype: the dtype of a key. by: the field with the hash. pick: gives the losers among keys. losers: their dtype.
    """

    name: str
    dtype: np.dtype
    by: str
    losers: np.dtype
    pick: Callable[[np.ndarray], np.ndarray]

    def parts(self, keys: np.ndarray) -> np.ndarray:
        """The part (0 to NUM_KEY_PARTS - 1) of each key: the first bits of its hash."""
        return (keys[self.by][:, 0] >> np.uint64(64 - KEY_PART_BITS)).astype(np.int64)


KINDS: dict[str, KeyKind] = {
    "urls": KeyKind(
        "urls", deduplication.URL_KEY, "url", deduplication.URL_LOSER, deduplication.pick_url_losers
    ),
    "lines": KeyKind(
        "lines", deduplication.LINE_KEY, "line", deduplication.LINE_LOSER, deduplication.pick_line_losers
    ),
}  # fmt: skip


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
