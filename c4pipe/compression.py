"""Decompressed bytes of gzip, zstd, bzip2 and xz files, where a cut is an error and never the end.

The libraries' own readers do not all see a cut: zstandard's stream reader takes it for the end, isal's takes an empty
file for an empty one, and those of bz2 and lzma pass over what follows the last stream.
"""

import io
from collections.abc import Callable
from typing import Any, BinaryIO, cast

# How the name of a compressed file ends -> what it is called.
ENDINGS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bzip2", ".xz": "xz"}

_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz"}
# zstd may begin with a frame to skip: the first byte's lower half is free.
_SKIPPABLE = b"\x2a\x4d\x18"
_BLOCK_BYTES = 1 << 20
_PACKED_BYTES = 128 << 10
# Memory that a zstd file may ask for; `zstd --long=30` makes files that need this much.
MAX_ZSTD_WINDOW = 1 << 30


class DamagedFile(Exception):
    """Compressed bytes that are broken, end too early, or are not what the file's name says."""


def compression_of(first: bytes) -> str | None:
    """What a file is compressed with by its first bytes (six are enough), or None.

    >>> compression_of(b"BZh91AY"), compression_of(b'{"text"')
    ('bzip2', None)
    """
    if first[1:4] == _SKIPPABLE and 0x50 <= first[0] <= 0x5F:
        return "zstd"
    return next((name for magic, name in _MAGIC.items() if first.startswith(magic)), None)


def open_decompressed(source: BinaryIO, name: str) -> io.BufferedReader:
    """The decompressed bytes of an open file (it must be able to seek): its first bytes say how it is compressed.

    Several members, frames or streams one after the other are one file, as the field's tools take them.
    name: the file's name. If it ends like that of a compressed file, and the first bytes are of no kind known, the file
    is damaged. A cut between two members cannot be seen.

    Raises: DamagedFile, here or while reading.
    """
    told = next((kind for ending, kind in ENDINGS.items() if name.endswith(ending)), None)
    found = compression_of(source.read(6))
    source.seek(0)
    if told and not found:
        raise DamagedFile(f"its name says {told}, but it does not begin like {told}")
    if not found:
        return io.BufferedReader(cast(io.RawIOBase, source), _BLOCK_BYTES)
    raw = _Gzip(source) if found == "gzip" else _Frames(source, _DECOMPRESSORS[found], found)
    return io.BufferedReader(raw, _BLOCK_BYTES)


class _Gzip(io.RawIOBase):
    """isal's reader, which sees every cut but that to nothing. Its errors become ours."""

    def __init__(self, source: BinaryIO) -> None:
        from isal import igzip

        self._unpacked = igzip.GzipFile(fileobj=source, mode="rb")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            return self._unpacked.readinto(buffer)
        except MemoryError:
            raise
        except Exception as error:  # isal's own error is no documented type
            raise DamagedFile(f"gzip: {error}") from error


class _Frames(io.RawIOBase):
    """Frames or streams one after the other, each by a decompressor of its own."""

    def __init__(self, source: BinaryIO, make: Callable[[], Any], name: str) -> None:
        self._source, self._make, self._name = source, make, name
        self._frame: Any = None
        self._packed = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            if not self._packed and not self._needs_no_input():
                self._packed = self._source.read(_PACKED_BYTES)
                if not self._packed:
                    if self._frame is not None:
                        raise DamagedFile(f"{self._name}: the file ends in the middle of its compressed bytes")
                    return 0
            self._ready = memoryview(self._decompress())
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _needs_no_input(self) -> bool:
        """Whether the decompressor holds back output, which it does where it was told a length."""
        return self._frame is not None and not getattr(self._frame, "needs_input", True)

    def _decompress(self) -> bytes:
        packed, self._packed = self._packed, b""
        if self._frame is None:
            # xz pads streams with zero bytes, and so do tapes.
            packed = packed.lstrip(b"\0")
            if not packed:
                return b""
            self._frame = self._make()
        try:
            made = self._frame.decompress(packed)
        except MemoryError:
            raise
        except Exception as error:
            raise DamagedFile(f"{self._name}: {_explained(str(error))}") from error
        if self._frame.eof:
            self._packed, self._frame = self._frame.unused_data, None
        return made


def _explained(message: str) -> str:
    if "too much memory" in message:
        return (
            f"it needs a window of more than {MAX_ZSTD_WINDOW >> 20} MiB; compress it again with zstd --long=30 or less"
        )
    if "Dictionary mismatch" in message:
        return "it was compressed with a dictionary; decompress it with zstd -D first"
    return message


def _zstd() -> Any:
    import zstandard

    return zstandard.ZstdDecompressor(max_window_size=MAX_ZSTD_WINDOW).decompressobj()


def _bzip2() -> Any:
    import bz2

    return _Bounded(bz2.BZ2Decompressor())


def _xz() -> Any:
    import lzma

    return _Bounded(lzma.LZMADecompressor(lzma.FORMAT_XZ))


class _Bounded:
    """A decompressor of the standard library that gives a block at a time, however far its input unfolds."""

    def __init__(self, decompressor: Any) -> None:
        self._decompressor = decompressor

    def decompress(self, packed: bytes) -> bytes:
        return self._decompressor.decompress(packed, _BLOCK_BYTES)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decompressor, name)


_DECOMPRESSORS = {"zstd": _zstd, "bzip2": _bzip2, "xz": _xz}
