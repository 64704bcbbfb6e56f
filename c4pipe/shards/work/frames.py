"""A file of frames with checksums. Reading gives the bytes that were written, or an error that the file is damaged.

Layout, little-endian: magic `c4frames`; the frames; an entry for each frame with its offset (uint64), its length
(uint64) and its checksum (uint32); number of frames (uint64), checksum of entries and number (uint32), magic again. So
every byte is covered, and each frame can be read by itself.

Checksums are CRC-32: they find every flipped bit, and miss one in 2^32 of other faults. isal, which the shards need
anyway, computes them at several gigabytes per second, faster than these files are read.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from c4pipe.errors import UserError
from c4pipe.shards import files

_MAGIC = b"c4frames"
_ENTRY = struct.Struct("<QQI")
_TAIL = struct.Struct("<QI8s")


class DamagedWorkFile(UserError):
    """A work file is missing, truncated or changed. The same command makes it again. fault: what is wrong with it."""

    fault: str = ""

    @classmethod
    def of(cls, path: str, fault: object) -> "DamagedWorkFile":
        error = cls(f"work file {path} is damaged ({fault}); run the same command again, which makes it again")
        error.fault = str(fault)
        return error


def checksum(content: Any, start: int = 0) -> int:
    """CRC-32 of bytes. start: the CRC-32 of the bytes before them."""
    from isal import isal_zlib

    return isal_zlib.crc32(content, start)


class FramesWriter:
    """A context manager that writes frames. The file gets its name only if the block ends without an error."""

    def __init__(self, path: str) -> None:
        self._file = files.write_atomically(path)
        self._entries: list[bytes] = []
        self._offset = len(_MAGIC)

    def __enter__(self) -> "FramesWriter":
        self._target = self._file.__enter__()
        self._target.write(_MAGIC)
        return self

    def write(self, frame: Any) -> int:
        """Write one frame of bytes. Returns its number."""
        length = memoryview(frame).nbytes
        self._entries.append(_ENTRY.pack(self._offset, length, checksum(frame)))
        self._target.write(frame)
        self._offset += length
        return len(self._entries) - 1

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None:
            entries = b"".join(self._entries)
            self._target.write(entries)
            self._target.write(_TAIL.pack(len(self._entries), _checksum_of(entries), _MAGIC))
        self._file.__exit__(kind, error, trace)


def _checksum_of(entries: bytes) -> int:
    return checksum(len(entries).to_bytes(8, "little"), checksum(entries))


def read_frames(path: str, numbers: Iterable[int] | None = None) -> Iterator[bytes]:
    """Yield the frames of a file, or only those with these numbers. One frame is in memory at a time.

    Raises: DamagedWorkFile.
    """
    with _opened(path) as (source, entries):
        for number in range(len(entries)) if numbers is None else numbers:
            offset, length, expected = entries[number]
            source.seek(offset)
            frame = source.read(length)
            if len(frame) != length or checksum(frame) != expected:
                raise DamagedWorkFile.of(path, f"the checksum of part {number} differs")
            yield frame


def is_whole(path: str) -> bool:
    """Whether a file exists and has exactly the bytes that were written."""
    try:
        for _ in read_frames(path):
            pass
        return True
    except DamagedWorkFile:
        return False


@contextmanager
def _opened(path: str) -> Iterator[tuple[BinaryIO, list[tuple[int, int, int]]]]:
    try:
        source = files.open_for_reading(path)
    except UserError as error:
        raise DamagedWorkFile.of(path, error) from error
    with source:
        yield source, _read_entries(source, path)


def _read_entries(source: BinaryIO, path: str) -> list[tuple[int, int, int]]:
    end = source.seek(0, os.SEEK_END)
    source.seek(max(end - _TAIL.size, 0))
    tail = source.read(_TAIL.size)
    count, expected, magic = _TAIL.unpack(tail) if len(tail) == _TAIL.size else (0, 0, b"")
    size = count * _ENTRY.size
    start = end - _TAIL.size - size
    source.seek(0)
    if magic != _MAGIC or start < len(_MAGIC) or source.read(len(_MAGIC)) != _MAGIC:
        raise DamagedWorkFile.of(path, "it is truncated, or of another version")
    source.seek(start)
    entries = source.read(size)
    if _checksum_of(entries) != expected:
        raise DamagedWorkFile.of(path, "the checksum of its table differs")
    return list(_ENTRY.iter_unpack(entries))
