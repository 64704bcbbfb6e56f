"""The records that flow through the pipelines. They are frozen and need only the standard library."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """One URL with its text, as in a WET file or a C4 shard.

    `record` is the number of the record in its WET file, counted from 0 over all records of the file (the
    warcinfo record too), so that every page can be found again.
    """

    url: str
    text: str
    timestamp: str
    content_type: str = ""
    content_length: str = ""
    record: int = -1


@dataclass(frozen=True, slots=True)
class Dropped:
    """A page or line that left the corpus, and the reason. `reason` is also the name of the counter.

    lines, bytes (UTF-8): the size of the page's text, if it was measured.
    """

    reason: str
    lines: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record that could not be read: a row of `quarantine.jsonl`. `offset` is in decompressed bytes."""

    file: str
    offset: int
    reason: str
    detail: str
