"""The decompressed bytes of a WET file, block by block: plain or gzip, one member or many, whole or broken."""

from collections.abc import Iterator
from typing import BinaryIO

from isal import isal_zlib

GZIP_MAGIC = b"\x1f\x8b"
# Small, because what follows the end of a member is copied once a member, and WET files have one a page.
_READ_BYTES = 64 << 10
# However far a few bytes may unfold, they come out in pieces of this size; what a broken piece held is lost.
_PIECE_BYTES = 16 << 10
_BLOCK_BYTES = 512 << 10
_GZIP_WITH_HEADER = 31


class CorruptGzip(Exception):
    """The compressed bytes are broken or end too early. Blocks given before are good as far as they go.

    `offset`: where, in decompressed bytes, the broken member began.
    """

    def __init__(self, detail: str, offset: int) -> None:
        super().__init__(detail)
        self.detail = detail
        self.offset = offset


def read_blocks(source: BinaryIO, file_name: str) -> Iterator[bytes]:
    """Yield the decompressed bytes of `source` in blocks of up to some 500 KB, none of them empty.

    A file is gzip where its first bytes or its name say so. Zero bytes between and after members are padding.

    Raises: CorruptGzip where a member is broken, cut off, or no member.
    """
    first = source.read(_READ_BYTES)
    if first.startswith(GZIP_MAGIC) or (first and file_name.endswith(".gz")):
        yield from _read_members(source, first)
        return
    while first:
        yield first
        first = source.read(_BLOCK_BYTES)


def _read_members(source: BinaryIO, data: bytes) -> Iterator[bytes]:
    offset = 0
    held: list[bytes] = []
    num_held = 0
    try:
        while data := _skip_padding(data, source):
            member = isal_zlib.decompressobj(_GZIP_WITH_HEADER)
            member_offset = offset
            while not member.eof:
                try:
                    piece = member.decompress(data, _PIECE_BYTES)
                except Exception as error:
                    # isal's own error class is no documented exception type; whatever it raises, the member is broken.
                    raise CorruptGzip(str(error), member_offset) from error
                data = member.unconsumed_tail
                offset += len(piece)
                held.append(piece)
                num_held += len(piece)
                if num_held >= _BLOCK_BYTES:
                    yield b"".join(held)
                    held.clear()
                    num_held = 0
                # A full piece may have more behind it that needs no more input.
                if not data and not member.eof and len(piece) < _PIECE_BYTES:
                    data = source.read(_READ_BYTES)
                    if not data:
                        raise CorruptGzip("the file ends inside a gzip member", member_offset)
            data = member.unused_data
    except CorruptGzip:
        if num_held:
            yield b"".join(held)
        raise
    if num_held:
        yield b"".join(held)


def _skip_padding(data: bytes, source: BinaryIO) -> bytes:
    """The next bytes that are not zero; none at the end of the file."""
    while not (data := data.lstrip(b"\0")):
        data = source.read(_READ_BYTES)
        if not data:
            break
    return data
