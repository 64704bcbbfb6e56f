"""Key files: packed rows in order of a small number, so that a reader takes its part of many files and no more.

They are what a shuffle on one machine is made of: each WET file writes its keys sorted by bucket, each bucket reads
its slice of every file. Nothing but one bucket is ever in memory.

Layout, little-endian: magic `c4pkeys1`; row size in bytes (uint64); number of parts P (uint64); P + 1 offsets in rows
(uint64), of which the last is the number of rows; the rows.
"""

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from c4pipe.errors import UserError
from c4pipe.shards import files

MAGIC = b"c4pkeys1"
_HEAD = struct.Struct("<8sQQ")


def write_key_file(path: str, rows: np.ndarray, parts: np.ndarray, num_parts: int, dtype: np.dtype) -> None:
    """Write `rows` ordered by `parts`, whole or not at all.

    rows: (n,) of a packed dtype. parts: (n,) integers below `num_parts`. Rows of one part keep their order. dtype: as
    the rows are stored; numpy's functions may have given them this machine's byte order.

    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/keys"
    >>> u4 = np.dtype(">u4")
    >>> write_key_file(path, np.array([10, 11, 12], "<u4"), np.array([2, 0, 2]), num_parts=4, dtype=u4)
    >>> read_parts(path, 2, 4, u4).tolist(), read_parts(path, 0, 1, u4).tolist()
    ([10, 12], [11])
    """
    order = np.argsort(parts, kind="stable")
    offsets = np.zeros(num_parts + 1, dtype="<u8")
    offsets[1:] = np.cumsum(np.bincount(parts, minlength=num_parts))
    with files.write_atomically(path) as target:
        target.write(_HEAD.pack(MAGIC, dtype.itemsize, num_parts))
        target.write(offsets.tobytes())
        target.write(np.ascontiguousarray(rows[order].astype(dtype, copy=False)).tobytes())


def read_parts(path: str, first: int, end: int, dtype: np.dtype) -> np.ndarray:
    """The rows of parts `first` up to `end`, which is left out.

    Raises: UserError where the file is no key file with rows of this dtype, or is cut.
    """

    def read(source: Any, num_parts: int) -> np.ndarray:
        source.seek(_HEAD.size + 8 * first)
        offsets = np.frombuffer(source.read(8 * (end - first + 1)), dtype="<u8")
        start, stop = int(offsets[0]), int(offsets[-1])
        source.seek(_HEAD.size + 8 * (num_parts + 1) + start * dtype.itemsize)
        content = source.read((stop - start) * dtype.itemsize)
        if len(content) != (stop - start) * dtype.itemsize:
            raise ValueError("it is cut")
        return np.frombuffer(content, dtype=dtype)

    return _with_head(path, dtype, read)


def count_rows(path: str, dtype: np.dtype) -> int:
    """The number of rows of a key file."""

    def read(source: Any, num_parts: int) -> int:
        source.seek(_HEAD.size + 8 * num_parts)
        return int(np.frombuffer(source.read(8), dtype="<u8")[0])

    return _with_head(path, dtype, read)


def _with_head(path: str, dtype: np.dtype, read: Callable[[Any, int], Any]) -> Any:
    with files.open_for_reading(path) as source:
        try:
            magic, row_bytes, num_parts = _HEAD.unpack(source.read(_HEAD.size))
            if magic != MAGIC or row_bytes != dtype.itemsize:
                raise ValueError("it is no key file with such rows")
            return read(source, num_parts)
        except (ValueError, IndexError, struct.error) as error:
            raise UserError(f"work file {path} is damaged ({error}); remove it and run the same command") from error
