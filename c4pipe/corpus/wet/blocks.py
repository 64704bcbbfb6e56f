"""Reads the decompressed bytes of a WET file block by block. The file may be plain or compressed, whole or broken."""

from collections.abc import Iterator
from typing import BinaryIO

from c4pipe.corpus.wet.compression import PIECE_BYTES, Compression, compression_of, format_not_read

OTHER_COMPRESSION = "other_compression"
# Small, because the input after the end of each member is copied, and WET files have one member per page.
_READ_BYTES = 64 << 10
_BLOCK_BYTES = 512 << 10


class BrokenFile(Exception):
    """The compressed bytes are broken or end too early. The blocks that were given before are good.

    `reason`: as in the quarantine. `offset`: the start of the broken member, in decompressed bytes.
    """

    def __init__(self, reason: str, detail: str, offset: int) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.offset = offset


def read_blocks(source: BinaryIO, file_name: str) -> Iterator[bytes]:
    """Yield the decompressed bytes of `source` in non-empty blocks of at most about 500 KB.

    A file is compressed if its first bytes or its name say so (`compression.COMPRESSIONS`). Zero bytes between and
    after members are padding.

    Raises: BrokenFile if a member is broken or cut, if other bytes follow a member, or if the file is of another
    compression or an archive.
    """
    first = source.read(_READ_BYTES)
    compression = compression_of(first, file_name)
    if compression is not None:
        yield from _read_members(source, first, compression)
        return
    if name := format_not_read(first):
        raise BrokenFile(
            OTHER_COMPRESSION,
            f"this is a file of the kind {name}; unpack it, or compress it by gzip, xz, bzip2 or zstd instead",
            0,
        )
    while first:
        yield first
        first = source.read(_BLOCK_BYTES)


def _read_members(source: BinaryIO, data: bytes, compression: Compression) -> Iterator[bytes]:
    offset = 0
    pieces: list[bytes] = []
    num_bytes = 0
    reason = f"corrupt_{compression.name}"
    try:
        while data := _skip_padding(data, source):
            member = compression.open_member()
            member_offset = offset
            while not member.eof:
                try:
                    piece = member.decompress(data, PIECE_BYTES)
                except Exception as error:
                    # isal's own error class is not documented. Whatever it raises, the member is broken.
                    raise BrokenFile(reason, str(error), member_offset) from error
                data = b""
                offset += len(piece)
                pieces.append(piece)
                num_bytes += len(piece)
                if num_bytes >= _BLOCK_BYTES:
                    yield b"".join(pieces)
                    pieces.clear()
                    num_bytes = 0
                if member.needs_input and not member.eof:
                    data = source.read(_READ_BYTES)
                    if not data:
                        detail = f"the file ends inside a {compression.name} member"
                        raise BrokenFile(reason, detail, member_offset)
            data = member.unused_data
    except BrokenFile:
        if num_bytes:
            yield b"".join(pieces)
        raise
    if num_bytes:
        yield b"".join(pieces)


def _skip_padding(data: bytes, source: BinaryIO) -> bytes:
    """The next bytes, without leading zero bytes; empty at the end of the file."""
    while not (data := data.lstrip(b"\0")):
        data = source.read(_READ_BYTES)
        if not data:
            break
    return data
