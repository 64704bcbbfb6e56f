"""Text shards: pages as AllenAI's C4 has them, JSON lines in gzip or zstd, or Parquet.

Writing is deterministic: gzip by isal and zstd by zstandard, both pinned wheels, without times or names in the header.
"""

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO

from c4pipe.errors import UserError
from c4pipe.shards import files
from c4pipe.shards.sources import ENDINGS, resolve_source

__all__ = ["COLUMNS", "read_text_shard", "resolve_source", "write_text_shard"]

COLUMNS = ("text", "timestamp", "url")
# Level 3 of isal takes other code, and gives other bytes, on a machine with AVX-512; 2 gives the same on every x86-64.
GZIP_LEVEL = 2
ZSTD_LEVEL = 3
_ROWS_PER_GROUP = 4096
_BLOCK_BYTES = 1 << 20
_SURROGATE = re.compile("[\ud800-\udfff]")

Row = dict[str, Any]


def write_text_shard(path: str, rows: Iterable[Row], format: str = "json.gz", columns: Sequence[str] = COLUMNS) -> int:
    """Write the rows, whole or not at all; the same rows give the same bytes.

    format: a key of `WRITERS`. columns: what of each row is written, in this order.
    Returns: the number of rows.
    Raises: UserError where the format is unknown.
    """
    if format not in WRITERS:
        raise UserError(f"unknown format {format!r}; choose one of {', '.join(WRITERS)}")
    with files.write_atomically(path) as target:
        return WRITERS[format](target, rows, columns)


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

    schema = pa.schema([pa.field(column, pa.string()) for column in columns])
    count, source = 0, iter(rows)
    with pq.ParquetWriter(target, schema, compression="zstd", compression_level=ZSTD_LEVEL) as writer:
        while group := list(islice(source, _ROWS_PER_GROUP)):
            arrays = [pa.array([row[column] for row in group], pa.string()) for column in columns]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(group)
    return count


WRITERS: dict[str, Callable[[BinaryIO, Iterable[Row], Sequence[str]], int]] = {
    "json.gz": _write_gzip,
    "json.zst": _write_zstd,
    "parquet": _write_parquet,
}


def read_text_shard(path: str, columns: Sequence[str] = ("text",)) -> Iterator[Row]:
    """The rows of a text shard in the order of the file, with the columns asked for.

    A column other than `text` that a file does not have is None. Blank lines are no rows. The kind of file is told by
    its name: .json.gz .jsonl.gz .json .jsonl .json.zst .jsonl.zst .parquet.

    Raises: UserError where the file is missing, damaged, of an unknown kind or without texts.
    """
    reader = next((reader for ending, reader in READERS.items() if path.endswith(ending)), None)
    if reader is None:
        raise UserError(f"{path}: a text shard must end in one of {', '.join(ENDINGS)}")
    with files.open_for_reading(path) as source:
        try:
            yield from reader(source, columns, path)
        except UserError:
            raise
        except Exception as error:
            if not _is_damage(error):
                raise
            raise UserError(f"{path} is damaged ({error}); make or copy it again") from error


def _is_damage(error: Exception) -> bool:
    import pyarrow as pa
    import zstandard

    kinds = (EOFError, ValueError, OSError, pa.ArrowException, zstandard.ZstdError)
    return isinstance(error, kinds) or type(error).__name__ in ("error", "IsalError", "BadGzipFile")


def _read_lines(lines: Iterable[bytes], columns: Sequence[str], path: str) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if line.isspace() or not line:
            continue
        row = _parse(line, path, number)
        text = row.get("text")
        if not isinstance(text, str):
            raise UserError(f"{path}, line {number}: no `text`; text shards hold one JSON object with a text a line")
        yield {column: row.get(column) for column in columns}


def _parse(line: bytes, path: str, number: int) -> Row:
    import orjson

    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        # The standard library also takes lone surrogates and NaN, which other tools write. No tokeniser takes half a
        # surrogate pair, so it becomes the replacement character.
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: no valid JSON ({error}); make or copy the file again") from error
        if isinstance(row, dict):
            row = {key: _SURROGATE.sub("\ufffd", one) if isinstance(one, str) else one for key, one in row.items()}
    if not isinstance(row, dict):
        raise UserError(f"{path}, line {number}: not a JSON object")
    return row


def _read_plain(source: BinaryIO, columns: Sequence[str], path: str) -> Iterator[Row]:
    return _read_lines(source, columns, path)


def _read_gzip(source: BinaryIO, columns: Sequence[str], path: str) -> Iterator[Row]:
    from isal import igzip

    with igzip.GzipFile(fileobj=source, mode="rb") as unpacked, io.BufferedReader(unpacked, _BLOCK_BYTES) as lines:
        yield from _read_lines(lines, columns, path)


def _read_zstd(source: BinaryIO, columns: Sequence[str], path: str) -> Iterator[Row]:
    import zstandard

    # By hand rather than by zstandard's stream reader, which takes a cut file for the end.
    def blocks() -> Iterator[bytes]:
        frame = None
        while packed := source.read(_BLOCK_BYTES):
            while packed:
                frame = frame or zstandard.ZstdDecompressor().decompressobj()
                yield frame.decompress(packed)
                packed = frame.unused_data
                if frame.eof:
                    frame = None
        if frame is not None:
            raise EOFError("it ends in the middle of a frame")

    yield from _read_lines(_split_lines(blocks()), columns, path)


def _split_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
    yield rest


def _read_parquet(source: BinaryIO, columns: Sequence[str], path: str) -> Iterator[Row]:
    import pyarrow.parquet as pq

    parquet = pq.ParquetFile(source)
    there = parquet.schema_arrow.names
    if "text" not in there:
        raise UserError(f"{path} has no column `text` (its columns: {', '.join(there)})")
    missing = dict.fromkeys(column for column in columns if column not in there)
    read = [column for column in there if column in columns or column == "text"]
    rows = (row for batch in parquet.iter_batches(batch_size=1024, columns=read) for row in batch.to_pylist())
    for number, row in enumerate(rows):
        if not isinstance(row["text"], str):
            raise UserError(f"{path}, row {number}: no `text`; every row needs one")
        yield {column: row[column] if column in row else missing[column] for column in columns}


READERS: dict[str, Callable[[BinaryIO, Sequence[str], str], Iterator[Row]]] = {
    ".json.gz": _read_gzip,
    ".jsonl.gz": _read_gzip,
    ".json.zst": _read_zstd,
    ".jsonl.zst": _read_zstd,
    ".json": _read_plain,
    ".jsonl": _read_plain,
    ".parquet": _read_parquet,
}
