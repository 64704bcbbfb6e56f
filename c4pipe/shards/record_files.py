"""Raw task records from files: JSON lines (plain, gzip, zstd), TSV, Parquet. Bad records come out as such, one by one.

TSV is as GLUE has it: a line a record, tabs between fields, no quoting; the first line names the columns.
"""

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from c4pipe.errors import UserError
from c4pipe.shards import files

ENDINGS = (".jsonl", ".json", ".jsonl.gz", ".json.gz", ".jsonl.zst", ".json.zst", ".tsv", ".tsv.gz", ".parquet")
_BLOCK_ROWS = 1024


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record. number: counted from 0 over the file. offset: its first byte, decompressed (Parquet: its number)."""

    number: int
    offset: int
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that could not be read: `reason` is a counter's name."""

    number: int
    offset: int
    reason: str
    detail: str


def read_records(path: str, tsv_columns: Sequence[str] = ()) -> Iterator[RawRecord | BadRecord]:
    """The records of a file in its order; blank lines are none.

    tsv_columns: names for a TSV file without a header; a first line that names one of them is a header all the same.
    Raises: UserError where the file is of an unknown kind, missing or damaged as a whole.
    """
    kind = next((ending for ending in sorted(ENDINGS, key=len, reverse=True) if path.endswith(ending)), None)
    if kind is None:
        raise UserError(f"{path}: task files end in one of {', '.join(ENDINGS)}")
    with files.open_for_reading(path) as source:
        try:
            if kind == ".parquet":
                yield from _parquet(source)
            elif kind.startswith(".tsv"):
                yield from _tsv(_lines(source, kind), path, tsv_columns)
            else:
                yield from _json_lines(_lines(source, kind))
        except UserError:
            raise
        except Exception as error:
            if not _is_damage(error):
                raise
            raise UserError(f"{path} is damaged ({error}); fetch or make it again") from error


def _is_damage(error: Exception) -> bool:
    import pyarrow as pa
    import zstandard

    kinds = (EOFError, OSError, pa.ArrowException, zstandard.ZstdError)
    return isinstance(error, kinds) or type(error).__module__.startswith(("isal", "zlib"))


def _lines(source: BinaryIO, kind: str) -> Iterator[tuple[int, bytes]]:
    """(offset, line without its end) of every line that is not blank."""
    stream: Iterable[bytes] = source
    if kind.endswith(".gz"):
        from isal import igzip

        stream = igzip.GzipFile(fileobj=source, mode="rb")
    elif kind.endswith(".zst"):
        import zstandard

        reader = zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True)
        stream = io.BufferedReader(cast(io.RawIOBase, reader))
    offset = 0
    for line in stream:
        if line.strip():
            yield offset, line.rstrip(b"\r\n")
        offset += len(line)


def _json_lines(lines: Iterator[tuple[int, bytes]]) -> Iterator[RawRecord | BadRecord]:
    for number, (offset, line) in enumerate(lines):
        try:
            fields = json.loads(line.decode("utf-8-sig" if offset == 0 else "utf-8"))
        except UnicodeDecodeError as error:
            yield BadRecord(number, offset, "bad_utf8", str(error))
            continue
        except ValueError as error:
            yield BadRecord(number, offset, "bad_json", str(error))
            continue
        if isinstance(fields, dict):
            yield RawRecord(number, offset, fields)
        else:
            yield BadRecord(number, offset, "bad_json", f"not an object but {type(fields).__name__}")


def _tsv(lines: Iterator[tuple[int, bytes]], path: str, tsv_columns: Sequence[str]) -> Iterator[RawRecord | BadRecord]:
    columns = list(tsv_columns)
    number = 0
    for index, (offset, line) in enumerate(lines):
        try:
            cells = line.decode("utf-8-sig" if offset == 0 else "utf-8").split("\t")
        except UnicodeDecodeError as error:
            if index == 0 and not columns:
                raise UserError(f"{path}: its first line, which names the columns, is no UTF-8") from error
            yield BadRecord(number, offset, "bad_utf8", str(error))
            number += 1
            continue
        if index == 0 and (not columns or set(columns) & set(cells)):
            columns = cells
            continue
        if len(cells) == len(columns):
            yield RawRecord(number, offset, dict(zip(columns, cells, strict=True)))
        else:
            yield BadRecord(number, offset, "bad_tsv", f"{len(cells)} fields, not {len(columns)}")
        number += 1


def _parquet(source: BinaryIO) -> Iterator[RawRecord | BadRecord]:
    import pyarrow.parquet as pq

    number = 0
    for batch in pq.ParquetFile(source).iter_batches(batch_size=_BLOCK_ROWS):
        for fields in batch.to_pylist():
            yield RawRecord(number, number, fields)
            number += 1
