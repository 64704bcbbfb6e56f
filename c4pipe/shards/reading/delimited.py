"""TSV and CSV: one record per row, with the names of the columns in the first row.

TSV is as in GLUE: one record per line, tabs between fields, no quoting. CSV is as in RFC 4180: fields with commas,
quotes or line ends are quoted.
"""

import csv
import io
from collections.abc import Iterator, Sequence

from c4pipe.errors import UserError
from c4pipe.shards.reading.lines import decoded, numbered_lines
from c4pipe.shards.reading.record import BadRecord, RawRecord

# Means that columns are named by their numbers, and that the first line is always a record.
ANY = ("*",)
# If a field is longer than this, its closing quote is missing.
_MAX_FIELD = 1 << 24


def read_tsv(stream: io.BufferedReader, path: str, columns: Sequence[str]) -> Iterator[RawRecord | BadRecord]:
    """Yield the records of a TSV file. columns: see `ReadingOptions.delimited_columns`.

    Raises: UserError if the first line, which names the columns, is not UTF-8.
    """
    rows = _Rows(path, columns, "bad_tsv")
    for offset, line in numbered_lines(stream):
        try:
            cells = decoded(offset, line).split("\t")
        except UnicodeDecodeError as error:
            yield rows.bad_utf8(offset, str(error))
            continue
        yield from rows.add(offset, cells)


def read_csv(stream: io.BufferedReader, path: str, columns: Sequence[str]) -> Iterator[RawRecord | BadRecord]:
    """Yield the records of a CSV file. columns: see `ReadingOptions.delimited_columns`.

    Raises: UserError if the first row, which names the columns, is not UTF-8.
    """
    rows = _Rows(path, columns, "bad_csv")
    lines = _CountedLines(stream)
    csv.field_size_limit(_MAX_FIELD)
    reader = csv.reader(lines, strict=True)
    while True:
        offset = lines.offset
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield rows.bad(offset, str(error))
            reader = csv.reader(lines, strict=True)
            continue
        if not any(cell.strip() for cell in cells):
            continue
        # Bytes that are not UTF-8 were decoded to halves of surrogate pairs.
        if any(not cell.isascii() and not _is_utf8(cell) for cell in cells):
            yield rows.bad_utf8(offset, "not UTF-8")
            continue
        yield from rows.add(offset, cells)


class _CountedLines:
    """An iterator of lines as text, which knows the offset of the next line."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream
        self.offset = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._stream)
        text = line.decode("utf-8-sig" if self.offset == 0 else "utf-8", "surrogateescape")
        self.offset += len(line)
        return text


def _is_utf8(cell: str) -> bool:
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Rows:
    """Makes records from rows. The first row names the columns, unless they are known."""

    def __init__(self, path: str, columns: Sequence[str], reason: str) -> None:
        self._path, self._columns, self._reason = path, list(columns), reason
        self._by_number = tuple(columns) == ANY
        self._is_first = True
        self._number = 0

    def add(self, offset: int, cells: list[str]) -> Iterator[RawRecord | BadRecord]:
        is_first, self._is_first = self._is_first, False
        if self._by_number:
            self._columns = [str(place) for place in range(len(cells))]
        elif is_first and (not self._columns or set(self._columns) & set(cells)):
            self._columns = cells
            return
        if len(cells) != len(self._columns):
            yield self.bad(offset, f"{len(cells)} fields, not {len(self._columns)}")
            return
        yield RawRecord(self._number, offset, dict(zip(self._columns, cells, strict=True)))
        self._number += 1

    def bad_utf8(self, offset: int, detail: str) -> BadRecord:
        if self._is_first and not self._columns:
            raise UserError(f"{self._path}: its first line, which names the columns, is not UTF-8")
        self._is_first = False
        self._number += 1
        return BadRecord(self._number - 1, offset, "bad_utf8", detail)

    def bad(self, offset: int, detail: str) -> BadRecord:
        self._is_first = False
        self._number += 1
        return BadRecord(self._number - 1, offset, self._reason, detail)
