"""Decompressed bytes of gzip, zstd, bzip2 and xz files. A truncated file is an error, never a shorter text.

The libraries' own readers do not notice every truncation. zstandard's stream reader takes a cut for the end of the
file, isal's reads a file cut to nothing as an empty text, and those of bz2 and lzma ignore what follows the last
stream.
"""

import io
from collections.abc import Callable
from typing import Any, BinaryIO, cast

# Ending of a compressed file's name -> name of the compression.
ENDINGS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bzip2", ".xz": "xz"}

_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz"}
# A zstd file may begin with a skippable frame. The lower half of its first byte can have any value.
_SKIPPABLE = b"\x2a\x4d\x18"
_BLOCK_BYTES = 1 << 20
_PACKED_BYTES = 128 << 10
# The most memory that a zstd file may need for its window: that of files made by `zstd --long=30`.
MAX_ZSTD_WINDOW = 1 << 30


class DamagedFile(Exception):
    """Compressed bytes are broken, end too early, or do not have the compression that the file's name tells."""


def compression_of(first: bytes) -> str | None:
    """The compression that a file's first bytes show (six are enough), or None if they show none.

    >>> compression_of(b"BZh91AY"), compression_of(b'{"text"')
    ('bzip2', None)
    """
    if first[1:4] == _SKIPPABLE and 0x50 <= first[0] <= 0x5F:
        return "zstd"
    return next((name for magic, name in _MAGIC.items() if first.startswith(magic)), None)


def open_decompressed(source: BinaryIO, name: str) -> io.BufferedReader:
    """The decompressed bytes of an open, seekable file. Its first bytes decide how it is decompressed.

    Several members, frames or streams one after the other count as one file, as in the usual tools.
    name: the file's name. If its ending promises a compression, but the first bytes show none, the file is damaged.
    A file that was cut exactly between two members cannot be recognised as truncated.

    Raises: DamagedFile, here or while reading.
    """
    promised = next((kind for ending, kind in ENDINGS.items() if name.endswith(ending)), None)
    found = compression_of(source.read(6))
    source.seek(0)
    if promised and not found:
        raise DamagedFile(f"its name says {promised}, but it does not begin like {promised}")
    if not found:
        return io.BufferedReader(cast(io.RawIOBase, source), _BLOCK_BYTES)
    raw = _Gzip(source) if found == "gzip" else _Frames(source, _DECOMPRESSORS[found], found)
    return io.BufferedReader(raw, _BLOCK_BYTES)


class _Gzip(io.RawIOBase):
    """Wraps isal's reader, which notices every truncation except to zero bytes, and turns its errors into ours."""

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
        except Exception as error:  # isal does not document the types of its errors
            raise DamagedFile(f"gzip: {error}") from error


class _Frames(io.RawIOBase):
    """Reads frames or streams that follow each other, each with a new decompressor."""

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
        """Whether the decompressor still has output to give: a bounded one keeps it back (see `_Bounded`)."""
        return self._frame is not None and not getattr(self._frame, "needs_input", True)

    def _decompress(self) -> bytes:
        packed, self._packed = self._packed, b""
        if self._frame is None:
            # Zero bytes may follow a stream: xz and tapes pad with them.
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
    """A decompressor of the standard library, limited to one block of output per call."""

    def __init__(self, decompressor: Any) -> None:
        self._decompressor = decompressor

    def decompress(self, packed: bytes) -> bytes:
        return self._decompressor.decompress(packed, _BLOCK_BYTES)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decompressor, name)


_DECOMPRESSORS = {"zstd": _zstd, "bzip2": _bzip2, "xz": _xz}
