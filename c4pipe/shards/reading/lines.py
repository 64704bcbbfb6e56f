"""Splits bytes into lines with their offsets."""

from collections.abc import Iterable, Iterator


def numbered_lines(stream: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, line without its end) for every line that is not blank."""
    offset = 0
    for line in stream:
        if not line.isspace():
            yield offset, line.rstrip(b"\r\n")
        offset += len(line)


def decoded(offset: int, line: bytes) -> str:
    """A line as text. The first line of the file may begin with a byte order mark, which is removed.

    Raises: UnicodeDecodeError if it is not UTF-8.
    """
    return line.decode("utf-8-sig" if offset == 0 else "utf-8")
