"""The order of examples as a pure function of (row counts, seed, epoch): nothing is drawn, nothing is remembered.

An epoch's order has three levels, each a permutation keyed by (seed, epoch):

1. the shards are shuffled and cut into groups of a few files, so that a bounded cache holds what is being read;
2. the record batches of a group are shuffled together and cut into windows;
3. the rows of a window are shuffled.

Permutations come from a hash of a counter (splitmix64) rather than from numpy's generators, whose streams may change
from one numpy to the next: a run continued years later elsewhere goes on with the same batches.
"""

from dataclasses import dataclass

import numpy as np

from c4pipe.shards.schemas import ROWS_PER_BATCH

# Rows shuffled together: 64 record batches of 1,024 rows, 82 MB at 512 + 114 ids of 16 bits.
BATCHES_PER_WINDOW = 64

# A group is as many shards as hold this many bytes together, within the bounds below.
GROUP_BYTES = 256 << 20
MIN_GROUP_SHARDS = 6
MAX_GROUP_SHARDS = 32

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
_SHARDS, _BATCHES, _ROWS = 1, 2, 3  # what a key shuffles


@dataclass(frozen=True)
class Layout:
    """The rows of a source: how many each of its shards has, and how many shards are read at a time.

    rows: one number a shard, without held-out rows.
    """

    rows: tuple[int, ...]
    group_shards: int

    @property
    def num_rows(self) -> int:
        return sum(self.rows)


@dataclass(frozen=True)
class Window:
    """Some record batches whose rows are shuffled together.

    first: the first row's number in the epoch's order. shards, numbers, rows: (k,) the record batches: shard, number
    in it, rows. group: which group of shards it belongs to. order: (n,) row j of the window is row `order[j]` of the
    record batches laid end to end.
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
    """How many shards to read at a time, from their sizes.

    >>> group_shards([300 << 20] * 1024), group_shards([20 << 20] * 1024), group_shards([1000] * 8)
    (6, 12, 32)
    """
    mean = max(1, sum(shard_bytes) // max(1, len(shard_bytes)))
    return min(MAX_GROUP_SHARDS, max(MIN_GROUP_SHARDS, GROUP_BYTES // mean))


class EpochOrder:
    """One epoch's order of one source. Costs a sort of its record batches: 0.1 s for all of C4."""

    def __init__(self, layout: Layout, seed: int, epoch: int) -> None:
        self._seed, self._epoch = seed, epoch
        rows = np.asarray(layout.rows, dtype=np.int64)
        batches_of_shard = -(-rows // ROWS_PER_BATCH)
        num_groups = -(-len(rows) // layout.group_shards)
        # Groups as equal as they can be: the place of a shard in the shuffled order, scaled.
        place = np.empty(len(rows), dtype=np.int64)
        place[permutation(len(rows), seed, epoch, _SHARDS)] = np.arange(len(rows))
        group_of_shard = place * num_groups // max(1, len(rows))

        shards = np.repeat(np.arange(len(rows)), batches_of_shard)
        numbers = np.arange(len(shards)) - np.repeat(np.cumsum(batches_of_shard) - batches_of_shard, batches_of_shard)
        hashes = hash_counter(len(shards), seed, epoch, _BATCHES)
        order = np.lexsort((hashes, group_of_shard[shards]))
        self._shards, self._numbers = shards[order], numbers[order]
        self._rows = np.minimum(rows[self._shards] - self._numbers * ROWS_PER_BATCH, ROWS_PER_BATCH)

        # Windows as equal as they can be within each group.
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
        """The window that holds row `row` of the epoch's order."""
        return int(np.searchsorted(self._row_starts, row, side="right")) - 1

    def first_row(self, index: int) -> int:
        """The number in the epoch's order of a window's first row."""
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
        """The shards that the windows of a group read; none for a group past the last."""
        return np.unique(self._shards[self._groups == group]).tolist()


def permutation(count: int, *key: int) -> np.ndarray:
    """(count,) the numbers below `count` in an order that only the key decides."""
    return np.argsort(hash_counter(count, *key), kind="stable")


def hash_counter(count: int, *key: int) -> np.ndarray:
    """(count,) uint64 hashes of 0, 1, ... under a key (splitmix64's sequence from a state that the key gives)."""
    state = 0
    for part in key:
        state = int(_mix(np.array([(state ^ (part & _MASK)) & _MASK], dtype=np.uint64) + np.uint64(_GOLDEN))[0])
    return _mix(np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_GOLDEN) + np.array([state], dtype=np.uint64))


def _mix(values: np.ndarray) -> np.ndarray:
    """splitmix64's finaliser (Steele, Lea, Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
