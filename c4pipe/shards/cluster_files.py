"""`clusters.parquet`: every page that is a near-duplicate of others, and which page of its cluster stayed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from c4pipe.shards import files

FILE_NAME = "clusters.parquet"
# `cluster`: the number of the page that stays, counted over all input shards in their order. `shard`, `row`: the place
# of the page in the input.
SCHEMA = pa.schema(
    [
        pa.field("cluster", pa.uint64(), nullable=False),
        pa.field("kept", pa.bool_(), nullable=False),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("row", pa.uint32(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("timestamp", pa.string()),
        pa.field("characters", pa.uint32(), nullable=False),
    ]
)


def write_members(path: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the pages of some shards, whole or not at all."""
    with files.write_atomically(path) as target:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=SCHEMA), target, compression="zstd")


def join_members(paths: Iterable[str], output: str) -> int:
    """Write the pages of many files to one file, in their order, one file at a time. Returns their number."""
    count = 0
    with files.write_atomically(output) as target, pq.ParquetWriter(target, SCHEMA, compression="zstd") as writer:
        for path in paths:
            with files.open_for_reading(path) as source:
                table = pq.read_table(source)
            if table.num_rows:
                writer.write_table(table)
                count += table.num_rows
    return count
