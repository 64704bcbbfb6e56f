"""Packing: several short examples in a row, separated by segment ids, so that rows have little padding.

The rows of each batch are as wide as is estimated to be the fastest. Each batch is packed separately, so position,
order and loss of a run are the same as without packing: tokens see only their own segment, and the loss counts tokens,
not rows. Dropout is keyed by row, so its masks (but not its rate) depend on how the batch was split.

Shapes: n examples of S inputs and T targets, R rows.
"""

from dataclasses import dataclass

import numpy as np
import torch

from model.data.batches import Batch, NumpyBatch, signed
from model.data.trimming import multiple_of_8, power_of_2, trimmed_batch

# The length of a row at which attention takes as long as all other computations together.
ATTENTION_LENGTH = 1000
NUM_WIDTHS = 4  # that are tried for inputs and for targets: each is twice the one before


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


def pack(ids: np.ndarray, rows: np.ndarray, num_rows: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Put examples (n, S), padded with 0, into rows: ids (R, width), and segments int16 with 0 for padding.

    >>> ids, segments = pack(np.array([[5, 6, 0], [7, 0, 0]]), np.array([0, 0]), 1, 4)
    >>> ids.tolist(), segments.tolist()
    ([[5, 6, 7, 0]], [[1, 1, 2, 0]])
    """
    packed = np.zeros((num_rows, width), dtype=ids.dtype)
    segments = np.zeros((num_rows, width), dtype=np.int16)
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
    """(n,) the length of each row up to its last token that is not 0. ids: (n, width); the width may be 0, as of a
    decoder's inputs.

    >>> lengths(np.array([[7, 0, 8, 0], [0, 0, 0, 0]])), lengths(np.zeros((2, 0)))
    (array([3, 0]), array([0, 0]))
    """
    places = np.arange(1, ids.shape[1] + 1)
    return np.where(ids != 0, places, 0).max(axis=1, initial=0)


@dataclass(frozen=True)
class Layout:
    """rows: (n,) the row of each example. num_rows, inputs_width, targets_width: of the packed arrays."""

    rows: np.ndarray
    num_rows: int
    inputs_width: int
    targets_width: int

    @property
    def cost(self) -> float:
        """The time of a step, in positions without attention. Each position is compared with a whole row."""
        seen = (self.inputs_width + self.targets_width) / ATTENTION_LENGTH
        inputs, targets = (
            self.inputs_width * (1 + self.inputs_width / ATTENTION_LENGTH),
            self.targets_width * (1 + seen),
        )
        return self.num_rows * (inputs + targets)


def choose_layout(inputs_lengths: np.ndarray, targets_lengths: np.ndarray) -> Layout:
    """The layout with the lowest cost; one example per row if no other is better.

    Widths are powers of 2, so that only few shapes occur.
    """
    narrowest = max(1, int(inputs_lengths.max())), max(1, int(targets_lengths.max()))
    examples = len(inputs_lengths)
    best = Layout(np.arange(examples), examples, *map(multiple_of_8, narrowest))
    widths = [[power_of_2(length) << more for more in range(NUM_WIDTHS)] for length in narrowest]
    for inputs_width in widths[0]:
        for targets_width in widths[1]:
            rows = first_fit(inputs_lengths, targets_lengths, inputs_width, targets_width)
            layout = Layout(rows, few_numbers(int(rows.max()) + 1), inputs_width, targets_width)
            best = min(best, layout, key=lambda candidate: candidate.cost)
    return best


def few_numbers(count: int) -> int:
    """The next number with at most three significant bits, so that only few numbers of rows occur.

    >>> [few_numbers(count) for count in (5, 9, 17)]
    [5, 10, 20]
    """
    step = 1 << max(0, count.bit_length() - 3)
    return -(-count // step) * step


def packed_batch(ids: NumpyBatch, first_number: int) -> Batch:
    """Pack a batch of the stream. See `batches.as_batch`. If packing gains nothing, the batch is only trimmed."""
    layout = choose_layout(lengths(ids.inputs), lengths(ids.targets))
    if layout.num_rows >= len(ids.inputs):
        return trimmed_batch(ids, first_number)
    inputs, inputs_segments = pack(ids.inputs, layout.rows, layout.num_rows, layout.inputs_width)
    targets, targets_segments = pack(ids.targets, layout.rows, layout.num_rows, layout.targets_width)
    return Batch(
        inputs=signed(inputs),
        targets=signed(targets),
        numbers=torch.arange(first_number, first_number + layout.num_rows),
        inputs_segments=torch.from_numpy(inputs_segments),
        targets_segments=torch.from_numpy(targets_segments),
        num_tokens=int(np.count_nonzero(inputs)) + int(np.count_nonzero(targets)),
    )
