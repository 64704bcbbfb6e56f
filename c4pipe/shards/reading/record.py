"""A record of a file, and a record that could not be read."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from c4pipe.records import Quarantined


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record of a file.

    number: counted from 0 over the file. offset: of its first byte, in decompressed bytes; for records without an
    offset (tables, JSON arrays), the number.
    """

    number: int
    offset: int
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that could not be read. `reason` is the name of the counter."""

    number: int
    offset: int
    reason: str
    detail: str


def quarantine_rows(file: str, bad: Iterable[BadRecord]) -> list[dict[str, Any]]:
    """The rows of `quarantine.jsonl` for records of a file that could not be read. file: its base name."""
    return [asdict(Quarantined(file, fault.offset, fault.reason, fault.detail)) for fault in bad]
