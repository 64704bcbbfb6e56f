"""Tables: Parquet, Arrow files, and the Arrow streams that `datasets` writes.

Values are converted in two cases. Bytes become text, because many tools write strings as bytes. Class numbers become
their names, if the table's metadata has them (`ClassLabel` of `datasets`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from c4pipe.compression import DamagedFile
from c4pipe.errors import UserError
from c4pipe.shards import files
from c4pipe.shards.reading import kinds
from c4pipe.shards.reading.record import BadRecord, RawRecord

_BLOCK_ROWS = 1024
_FILE_MAGIC = b"ARROW1"
# The end mark of a stream since Arrow 0.15. It must be checked here, because Arrow's reader does not notice a stream
# that was cut between two batches.
_STREAM_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"


def read_table(source: BinaryIO, kind: str, columns: Sequence[str] = ()) -> Iterator[RawRecord | BadRecord]:
    """Yield the rows of a table. columns: read only those of these that exist; if empty, all."""
    names: Mapping[str, Sequence[str]] | None = None
    number = 0
    for batch in _batches(source, kind, columns):
        if names is None:
            names = class_names_of_schema(batch.schema)
        for fields in batch.to_pylist():
            yield _record(number, fields, names)
            number += 1


def _record(number: int, fields: dict[str, Any], names: Mapping[str, Sequence[str]]) -> RawRecord | BadRecord:
    for column, value in fields.items():
        if isinstance(value, bytes):
            try:
                fields[column] = value.decode()
            except UnicodeDecodeError as error:
                return BadRecord(number, number, "bad_utf8", f"column {column!r}: {error}")
    for column, of_column in names.items():
        if column in fields:
            fields[column] = class_name(fields[column], of_column)
    return RawRecord(number, number, fields)


def class_name(value: Any, names: Sequence[str]) -> Any:
    """The name of a class number. Other values stay, such as -1 for a hidden label.

    >>> class_name(1, ["positive", "negative"]), class_name(-1, ["positive", "negative"])
    ('negative', -1)
    """
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else value


def _batches(source: BinaryIO, kind: str, columns: Sequence[str]) -> Iterator[Any]:
    if kind == kinds.PARQUET:
        import pyarrow.parquet as pq

        table = pq.ParquetFile(source)
        wanted = [name for name in table.schema_arrow.names if name in columns] if columns else None
        yield from table.iter_batches(batch_size=_BLOCK_ROWS, columns=wanted)
        return
    for batch in _arrow_batches(source):
        wanted = [name for name in batch.schema.names if name in columns] if columns else batch.schema.names
        chosen = batch.select(wanted)
        for start in range(0, len(chosen), _BLOCK_ROWS):
            yield chosen.slice(start, _BLOCK_ROWS)


def _arrow_batches(source: BinaryIO) -> Iterator[Any]:
    import pyarrow as pa

    reader = _open_arrow(source)
    if isinstance(reader, pa.RecordBatchFileReader):
        for index in range(reader.num_record_batches):
            yield reader.get_batch(index)
    else:
        yield from reader


def _open_arrow(source: BinaryIO) -> Any:
    import pyarrow as pa

    if source.read(len(_FILE_MAGIC)) == _FILE_MAGIC:
        source.seek(0)
        return pa.ipc.open_file(source)
    source.seek(0, 2)
    source.seek(max(source.tell() - 8, 0))
    end = source.read()
    source.seek(0)
    if end != _STREAM_END:
        raise DamagedFile("Arrow: the stream has no end mark, so it was cut")
    return pa.ipc.open_stream(source)


def schema_of(path: str) -> Any:
    """The Arrow schema of a table.

    Raises: UserError if the file is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with files.open_for_reading(path) as source:
        try:
            if kinds.kind_of(path) == kinds.PARQUET:
                return pq.ParquetFile(source).schema_arrow
            return _open_arrow(source).schema
        except (pa.ArrowException, OSError, DamagedFile) as error:
            raise UserError(f"{path} is damaged ({error}); make or copy it again") from error


def class_names_of_schema(schema: Any) -> dict[str, list[str]]:
    """Column -> names of its classes, from the metadata that `datasets` writes."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return class_names_of_features(features)


def class_names_of_features(features: Any) -> dict[str, list[str]]:
    """
    >>> class_names_of_features({"label": {"names": ["no", "yes"], "_type": "ClassLabel"}, "s": {"_type": "Value"}})
    {'label': ['no', 'yes']}
    """
    return {
        column: list(feature["names"])
        for column, feature in (features.items() if isinstance(features, dict) else ())
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and _are_names(feature.get("names"))
    }


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(name, str) for name in value)
