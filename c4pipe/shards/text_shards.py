"""Text shards: pages in the form of AllenAI's C4. Written as JSON lines in gzip or zstd, or as Parquet.

Many more kinds of files can be read. Writing is deterministic: gzip by isal and zstd by zstandard, both in pinned
versions, without times or names in the header.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

from c4pipe.choices import choose
from c4pipe.errors import UserError
from c4pipe.shards import files
from c4pipe.shards.digests import ReadDigest
from c4pipe.shards.reading import kinds, plain_text, tables
from c4pipe.shards.reading.record import BadRecord
from c4pipe.shards.reading.records import ReadingOptions, read_records

COLUMNS = ("text", "timestamp", "url")
# How sure the language identifier is, 0 to 1: a column that is there only if it was asked for. All others are strings.
PROBABILITY = "language_probability"
# On a machine with AVX-512, level 3 of isal uses other code and gives other bytes. Level 2 gives the same bytes on
# every x86-64.
GZIP_LEVEL = 2
ZSTD_LEVEL = 3
_ROWS_PER_GROUP = 4096
_BLOCK_BYTES = 1 << 20

Row = dict[str, Any]


@dataclass(frozen=True)
class TextShard:
    """A text shard that a run reads: its path, its index among the `count` shards of its split, its `number` among all.

    page_per: `line` or `file`, if the shard is plain text. sha256: its SHA-256 according to its folder's manifest.
    """

    path: str
    split: str
    index: int
    count: int
    page_per: str = plain_text.LINE
    sha256: str | None = None
    number: int = 0

    @property
    def record_name(self) -> str:
        return f"{self.split}-{self.index:05d}-of-{self.count:05d}.json"


def write_text_shard(path: str, rows: Iterable[Row], format: str = "json.gz", columns: Sequence[str] = COLUMNS) -> int:
    """Write the rows, whole or not at all. The same rows give the same bytes.

    format: a key of `WRITERS`. columns: the columns to write, in this order.
    Returns: the number of rows.
    Raises: UserError if the format is unknown.
    """
    write = choose("format", format, WRITERS)
    with files.write_atomically(path) as target:
        return write(target, rows, columns)


def _write_lines(target: Any, rows: Iterable[Row], columns: Sequence[str]) -> int:
    import orjson

    count = 0
    for row in rows:
        target.write(orjson.dumps({column: row[column] for column in columns}, option=orjson.OPT_APPEND_NEWLINE))
        count += 1
    return count


def _write_gzip(target: BinaryIO, rows: Iterable[Row], columns: Sequence[str]) -> int:
    from isal import igzip

    packed = igzip.GzipFile("", "wb", compresslevel=GZIP_LEVEL, fileobj=target, mtime=0)
    with packed, io.BufferedWriter(packed, _BLOCK_BYTES) as lines:
        return _write_lines(lines, rows, columns)


def _write_zstd(target: BinaryIO, rows: Iterable[Row], columns: Sequence[str]) -> int:
    import zstandard

    compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True)
    with compressor.stream_writer(target, closefd=False) as packed:
        return _write_lines(packed, rows, columns)


def _write_parquet(target: BinaryIO, rows: Iterable[Row], columns: Sequence[str]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {column: pa.float64() if column == PROBABILITY else pa.string() for column in columns}
    schema = pa.schema(list(types.items()))
    count, source = 0, iter(rows)
    with pq.ParquetWriter(target, schema, compression="zstd", compression_level=ZSTD_LEVEL) as writer:
        while group := list(islice(source, _ROWS_PER_GROUP)):
            arrays = [pa.array([row[column] for row in group], types[column]) for column in columns]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(group)
    return count


WRITERS: dict[str, Callable[[BinaryIO, Iterable[Row], Sequence[str]], int]] = {
    "json.gz": _write_gzip,
    "json.zst": _write_zstd,
    "parquet": _write_parquet,
}


def read_text_batches(
    path: str,
    columns: Sequence[str],
    size: int,
    *,
    on_bad: Callable[[BadRecord], None] | None = None,
    digest: ReadDigest | None = None,
) -> Iterator[list[Row]]:
    """Yield the rows of `read_text_shard` in batches of `size`."""
    rows = read_text_shard(path, columns, on_bad=on_bad, digest=digest)
    while batch := list(islice(rows, size)):
        yield batch


def read_pages(
    path: str,
    columns: Sequence[str],
    bad: list[BadRecord],
    *,
    page_per: str = plain_text.LINE,
    digest: ReadDigest | None = None,
) -> Iterator[tuple[int, Row]]:
    """Yield (number in the file, row) for each row of a text shard that is a page. Other rows are appended to `bad`."""
    num_bad = 0
    for number, row in enumerate(read_text_shard(path, columns, page_per=page_per, on_bad=bad.append, digest=digest)):
        if len(bad) == num_bad:
            yield number, row
        num_bad = len(bad)


def read_text_shard(
    path: str,
    columns: Sequence[str] = ("text",),
    *,
    page_per: str = plain_text.LINE,
    on_bad: Callable[[BadRecord], None] | None = None,
    digest: ReadDigest | None = None,
) -> Iterator[Row]:
    """Yield the rows of a text shard in the order of the file, with the given columns.

    The kind of file is recognised by its name (`kinds.IN_WORDS`). If a file lacks a column other than `text`, its
    values are None. Blank lines are not rows. page_per: for plain text, `line` or `file`. on_bad: called with each row
    that is not a page (without a text, or not valid JSON). The row is still yielded, with the text "", so that all
    other rows keep their numbers. Without `on_bad`, the first such row is an error. digest: as for `read_records`.

    Raises: UserError if the file is missing, damaged, of an unknown kind, or a table without a column `text`.
    """
    wanted = tuple(dict.fromkeys(("text", *columns)))
    if kinds.kind_of(path) in kinds.TABLES:
        there = tables.schema_of(path).names
        if "text" not in there:
            raise UserError(f"{path} has no column `text` (its columns: {', '.join(there)})")
    for record in read_records(path, ReadingOptions(columns=wanted, page_per=page_per), digest):
        fault = record if isinstance(record, BadRecord) else _fault_of(record.number, record.offset, record.fields)
        if fault is None:
            fields = record.fields  # type: ignore[union-attr]
            yield {column: fields.get(column) for column in columns}
        elif on_bad is None:
            raise UserError(f"{path}, row {fault.number} (from 0): {fault.detail}; make or copy the file again")
        else:
            on_bad(fault)
            yield {column: "" if column == "text" else None for column in columns}


def _fault_of(number: int, offset: int, fields: Row) -> BadRecord | None:
    """Why a record is not a page, or None if it is one."""
    text = fields.get("text")
    if isinstance(text, str):
        return None
    if text is None:
        detail = "`text` is null" if "text" in fields else f"no `text` among its fields ({', '.join(fields)})"
        return BadRecord(number, offset, "no_text", detail[:300])
    return BadRecord(number, offset, "bad_text", f"`text` is {type(text).__name__}, not a text")
