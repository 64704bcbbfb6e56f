"""Packing: several short examples in a row, separated by segment ids, so that rows have little padding.

Each batch is packed separately, so position, order and loss of a run are the same as without packing: tokens see only
their own segment, and the loss counts tokens, not rows. Dropout is keyed by row, so its masks (but not its rate) depend
on how the batch was split.

Shapes: n examples of S inputs and T targets, R rows.
"""

import numpy as np
import torch

from model.data.batches import Batch, NumpyBatch, signed


def first_fit(
    inputs_lengths: np.ndarray, targets_lengths: np.ndarray, inputs_room: int, targets_room: int
) -> np.ndarray:
    """(n,) the row of each example: the first row with enough room for its inputs and its targets.

    >>> first_fit(np.array([3, 4, 2, 1]), np.array([1, 1, 1, 1]), 5, 3).tolist()
    [0, 1, 0, 1]
    """
    inputs_left: list[int] = []
    targets_left: list[int] = []
    rows = np.empty(len(inputs_lengths), dtype=np.int64)
    for number, (inputs, targets) in enumerate(zip(inputs_lengths.tolist(), targets_lengths.tolist(), strict=True)):
        fitting = (
            row
            for row, (inputs_free, targets_free) in enumerate(zip(inputs_left, targets_left, strict=True))
            if inputs <= inputs_free and targets <= targets_free
        )
        row = next(fitting, len(inputs_left))
        if row == len(inputs_left):
            inputs_left.append(inputs_room)
            targets_left.append(targets_room)
        inputs_left[row] -= inputs
        targets_left[row] -= targets
        rows[number] = row
    return rows


def pack(ids: np.ndarray, rows: np.ndarray, num_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Put examples (n, S), padded with 0, into rows: ids (R, S), and segments (R, S) int16 with 0 for padding.

    >>> ids, segments = pack(np.array([[5, 6, 0, 0], [7, 0, 0, 0]]), np.array([0, 0]), 1)
    >>> ids.tolist(), segments.tolist()
    ([[5, 6, 7, 0]], [[1, 1, 2, 0]])
    """
    packed = np.zeros((num_rows, ids.shape[1]), dtype=ids.dtype)
    segments = np.zeros((num_rows, ids.shape[1]), dtype=np.int16)
    ends = np.zeros(num_rows, dtype=np.int64)
    counts = np.zeros(num_rows, dtype=np.int64)
    for example, length, row in zip(ids, lengths(ids).tolist(), rows.tolist(), strict=True):
        counts[row] += 1
        place = slice(ends[row], ends[row] + length)
        packed[row, place] = example[:length]
        segments[row, place] = counts[row]
        ends[row] += length
    return packed, segments


def lengths(ids: np.ndarray) -> np.ndarray:
    """(n,) the length of each row up to its last token that is not 0."""
    filled = ids != 0
    return np.where(filled.any(1), ids.shape[1] - filled[:, ::-1].argmax(1), 0)


def packed_batch(ids: NumpyBatch, first_number: int) -> Batch:
    """Pack a batch of the stream. See `batches.as_batch`.

    The number of rows is rounded up to a multiple of an eighth of the examples, so that only few shapes occur.
    """
    examples, inputs_room = ids.inputs.shape
    rows = first_fit(lengths(ids.inputs), lengths(ids.targets), inputs_room, ids.targets.shape[1])
    step = max(1, examples // 8)
    num_rows = -(-(int(rows.max()) + 1) // step) * step
    inputs, inputs_segments = pack(ids.inputs, rows, num_rows)
    targets, targets_segments = pack(ids.targets, rows, num_rows)
    return Batch(
        inputs=signed(inputs),
        targets=signed(targets),
        numbers=torch.arange(first_number, first_number + num_rows),
        inputs_segments=torch.from_numpy(inputs_segments),
        targets_segments=torch.from_numpy(targets_segments),
        num_tokens=int(np.count_nonzero(inputs)) + int(np.count_nonzero(targets)),
    )
