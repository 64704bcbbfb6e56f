"""Work files: the pages that one stage of wet_to_c4 writes for the next, one file per WET file; Arrow IPC, LZ4.

A work file is committed when its record (`STEM.json`) exists, which is written last and tells what the file was made
from. All files are written whole or not at all, so a run may be killed at any moment.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import pyarrow as pa
from pyarrow import ipc

from c4pipe.shards import files
from c4pipe.shards.work.frames import DamagedWorkFile, FramesWriter, checksum, is_whole, read_frames

__all__ = ["CLEANED", "FINISHED", "PagesWriter", "is_whole", "read_pages", "read_record", "write_record"]


_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class CleanedPage:
    """A page that competes for its URL, judged as if it won.

    text: the cleaned text or, if `stage` and `reason` tell why the page is dropped, the beginning of its original text.
    lines, bytes: the size of the original text. line_counts: lines per outcome of cleaning. counters: names of further
    counters. language: whose rules cleaned it; empty if the rules do not depend on it.
    """

    record: int
    url: str
    timestamp: str
    text: str
    stage: str
    reason: str
    lines: int
    bytes: int
    line_counts: Sequence[int]
    counters: Sequence[str]
    language: str


@dataclass(frozen=True, slots=True)
class FinishedPage:
    """A page as it is written to the corpus.

    row: its row in the file of cleaned pages. probability: how sure the identifier is of its language.
    """

    row: int
    record: int
    url: str
    timestamp: str
    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class JudgedPage(FinishedPage):
    """A page that passed the stages up to its language, before the last stages."""

    language: str


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
        pa.field("counters", pa.list_(pa.field("item", pa.string(), nullable=False)), nullable=False),
        pa.field("language", pa.string(), nullable=False),
    ]
)

FINISHED = pa.schema(
    [
        pa.field("row", pa.uint32(), nullable=False),
        pa.field("record", pa.uint32(), nullable=False),
        pa.field("url", pa.string(), nullable=False),
        pa.field("timestamp", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("probability", pa.float64(), nullable=False),
    ]
)
JUDGED = pa.schema([*FINISHED, pa.field("language", pa.string(), nullable=False)])


class PagesWriter:
    """A context manager that writes pages. The file gets its name only if the block ends without an error."""

    def __init__(self, path: str, schema: pa.Schema) -> None:
        self._schema = schema
        self._frames = FramesWriter(path)
        self._options = ipc.IpcWriteOptions(compression="lz4")

    def __enter__(self) -> "PagesWriter":
        self._frames.__enter__()
        return self

    def write(self, pages: Sequence[Any]) -> int:
        """Write one record batch, from records whose fields are the columns. Returns its number."""
        arrays = [pa.array([getattr(page, column.name) for page in pages], column.type) for column in self._schema]
        packed = pa.BufferOutputStream()
        with ipc.new_stream(packed, self._schema, options=self._options) as stream:
            stream.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        return self._frames.write(packed.getvalue())

    def __exit__(self, *raised: Any) -> None:
        self._frames.__exit__(*raised)


def read_pages(path: str, kind: type[_Row], batches: Sequence[int] | None = None) -> Iterator[list[_Row]]:
    """Yield the record batches of a work file as lists of records, with one batch in memory at a time.

    kind: a dataclass whose fields are the columns to read. batches: the numbers of the batches to read; None for all.
    """
    names = [column.name for column in fields(kind)]  # type: ignore[arg-type]
    for frame in read_frames(path, batches):
        try:
            batch = ipc.open_stream(frame).read_next_batch()
        except (pa.ArrowException, StopIteration) as error:
            raise DamagedWorkFile.of(path, error) from error
        columns = [batch.column(name).to_pylist() for name in names]
        yield [kind(*values) for values in zip(*columns, strict=True)]


def write_record(path: str, made_from: str, content: Mapping[str, Any]) -> None:
    """Commit a work file by writing its record: a line of JSON, and a line with its checksum.

    made_from: a digest of the file's inputs and settings. content: facts for later stages.
    """
    text = json.dumps({"made_from": made_from, **content}, ensure_ascii=False, separators=(",", ":"))
    packed = text.encode("utf-8", "surrogatepass")
    files.write_bytes(path, packed + b"\n%08x\n" % checksum(packed))


def read_record(path: str, made_from: str | None = None) -> dict[str, Any] | None:
    """The record that `write_record` wrote; None if it is missing or damaged, or was made from something else."""
    if not files.exists(path):
        return None
    packed, _, expected = files.read_bytes(path).partition(b"\n")
    if expected != b"%08x\n" % checksum(packed):
        return None
    record = json.loads(packed.decode("utf-8", "surrogatepass"))
    if made_from is not None and record.get("made_from") != made_from:
        return None
    return record
