"""A block of examples that an objective made."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Corrupted:
    """A block of examples.

    inputs: (b, inputs_length), targets: (b, targets_length), ids with EOS, then 0. input_lengths, target_lengths: (b,)
    with EOS. counts: `noise_tokens`, `noise_spans` (0 for objectives without one sentinel per span), `overflowed`
    (examples with more spans than extra ids), `trimmed_inputs` and `trimmed_targets` (examples that were too long and
    lost tokens).
    """

    inputs: np.ndarray
    targets: np.ndarray
    input_lengths: np.ndarray
    target_lengths: np.ndarray
    counts: dict[str, int]


def merge(places: Sequence[np.ndarray], parts: Sequence[Corrupted]) -> Corrupted:
    """Merge the parts of a block. Row i of a part becomes row places[i] of the block."""

    def whole(columns: Sequence[np.ndarray]) -> np.ndarray:
        merged = np.empty((sum(map(len, places)), *columns[0].shape[1:]), columns[0].dtype)
        for rows, column in zip(places, columns, strict=True):
            merged[rows] = column
        return merged

    return Corrupted(
        inputs=whole([part.inputs for part in parts]),
        targets=whole([part.targets for part in parts]),
        input_lengths=whole([part.input_lengths for part in parts]),
        target_lengths=whole([part.target_lengths for part in parts]),
        counts={name: sum(part.counts[name] for part in parts) for name in parts[0].counts},
    )
