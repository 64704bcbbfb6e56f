"""What flows through the pipelines: frozen records, standard library only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """One URL with its text, as a WET file or a C4 shard holds it.

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
    """A page or line that left the corpus, with the one reason why. `reason` is the counter's name too.

    lines, bytes (UTF-8): of the page's text, where it was measured.
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
