"""Provenance files: the WET file and the record of each row of a text shard."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from c4pipe.errors import UserError
from c4pipe.shards import files, names

_SCHEMA = pa.schema(
    [
        pa.field("wet_file", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("record", pa.uint32(), nullable=False),
    ]
)


def write_provenance(path: str, origins: Iterable[tuple[str, int]]) -> int:
    """Write (base name of the WET file, number of its record) per row, whole or not at all. Returns the rows."""
    pairs = list(origins)
    wet_files = pa.array([pair[0] for pair in pairs], pa.string()).dictionary_encode()
    records = pa.array([pair[1] for pair in pairs], pa.uint32())
    table = pa.Table.from_arrays([wet_files, records], schema=_SCHEMA)
    with files.write_atomically(path) as target:
        pq.write_table(table, target, compression="zstd")
    return len(pairs)


def read_provenance(path: str) -> list[tuple[str, int]]:
    """(base name of the WET file, number of its record) of each row.

    Raises: UserError if the file is missing or damaged.
    """
    with files.open_for_reading(path) as source:
        try:
            # `pq.read_table` leaves threads behind, with which some commands aborted when they ended.
            table: Any = pq.ParquetFile(source).read(columns=["wet_file", "record"], use_threads=False)
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{path} is damaged ({error}); make the folder again") from error
    return list(zip(table["wet_file"].to_pylist(), table["record"].to_pylist(), strict=True))


def places(text_shard: str) -> tuple[str, ...]:
    """The possible paths of the provenance file of a text shard made by wet_to_c4, the present path first.

    Empty if the shard's name is not one of wet_to_c4.

    >>> places("c4/en/c4-train.00007-of-01024.json.gz")[0]
    'c4/en/_provenance/provenance-train.00007-of-01024.parquet'
    >>> places("c4/en/c4-train.00007-of-01024.json.gz")[1]  # the path in older versions
    'c4/en/provenance-train.00007-of-01024.parquet'
    """
    parsed = names.parse(files.base_name(text_shard))
    if parsed is None or not parsed[0].startswith("c4-"):
        return ()
    folder, numbered = files.folder_of(text_shard), (parsed[0].removeprefix("c4-"), parsed[1], parsed[2])
    return tuple(files.join(folder, name(*numbered)) for name in (names.provenance, names.older_provenance))


def find(text_shard: str) -> str | None:
    """The path of a text shard's provenance file; None if it has none."""
    return next((path for path in places(text_shard) if files.exists(path)), None)
