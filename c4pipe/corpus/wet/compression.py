"""The compressions of WET files: recognises a file's compression by its first bytes or its name, and reads one member.

A member is what a compressor writes in one go: a gzip member, an xz or bzip2 stream, a zstd frame. A file may consist
of many members.
"""

import bz2
import lzma
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import zstandard
from isal import igzip_lib

# However much a few bytes may expand, they are decompressed in pieces of this size. The content of a broken piece is
# lost.
PIECE_BYTES = 16 << 10
# A file that needs more memory than this for decompression counts as broken.
_MAX_WINDOW_BYTES = 256 << 20
# A block of a zstd frame may expand from 4 bytes to 128 KiB, and all blocks in the input are decompressed at once.
_ZSTD_INPUT_BYTES = 256


class Member(Protocol):
    """Decompresses one member. `eof`: whether its end was reached. `unused_data`: the input after its end."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = ...) -> bytes:
        """Decompress the input given now and before, at most `max_length` bytes of output (zstd: up to some MiB)."""


class _ZstdMember:
    """`zstandard`'s decompressor. It gets little input at a time, because it cannot limit its output."""

    def __init__(self) -> None:
        self._object = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES).decompressobj()
        self._pending = memoryview(b"")
        self.eof = False
        self.needs_input = True
        self.unused_data = b""

    def decompress(self, data: bytes, max_length: int = PIECE_BYTES) -> bytes:
        if data:
            self._pending = memoryview(data)
        piece = self._object.decompress(self._pending[:_ZSTD_INPUT_BYTES])
        self._pending = self._pending[_ZSTD_INPUT_BYTES:]
        self.eof = self._object.eof
        self.needs_input = not self._pending
        if self.eof:
            self.unused_data = self._object.unused_data + bytes(self._pending)
        return piece


def _gzip_member() -> Member:
    return igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)


def _xz_member() -> Member:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MAX_WINDOW_BYTES)


@dataclass(frozen=True)
class Compression:
    """A compression that can be read: its name, the first bytes of its files, the ending of their names."""

    name: str
    magic: re.Pattern[bytes]
    ending: str
    open_member: Callable[[], Member]


COMPRESSIONS = (
    Compression("gzip", re.compile(rb"\x1f\x8b"), ".gz", _gzip_member),
    Compression("xz", re.compile(rb"\xfd7zXZ\x00"), ".xz", _xz_member),
    Compression("bz2", re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"), ".bz2", bz2.BZ2Decompressor),
    # The file begins with a frame, or with a skippable frame.
    Compression("zstd", re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"), ".zst", _ZstdMember),
)
# Formats that are recognised by their first bytes and cannot be read. Brotli has no such bytes.
_NOT_READ = {
    "lz4": re.compile(rb"\x04\x22\x4d\x18|\x02\x21\x4c\x18"),
    "7z": re.compile(rb"7z\xbc\xaf\x27\x1c"),
    "zip": re.compile(rb"PK(?:\x03\x04|\x05\x06|\x07\x08)"),
    "snappy": re.compile(rb"\xff\x06\x00\x00sNaPpY"),
    "lzip": re.compile(rb"LZIP"),
    "compress (.Z)": re.compile(rb"\x1f[\x9d\xa0]"),
    "rar": re.compile(rb"Rar!\x1a\x07"),
    "lzo": re.compile(rb"\x89LZO\x00\r\n\x1a\n"),
    "tar": re.compile(rb".{257}ustar", re.DOTALL),
}


def compression_of(first: bytes, file_name: str) -> Compression | None:
    """The compression of a file by its first bytes, or else by its name; None for a plain file."""
    for compression in COMPRESSIONS:
        if compression.magic.match(first):
            return compression
    if format_not_read(first):
        return None
    return next((known for known in COMPRESSIONS if first and file_name.endswith(known.ending)), None)


def format_not_read(first: bytes) -> str:
    """The name of a compression or archive that is recognised by its first bytes but cannot be read; else empty."""
    return next((name for name, magic in _NOT_READ.items() if magic.match(first)), "")
