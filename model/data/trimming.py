"""Removing the columns of a batch that are padding in all rows."""

import numpy as np

from model.data.batches import Batch, NumpyBatch, as_batch

# Widths are rounded up to a multiple of this, so that there are few shapes to allocate and to compile for.
MULTIPLE = 8


class _Trimmed:
    """A batch of the stream with narrower arrays."""

    def __init__(self, ids: NumpyBatch) -> None:
        self.position = ids.position
        self.inputs = trim(ids.inputs)
        self.targets = trim(ids.targets)


def trimmed_batch(ids: NumpyBatch, first_number: int) -> Batch:
    """`as_batch` without columns of padding: shards of tasks are padded to the longest example of their folder."""
    return as_batch(_Trimmed(ids), first_number)


def trim(ids: np.ndarray) -> np.ndarray:
    """Remove trailing columns that are all padding, but keep a multiple of 8 columns.

    >>> trim(np.array([[5, 1, 0, 0, 0, 0, 0, 0, 0, 0], [5, 6, 1, 0, 0, 0, 0, 0, 0, 0]])).shape
    (2, 8)
    """
    used = np.flatnonzero(ids.any(axis=0))
    longest = int(used[-1]) + 1 if len(used) else 1
    return ids[:, : -(-longest // MULTIPLE) * MULTIPLE]
