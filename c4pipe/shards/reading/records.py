"""Reads the records of a file of any kind, including bad records. A damaged file is an error that names the file.

The kinds are: JSON lines, a JSON array, one JSON object, TSV, CSV, plain text, Parquet, and Arrow (files, and the
streams of `datasets`). Files of lines may be compressed by gzip, zstd, bzip2 or xz. The kind is recognised by the name,
the compression by the first bytes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from c4pipe import compression
from c4pipe.errors import UserError
from c4pipe.shards import files
from c4pipe.shards.digests import ReadDigest
from c4pipe.shards.reading import delimited, json_values, kinds, plain_text, tables
from c4pipe.shards.reading.record import BadRecord, RawRecord

__all__ = ["BadRecord", "RawRecord", "ReadingOptions", "header_of", "read_records"]


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """Options for reading a file.

    columns: for tables, read only those of these columns that exist; if empty, all. delimited_columns: names for the
    columns of a TSV or CSV file without a header; but a first line that has one of them is a header. page_per: for
    plain text, `line` or `file`.
    """

    columns: Sequence[str] = ()
    delimited_columns: Sequence[str] = ()
    page_per: str = plain_text.LINE


def read_records(
    path: str, options: ReadingOptions = ReadingOptions(), digest: ReadDigest | None = None
) -> Iterator[RawRecord | BadRecord]:
    """Yield the records of a file in its order. Blank lines are not records.

    digest: hashes the bytes that are read, and compares the result with the expected digest.
    Raises: UserError if the file is missing or damaged, is of an unknown kind, or does not have the expected digest.
    """
    kind = kinds.kind_of(path)
    if kind is None:
        raise UserError(f"{path}: cannot tell the kind of file; names end in {kinds.IN_WORDS}")
    with files.open_for_reading(path) as source:
        try:
            if digest is None:
                yield from _read(source, path, kind, options)
            else:
                with digest.reading(path, source, in_order=kind not in kinds.TABLES) as hashed:
                    yield from _read(hashed, path, kind, options)
        except UserError:
            raise
        except Exception as error:
            if not _is_damage(error):
                raise
            raise UserError(f"{path} is damaged ({error}); make or copy it again") from error


def _read(source: BinaryIO, path: str, kind: str, options: ReadingOptions) -> Iterator[RawRecord | BadRecord]:
    if kind in kinds.TABLES:
        yield from tables.read_table(source, kind, options.columns)
        return
    stream = compression.open_decompressed(source, path)
    if kind == kinds.JSON:
        yield from json_values.read_json(stream)
    elif kind == kinds.TSV:
        yield from delimited.read_tsv(stream, path, options.delimited_columns)
    elif kind == kinds.CSV:
        yield from delimited.read_csv(stream, path, options.delimited_columns)
    else:
        yield from plain_text.read_text(stream, options.page_per)


def header_of(path: str) -> list[str]:
    """The cells of the first line of a TSV or CSV file, whether they name columns or not; empty for other kinds.

    Raises: UserError if the file cannot be read.
    """
    if kinds.kind_of(path) not in (kinds.TSV, kinds.CSV):
        return []
    first = next(iter(read_records(path, ReadingOptions(delimited_columns=delimited.ANY))), None)
    return list(first.fields.values()) if isinstance(first, RawRecord) else []


def _is_damage(error: Exception) -> bool:
    import pyarrow as pa

    return isinstance(error, (compression.DamagedFile, EOFError, OSError, pa.ArrowException))
