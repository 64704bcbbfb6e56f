"""The columns of example shards, which `c4_to_examples` and `tasks_to_examples` write and the trainer streams."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

# Every record batch of an example shard has exactly this many rows, except the last. The number is part of the format,
# because the order of training is computed from the manifest's row counts alone.
ROWS_PER_BATCH = 1024

# Ids of vocabularies up to this size fit in 16 bits.
MAX_NARROW_VOCABULARY = 1 << 16

FORMAT_VERSION = "1"


@dataclass(frozen=True)
class ExampleSchema:
    """The parameters of an example shard's columns.

    inputs_length, targets_length: the longest inputs and targets, in tokens, including EOS. fixed_inputs,
    fixed_targets: whether they are stored as fixed-size lists of that length, with 0 after EOS, or as lists of their
    own lengths. vocabulary_size: the number of ids, including extra ids; above 65,536, ids have 32 bits. task: whether
    the shard also has the columns `task` and `references`. denoisers: names of the denoisers of a mixture, whose shard
    also has the column `denoiser` with the number of each example's. metadata: strings that are stored in the file,
    such as `text_shard` (the base name of the text shard that the examples were made from).
    """

    inputs_length: int
    targets_length: int
    vocabulary_size: int
    fixed_inputs: bool = True
    fixed_targets: bool = True
    task: bool = False
    denoisers: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def id_type(self) -> pa.DataType:
        """uint16 or uint32, depending on the vocabulary's size."""
        return pa.uint16() if self.vocabulary_size <= MAX_NARROW_VOCABULARY else pa.uint32()

    @property
    def id_dtype(self) -> np.dtype:
        """`id_type` as a numpy dtype. (Arrow's own conversion needs pandas.)"""
        return np.dtype(str(self.id_type))

    def arrow(self) -> pa.Schema:
        """The Arrow schema.

        >>> ExampleSchema(512, 114, 32100).arrow().field("inputs").type
        FixedSizeListType(fixed_size_list<item: uint16 not null>[512])
        """
        columns = [
            pa.field("inputs", self._ids(self.inputs_length if self.fixed_inputs else -1), nullable=False),
            pa.field("targets", self._ids(self.targets_length if self.fixed_targets else -1), nullable=False),
            pa.field("row", pa.uint32(), nullable=False),
            pa.field("token_offset", pa.uint32(), nullable=False),
            pa.field("num_pages", pa.uint32(), nullable=False),
        ]
        if self.task:
            columns.append(pa.field("task", pa.string(), nullable=False))
            columns.append(pa.field("references", pa.list_(pa.string()), nullable=False))
        metadata = {"format": FORMAT_VERSION, "rows_per_batch": str(ROWS_PER_BATCH), **self.metadata}
        if self.denoisers:
            columns.append(pa.field("denoiser", pa.uint8(), nullable=False))
            metadata["denoisers"] = ",".join(self.denoisers)
        return pa.schema(columns, metadata=metadata)

    def _ids(self, length: int) -> pa.DataType:
        return pa.list_(pa.field("item", self.id_type, nullable=False), length)
