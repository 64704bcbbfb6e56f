"""Provenance files: for each row of a text shard, the WET file and the record it came from."""

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
    """Write (base name of the WET file, number of the record in it) a row, whole or not at all; returns the rows."""
    pairs = list(origins)
    wet_files = pa.array([pair[0] for pair in pairs], pa.string()).dictionary_encode()
    records = pa.array([pair[1] for pair in pairs], pa.uint32())
    table = pa.Table.from_arrays([wet_files, records], schema=_SCHEMA)
    with files.write_atomically(path) as target:
        pq.write_table(table, target, compression="zstd")
    return len(pairs)


def read_provenance(path: str) -> list[tuple[str, int]]:
    """(base name of the WET file, number of the record in it) of each row.

    Raises: UserError if the file is missing or damaged.
    """
    with files.open_for_reading(path) as source:
        try:
            table: Any = pq.read_table(source, columns=["wet_file", "record"])
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{path} is damaged ({error}); make the folder again") from error
    return list(zip(table["wet_file"].to_pylist(), table["record"].to_pylist(), strict=True))


def places(text_shard: str) -> tuple[str, ...]:
    """Where the provenance file of a text shard that wet_to_c4 made may lie, the place of today first.

    Empty for shards of other names.

    >>> places("c4/en/c4-train.00007-of-01024.json.gz")[0]
    'c4/en/_provenance/provenance-train.00007-of-01024.parquet'
    >>> places("c4/en/c4-train.00007-of-01024.json.gz")[1]  # where older versions wrote it
    'c4/en/provenance-train.00007-of-01024.parquet'
    """
    parsed = names.parse(files.base_name(text_shard))
    if parsed is None or not parsed[0].startswith("c4-"):
        return ()
    folder, numbered = files.folder_of(text_shard), (parsed[0].removeprefix("c4-"), parsed[1], parsed[2])
    return tuple(files.join(folder, name(*numbered)) for name in (names.provenance, names.older_provenance))


def find(text_shard: str) -> str | None:
    """Path of the provenance file of a text shard; None if there is none."""
    return next((path for path in places(text_shard) if files.exists(path)), None)
