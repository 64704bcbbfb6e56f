"""Every page that is a near-duplicate of others, and which page of its cluster stayed.

`clusters.parquet` of drop_near_duplicates, `_provenance/near_duplicates.parquet` of wet_to_c4.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from c4pipe.shards import files, names

FILE_NAME = "clusters.parquet"
FILE_NAME_OF_WET = f"{names.PROVENANCE_FOLDER}/near_duplicates.parquet"


def _schema(file: str, place: str) -> pa.Schema:
    """The columns. `cluster`: the number of the page that stays, counted over all inputs in their order.

    file, place: the names of the columns with the page's file and its place in the file.
    """
    return pa.schema(
        [
            pa.field("cluster", pa.uint64(), nullable=False),
            pa.field("kept", pa.bool_(), nullable=False),
            pa.field(file, pa.string(), nullable=False),
            pa.field(place, pa.uint32(), nullable=False),
            pa.field("url", pa.string()),
            pa.field("timestamp", pa.string()),
            pa.field("characters", pa.uint32(), nullable=False),
        ]
    )


OF_SHARDS = _schema("shard", "row")
OF_WET_FILES = _schema("wet_file", "record")


def write_members(path: str, rows: Sequence[Mapping[str, Any]], schema: pa.Schema = OF_SHARDS) -> None:
    """Write the pages of some files, whole or not at all. schema: `OF_SHARDS` or `OF_WET_FILES`."""
    with files.write_atomically(path) as target:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), target, compression="zstd")


def join_members(paths: Iterable[str], output: str, schema: pa.Schema = OF_SHARDS) -> int:
    """Write the pages of many files to one file, in their order, one file at a time. Returns their number."""
    count = 0
    with files.write_atomically(output) as target, pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for path in paths:
            with files.open_for_reading(path) as source:
                # Not `pq.read_table`, which leaves threads behind (see `provenance`).
                table = pq.ParquetFile(source).read(use_threads=False)
            if table.num_rows:
                writer.write_table(table)
                count += table.num_rows
    return count
