"""Removing the columns of a batch that are padding in all rows."""

from collections.abc import Callable

import numpy as np

from model.data.batches import Batch, NumpyBatch, as_batch

# Widths are rounded up to a multiple of this, so that there are few shapes to allocate.
MULTIPLE = 8


class _Trimmed:
    """A batch of the stream with narrower arrays. width: from the longest row to the columns to keep."""

    def __init__(self, ids: NumpyBatch, width: Callable[[int], int]) -> None:
        self.position = ids.position
        self.inputs = trim(ids.inputs, width)
        self.targets = trim(ids.targets, width)


def multiple_of_8(length: int) -> int:
    """The next multiple of 8."""
    return -(-length // MULTIPLE) * MULTIPLE


def power_of_2(length: int) -> int:
    """The next power of 2, at least 8.

    >>> power_of_2(3), power_of_2(64), power_of_2(65)
    (8, 64, 128)
    """
    return max(MULTIPLE, 1 << (length - 1).bit_length())


def trimmed_batch(ids: NumpyBatch, first_number: int) -> Batch:
    """`as_batch` without columns of padding: shards of tasks are padded to the longest example of their folder."""
    return as_batch(_Trimmed(ids, multiple_of_8), first_number)


def coarsely_trimmed_batch(ids: NumpyBatch, first_number: int) -> Batch:
    """The same with few shapes, because a compiled model is compiled again for each."""
    return as_batch(_Trimmed(ids, power_of_2), first_number)


def trim(ids: np.ndarray, width: Callable[[int], int] = multiple_of_8) -> np.ndarray:
    """Remove trailing columns that are all padding, but keep at least `width(columns that are used)`.

    >>> trim(np.array([[5, 1, 0, 0, 0, 0, 0, 0, 0, 0], [5, 6, 1, 0, 0, 0, 0, 0, 0, 0]])).shape
    (2, 8)
    """
    used = np.flatnonzero(ids.any(axis=0))
    return ids[:, : width(int(used[-1]) + 1 if len(used) else 1)]
