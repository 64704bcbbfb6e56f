"""The order of examples as a pure function of (row counts, seed, epoch), without random generators and without state.

An epoch's order has three levels, each a permutation keyed by (seed, epoch):

1. the shards are shuffled and cut into groups of a few files, so that the shards being read fit into a bounded cache;
2. the record batches of a group are shuffled together and cut into windows;
3. the rows of a window are shuffled.

Permutations come from a hash of a counter (splitmix64), not from numpy's generators, whose streams may change between
versions of numpy. So a run that is continued years later on another machine gets the same batches.
"""

from dataclasses import dataclass

import numpy as np

from c4pipe.shards.schemas import ROWS_PER_BATCH

# A window has 64 record batches of 1,024 rows, which are shuffled together: 82 MB at 512 + 114 ids of 16 bits.
BATCHES_PER_WINDOW = 64

# A group has as many shards as have this many bytes together, within the bounds below.
GROUP_BYTES = 256 << 20
MIN_GROUP_SHARDS = 6
MAX_GROUP_SHARDS = 32

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
_SHARDS, _BATCHES, _ROWS = 1, 2, 3  # the part of a key that tells what it shuffles


@dataclass(frozen=True)
class Layout:
    """The layout of a source.

    rows: the number of rows per shard, without held-out rows. group_shards: the number of shards that are read
    together.
    """

    rows: tuple[int, ...]
    group_shards: int

    @property
    def num_rows(self) -> int:
        return sum(self.rows)


@dataclass(frozen=True)
class Window:
    """Some record batches whose rows are shuffled together.

    first: the number of its first row in the epoch's order. group: its group of shards. shards, numbers, rows: (k,) for
    each of its record batches, the shard, the number in the shard, and the number of rows. order: (n,) row j of the
    window is row `order[j]` of the concatenated record batches.
    """

    first: int
    group: int
    shards: np.ndarray
    numbers: np.ndarray
    rows: np.ndarray
    order: np.ndarray

    @property
    def num_rows(self) -> int:
        return len(self.order)


def group_shards(shard_bytes: list[int]) -> int:
    """The number of shards to read together, from their sizes.

    >>> group_shards([300 << 20] * 1024), group_shards([20 << 20] * 1024), group_shards([1000] * 8)
    (6, 12, 32)
    """
    mean = max(1, sum(shard_bytes) // max(1, len(shard_bytes)))
    return min(MAX_GROUP_SHARDS, max(MIN_GROUP_SHARDS, GROUP_BYTES // mean))


class EpochOrder:
    """The order of one epoch of one source. It sorts the record batches, which takes 0.1 s for all of C4."""

    def __init__(self, layout: Layout, seed: int, epoch: int) -> None:
        self._seed, self._epoch = seed, epoch
        rows = np.asarray(layout.rows, dtype=np.int64)
        batches_of_shard = -(-rows // ROWS_PER_BATCH)
        num_groups = -(-len(rows) // layout.group_shards)
        # The group of a shard is its place in the shuffled order, scaled, so that groups have nearly equal sizes.
        place = np.empty(len(rows), dtype=np.int64)
        place[permutation(len(rows), seed, epoch, _SHARDS)] = np.arange(len(rows))
        group_of_shard = place * num_groups // max(1, len(rows))

        shards = np.repeat(np.arange(len(rows)), batches_of_shard)
        numbers = np.arange(len(shards)) - np.repeat(np.cumsum(batches_of_shard) - batches_of_shard, batches_of_shard)
        hashes = hash_counter(len(shards), seed, epoch, _BATCHES)
        order = np.lexsort((hashes, group_of_shard[shards]))
        self._shards, self._numbers = shards[order], numbers[order]
        self._rows = np.minimum(rows[self._shards] - self._numbers * ROWS_PER_BATCH, ROWS_PER_BATCH)

        # Within each group, windows have nearly equal sizes.
        self._groups = group_of_shard[self._shards]
        batches_of_group = np.bincount(self._groups, minlength=num_groups)
        windows_of_group = -(-batches_of_group // BATCHES_PER_WINDOW)
        in_group = np.arange(len(shards)) - (np.cumsum(batches_of_group) - batches_of_group)[self._groups]
        window = (np.cumsum(windows_of_group) - windows_of_group)[self._groups]
        window += in_group * windows_of_group[self._groups] // np.maximum(batches_of_group[self._groups], 1)
        self.num_windows = int(windows_of_group.sum())
        self._starts = np.searchsorted(window, np.arange(self.num_windows + 1))
        row_starts = np.concatenate([[0], np.cumsum(self._rows)])
        self._row_starts = row_starts[self._starts]

    def window_of(self, row: int) -> int:
        """The window that has row `row` of the epoch's order."""
        return int(np.searchsorted(self._row_starts, row, side="right")) - 1

    def first_row(self, index: int) -> int:
        """The number of a window's first row in the epoch's order."""
        return int(self._row_starts[index])

    def window(self, index: int) -> Window:
        """Window `index` with its shuffled rows."""
        part = slice(int(self._starts[index]), int(self._starts[index + 1]))
        rows = self._rows[part]
        return Window(
            first=int(self._row_starts[index]),
            group=int(self._groups[part.start]),
            shards=self._shards[part],
            numbers=self._numbers[part],
            rows=rows,
            order=permutation(int(rows.sum()), self._seed, self._epoch, _ROWS, index),
        )

    def shards_of_group(self, group: int) -> list[int]:
        """The shards that the windows of a group read; empty for a group after the last."""
        return np.unique(self._shards[self._groups == group]).tolist()


def permutation(count: int, *key: int) -> np.ndarray:
    """(count,) the numbers below `count` in an order that depends only on the key."""
    return np.argsort(hash_counter(count, *key), kind="stable")


def hash_counter(count: int, *key: int) -> np.ndarray:
    """(count,) uint64 hashes of 0, 1, ... under a key (splitmix64's sequence, with a state derived from the key)."""
    state = 0
    for part in key:
        state = int(_mix(np.array([(state ^ (part & _MASK)) & _MASK], dtype=np.uint64) + np.uint64(_GOLDEN))[0])
    return _mix(np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_GOLDEN) + np.array([state], dtype=np.uint64))


def _mix(values: np.ndarray) -> np.ndarray:
    """splitmix64's finaliser (Steele, Lea, Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
