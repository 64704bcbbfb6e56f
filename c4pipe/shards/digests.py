"""Computes the SHA-256 of a file while it is read, so that it is the digest of the bytes that were really read."""

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from c4pipe.errors import UserError
from c4pipe.shards import files

_BLOCK_BYTES = 1 << 20


class ReadDigest:
    """The digest of a file that is being read. sha256: None until the file was read to its end.

    expected: the digest from its manifest; None if there is none. again: whether `expected` is instead the digest that
    this run found when it read the file before.
    """

    def __init__(self, expected: str | None = None, *, again: bool = False) -> None:
        self.sha256: str | None = None
        self._expected, self._again = expected, again

    @contextmanager
    def reading(self, path: str, source: BinaryIO, *, in_order: bool) -> Iterator[BinaryIO]:
        """A source to read from instead, which hashes the bytes. The digest is checked when the block ends normally.

        in_order: whether the block reads the file from front to end. If not, the file is hashed before, and must not
        change meanwhile.
        Raises: UserError if the digest is not the expected one, or if the file changed.
        """
        if in_order:
            hashing = HashingReader(source)
            yield cast(BinaryIO, hashing)
            self.sha256 = hashing.finish()
        else:
            before = _state(path)
            self.sha256 = files.sha256(path)
            yield source
            if _state(path) != before:
                raise _changed(path)
        if self._again and self.sha256 != self._expected:
            raise _changed(path)
        compare(path, self.sha256, self._expected)


def _changed(path: str) -> UserError:
    return UserError(f"{path} changed while it was read; run the command again when it is complete")


def sha256_of(path: str, expected: str | None) -> str:
    """SHA-256 of a file, in hexadecimal, for readers that need it before they read, or read only parts of it.

    Raises: UserError if it is not the expected one.
    """
    sha256 = files.sha256(path)
    compare(path, sha256, expected)
    return sha256


def compare(path: str, found: str, expected: str | None) -> None:
    """Raises: UserError if a digest is expected and differs from the digest that was found."""
    if expected is not None and found != expected:
        raise UserError(
            f"{path} is not what its folder's manifest says (the SHA-256 differs): it is damaged, or another file "
            "with that name; copy it again, or make its folder again"
        )


def _state(path: str) -> tuple[int, int] | None:
    """(size, time of modification) of a local file, by which changes are noticed; None for a URL."""
    if files.is_remote(path):
        return None
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


class CountingReader(io.RawIOBase):
    """Counts the bytes of a file while they are read. It can seek only to its beginning."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.begin()

    def begin(self) -> None:
        """Called before the first block, and again when the reader returns to the beginning."""
        self.num_bytes = 0

    def look(self, block: bytes) -> None:
        """Called with each block that was read."""
        self.num_bytes += len(block)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        block = self._source.read(len(buffer))
        buffer[: len(block)] = block
        self.look(block)
        return len(block)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if (offset, whence) != (0, os.SEEK_SET):
            raise io.UnsupportedOperation("only back to the beginning")
        self.begin()
        return self._source.seek(0)


class HashingReader(CountingReader):
    """Hashes and counts the bytes of a file while they are read."""

    def begin(self) -> None:
        super().begin()
        self._hash = hashlib.sha256()

    def look(self, block: bytes) -> None:
        super().look(block)
        self._hash.update(block)

    def finish(self) -> str:
        """Read the rest of the file (a reader may stop early). Returns the SHA-256 of the whole file."""
        while block := self._source.read(_BLOCK_BYTES):
            self.look(block)
        return self._hash.hexdigest()
