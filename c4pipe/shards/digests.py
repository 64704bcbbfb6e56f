"""SHA-256 of what was really read of a file, while it is read."""

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
    """What a file turned out to be. sha256: known once it is read to its end.

    expected: what its manifest says it is; None if nothing does. again: `expected` is what this run read before.
    """

    def __init__(self, expected: str | None = None, *, again: bool = False) -> None:
        self.sha256: str | None = None
        self._expected, self._again = expected, again

    @contextmanager
    def reading(self, path: str, source: BinaryIO, *, in_order: bool) -> Iterator[BinaryIO]:
        """The source to read instead, whose bytes are hashed as they come; compared where the block ends well.

        in_order: the block reads from the front. Otherwise the file is hashed before, and must not change meanwhile.
        Raises: UserError if the bytes are not what is expected, or the file changed.
        """
        if in_order:
            hashing = _HashingReader(source)
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
    return UserError(f"{path} changed while it was read; run the command again when it is whole")


def sha256_of(path: str, expected: str | None) -> str:
    """SHA-256 of a file, as hex, for readers that need it before they read, or that read only some of the file.

    Raises: UserError where it is not what is expected.
    """
    sha256 = files.sha256(path)
    compare(path, sha256, expected)
    return sha256


def compare(path: str, found: str, expected: str | None) -> None:
    """Raises: UserError where a digest is expected and another one was found."""
    if expected is not None and found != expected:
        raise UserError(
            f"{path} is not what its folder's manifest says (the SHA-256 differs): it is damaged, or another file "
            "of that name; copy it anew, or make its folder again"
        )


def _state(path: str) -> tuple[int, int] | None:
    """What changes with a local file; None for a URL."""
    if files.is_remote(path):
        return None
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


class _HashingReader(io.RawIOBase):
    """A binary file whose bytes are hashed as they are read. It can go back to its beginning."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._hash = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        block = self._source.read(len(buffer))
        buffer[: len(block)] = block
        self._hash.update(block)
        return len(block)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if (offset, whence) != (0, os.SEEK_SET):
            raise io.UnsupportedOperation("only back to the beginning")
        self._hash = hashlib.sha256()
        return self._source.seek(0)

    def finish(self) -> str:
        """Read what is left (a reader may stop before); the SHA-256 of the whole file."""
        while block := self._source.read(_BLOCK_BYTES):
            self._hash.update(block)
        return self._hash.hexdigest()
