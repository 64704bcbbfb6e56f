"""Work files: what one stage of wet_to_c4 leaves for the next, one WET file each; Arrow IPC, LZ4.

A work file counts as committed once its record (`STEM.json`) is there, which is written last and says from what the
file was made. Everything is written whole or not at all, so a run may be killed at any moment.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import pyarrow as pa
from pyarrow import ipc

from c4pipe.errors import UserError
from c4pipe.shards import files

RECORD_ENDING = ".json"
PAGES_ENDING = ".arrow"

# A page that competes for its URL, after cleaning. `text`: the cleaned text, or the beginning of the page as it was
# where `reason` says why it goes. `lines`, `bytes`: of the page as it was. `line_counts`: lines by outcome.
CLEANED = pa.schema(
    [
        pa.field("record", pa.uint32(), nullable=False),
        pa.field("url", pa.string(), nullable=False),
        pa.field("timestamp", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("lines", pa.uint32(), nullable=False),
        pa.field("bytes", pa.uint32(), nullable=False),
        pa.field("line_counts", pa.list_(pa.field("item", pa.uint32(), nullable=False)), nullable=False),
    ]
)

# A page of the corpus, as it is written. `row`: its row among the file's cleaned pages.
FINISHED = pa.schema(
    [
        pa.field("row", pa.uint32(), nullable=False),
        pa.field("record", pa.uint32(), nullable=False),
        pa.field("url", pa.string(), nullable=False),
        pa.field("timestamp", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
    ]
)


class PagesWriter:
    """Writes pages batch by batch, as a context: the file gets its name only where the block ends without an error."""

    def __init__(self, path: str, schema: pa.Schema) -> None:
        self._path, self._schema = path, schema
        self.num_batches = 0

    def __enter__(self) -> "PagesWriter":
        self._file = files.write_atomically(self._path)
        options = ipc.IpcWriteOptions(compression="lz4")
        self._writer = ipc.new_file(self._file.__enter__(), self._schema, options=options)
        return self

    def write(self, columns: Mapping[str, Sequence[Any]]) -> int:
        """Write one record batch of columns of equal length; returns its number."""
        arrays = [pa.array(columns[column.name], column.type) for column in self._schema]
        self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self.num_batches += 1
        return self.num_batches - 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._writer.close()
        self._file.__exit__(kind, error, trace)


def read_pages(
    path: str, columns: Sequence[str] | None = None, batches: Sequence[int] | None = None
) -> Iterator[dict[str, list[Any]]]:
    """The record batches of a work file as columns of Python values, one batch in memory at a time.

    columns: names, or all. batches: numbers of the batches to read, or all of them.
    """
    with _open(path) as reader:
        for number in range(reader.num_record_batches) if batches is None else batches:
            batch = reader.get_batch(number)
            yield {name: batch.column(name).to_pylist() for name in columns or batch.schema.names}


@contextmanager
def _open(path: str) -> Iterator[ipc.RecordBatchFileReader]:
    try:
        if files.is_remote(path):
            with files.open_for_reading(path) as source:
                yield ipc.open_file(source)
        else:
            # Read, not mapped: mapped pages would count as the worker's memory.
            with pa.OSFile(path) as source:
                yield ipc.open_file(source)
    except (pa.ArrowInvalid, FileNotFoundError) as error:
        raise UserError(f"work file {path} is damaged ({error}); remove it and run the same command") from error


def write_record(path: str, made_from: str, content: Mapping[str, Any]) -> None:
    """Commit a work file: `made_from` names its inputs and settings, `content` is what later stages want to know."""
    text = json.dumps({"made_from": made_from, **content}, ensure_ascii=False, separators=(",", ":"))
    files.write_bytes(path, text.encode("utf-8", "surrogatepass"))


def read_record(path: str, made_from: str | None = None) -> dict[str, Any] | None:
    """What `write_record` wrote; None where there is nothing, or where it was made from something else."""
    if not files.exists(path):
        return None
    try:
        record = json.loads(files.read_bytes(path).decode("utf-8", "surrogatepass"))
    except ValueError:
        return None
    if made_from is not None and record.get("made_from") != made_from:
        return None
    return record
