"""One record of a file, and one that could not be read."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record. number: counted from 0 over the file.

    offset: its first byte, decompressed; where records have no bytes of their own (tables, JSON arrays), its number.
    """

    number: int
    offset: int
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that could not be read: `reason` is a counter's name."""

    number: int
    offset: int
    reason: str
    detail: str
