"""Plain text: one page per line, or one page per file."""

import io
from collections.abc import Iterator

from c4pipe.shards.reading.lines import decoded, numbered_lines
from c4pipe.shards.reading.record import BadRecord, RawRecord

LINE, FILE = "line", "file"
PAGE_PER = (LINE, FILE)


def read_text(stream: io.BufferedReader, page_per: str) -> Iterator[RawRecord | BadRecord]:
    """Yield records with one field, `text`."""
    if page_per == FILE:
        content = stream.read()
        places = iter([(0, content)] if content.strip() else [])
    else:
        places = numbered_lines(stream)
    for number, (offset, content) in enumerate(places):
        try:
            yield RawRecord(number, offset, {"text": decoded(offset, content)})
        except UnicodeDecodeError as error:
            yield BadRecord(number, offset, "bad_utf8", str(error))
