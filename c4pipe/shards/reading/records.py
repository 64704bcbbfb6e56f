"""Records of a file of any kind, one by one, the bad ones among them. Damage is an error that names the file.

JSON lines, a JSON array, one JSON object, TSV, CSV, plain text, Parquet, and Arrow (files, and the streams of
`datasets`). Lines may be compressed by gzip, zstd, bzip2 or xz. The kind is told by the name, the compression by the
first bytes.
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
    """What a file does not tell itself.

    columns: of tables, read these alone where they are there (all if empty). delimited_columns: names for a TSV or CSV
    file without a header; a first line that names one of them is a header all the same. page_per: `line` or `file`, of
    plain text.
    """

    columns: Sequence[str] = ()
    delimited_columns: Sequence[str] = ()
    page_per: str = plain_text.LINE


def read_records(
    path: str, options: ReadingOptions = ReadingOptions(), digest: ReadDigest | None = None
) -> Iterator[RawRecord | BadRecord]:
    """The records of a file in its order; blank lines are none.

    digest: is told what was read, and compares it with what it expects.
    Raises: UserError if the file is of an unknown kind, missing, damaged or not what is expected.
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
    """The cells of the first line of a TSV or CSV file, whether they name columns or not; nothing for other kinds.

    Raises: UserError if the file cannot be read.
    """
    if kinds.kind_of(path) not in (kinds.TSV, kinds.CSV):
        return []
    first = next(iter(read_records(path, ReadingOptions(delimited_columns=delimited.ANY))), None)
    return list(first.fields.values()) if isinstance(first, RawRecord) else []


def _is_damage(error: Exception) -> bool:
    import pyarrow as pa

    return isinstance(error, (compression.DamagedFile, EOFError, OSError, pa.ArrowException))
