"""Key files: packed rows divided into numbered parts, so that a reader can read only its parts of many files.

They make a shuffle on one machine possible: the keys of each WET file are written in parts, and each bucket reads its
parts of every file. Only one bucket per worker is in memory.

Layout, little-endian: magic `c4pkeys2`; row size in bytes (uint64); number of parts P (uint64); P + 1 entries of which
each is the first row of a part (uint64) and the part's checksum (uint32), the last the number of rows; the rows. A
checksum is the CRC-32 of row size, P, the part's number, its first row, the first row of the next part, and its rows.
So every byte is covered, and a reader of few parts need not read the others to check them.
"""

import struct
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from c4pipe.errors import UserError
from c4pipe.shards import files
from c4pipe.shards.work.frames import DamagedWorkFile, checksum

MAGIC = b"c4pkeys2"
_HEAD = struct.Struct("<8sQQ")
_ENTRY = np.dtype([("first", "<u8"), ("checksum", "<u4")])
_PART = struct.Struct("<QQQQQ")

T = TypeVar("T")


def write_key_file(path: str, rows: np.ndarray, parts: np.ndarray, num_parts: int, dtype: np.dtype) -> None:
    """Write `rows` ordered by `parts`, whole or not at all.

    rows: (n,) of a packed dtype. parts: (n,) integers below `num_parts`. Rows of one part keep their order. dtype: the
    dtype in the file, because numpy's functions may have changed the byte order of `rows` to this machine's.

    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/keys"
    >>> u4 = np.dtype(">u4")
    >>> write_key_file(path, np.array([10, 11, 12], "<u4"), np.array([2, 0, 2]), num_parts=4, dtype=u4)
    >>> read_parts(path, 2, 4, u4).tolist(), read_parts(path, 0, 1, u4).tolist()
    ([10, 12], [11])
    """
    order = np.argsort(parts, kind="stable")
    packed = np.ascontiguousarray(rows[order].astype(dtype, copy=False)).tobytes()
    table = np.zeros(num_parts + 1, dtype=_ENTRY)
    table["first"][1:] = np.cumsum(np.bincount(parts, minlength=num_parts))
    table["checksum"] = _checksums(0, table["first"].tolist(), packed, num_parts, dtype.itemsize)
    with files.write_atomically(path) as target:
        target.write(_HEAD.pack(MAGIC, dtype.itemsize, num_parts))
        target.write(table.tobytes())
        target.write(packed)


def _checksums(number: int, firsts: list[int], packed: bytes, num_parts: int, row_bytes: int) -> list[int]:
    """The checksums of the parts from `number` on, then that of the table's end, which has no rows.

    packed: the rows of these parts. firsts: the first row of each part, and the row after the last part.
    """
    content, start = memoryview(packed), firsts[0]
    found = []
    for place, (first, end) in enumerate(zip(firsts, [*firsts[1:], firsts[-1]], strict=True)):
        head = _PART.pack(row_bytes, num_parts, number + place, first, end)
        rows = content[(first - start) * row_bytes : (end - start) * row_bytes]
        found.append(checksum(rows, checksum(head)) if len(rows) else checksum(head))
    return found


def read_parts(path: str, first: int, end: int, dtype: np.dtype) -> np.ndarray:
    """The rows of the parts from `first` up to, but not including, `end`.

    Raises: DamagedWorkFile if the file is truncated or damaged, or is not a key file with rows of this dtype.
    """

    def read(source: Any, num_parts: int) -> np.ndarray:
        source.seek(_HEAD.size + _ENTRY.itemsize * first)
        table = np.frombuffer(source.read(_ENTRY.itemsize * (end - first + 1)), dtype=_ENTRY)
        if len(table) != end - first + 1:
            raise ValueError("it is truncated")
        firsts = table["first"].tolist()
        num_bytes = (firsts[-1] - firsts[0]) * dtype.itemsize
        offset = _HEAD.size + _ENTRY.itemsize * (num_parts + 1) + firsts[0] * dtype.itemsize
        if sorted(firsts) != firsts or offset + num_bytes > source.seek(0, 2):
            raise ValueError("it is truncated, or its table is damaged")
        source.seek(offset)
        content = source.read(num_bytes)
        if _checksums(first, firsts, content, num_parts, dtype.itemsize)[:-1] != table["checksum"].tolist()[:-1]:
            raise ValueError("a checksum differs")
        return np.frombuffer(content, dtype=dtype)

    return _with_head(path, dtype, read)


def count_rows(path: str, dtype: np.dtype) -> int:
    """The number of rows of a key file. Raises: DamagedWorkFile."""

    def read(source: Any, num_parts: int) -> int:
        source.seek(_HEAD.size + _ENTRY.itemsize * num_parts)
        (entry,) = np.frombuffer(source.read(_ENTRY.itemsize), dtype=_ENTRY)
        count = int(entry["first"])
        if _checksums(num_parts, [count], b"", num_parts, dtype.itemsize) != [int(entry["checksum"])]:
            raise ValueError("a checksum differs")
        return count

    return _with_head(path, dtype, read)


def is_whole(path: str, dtype: np.dtype) -> bool:
    """Whether a key file exists and has exactly the bytes that were written."""
    try:
        read_parts(path, 0, _with_head(path, dtype, lambda source, num_parts: num_parts), dtype)
        count_rows(path, dtype)
        return True
    except DamagedWorkFile:
        return False


def _with_head(path: str, dtype: np.dtype, read: Callable[[Any, int], T]) -> T:
    try:
        source = files.open_for_reading(path)
    except UserError as error:
        raise DamagedWorkFile.of(path, error) from error
    with source:
        try:
            magic, row_bytes, num_parts = _HEAD.unpack(source.read(_HEAD.size))
            if magic != MAGIC or row_bytes != dtype.itemsize:
                raise ValueError("it is not a key file with such rows")
            return read(source, num_parts)
        except (ValueError, IndexError, OverflowError, struct.error) as error:
            raise DamagedWorkFile.of(path, error) from error
