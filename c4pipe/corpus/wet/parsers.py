"""Reading WET files: from the bytes of a file to pages, one outcome a record.

Two parsers: `tfds` is the reference's line reader, `warc` honours Content-Length. Both stream: a record is held while
it is small (`_HOLD_BYTES`), and of a larger one only what can still become a page.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

from c4pipe.corpus.variants import COMPATS, Compat
from c4pipe.corpus.wet.blocks import read_blocks
from c4pipe.corpus.wet.kinds import Kinds
from c4pipe.corpus.wet.line_parser import read_by_lines
from c4pipe.corpus.wet.warc_parser import read_by_length
from c4pipe.errors import UserError
from c4pipe.records import Dropped, Page, Quarantined

Outcome = Page | Dropped | Quarantined

WET_PARSERS: dict[str, Callable[[Iterator[bytes], str, bool, Kinds], Iterator[Outcome]]] = {
    "tfds": read_by_lines,
    "warc": read_by_length,
}


def read_records(
    source: str | os.PathLike | BinaryIO,
    parser: str = "tfds",
    file_name: str = "",
    compat: Compat = COMPATS["tfds-3.1.0"],
    kinds: Kinds | None = None,
) -> Iterator[Outcome]:
    """What becomes of each record of a WET file, in order; the record's number is its place among the outcomes.

    source: an open binary file, or a local path. file_name: the name in quarantine rows, and `.gz` (`.xz`, `.bz2`,
    `.zst`) at its end says that the file should be compressed so; the path's base name where it is not given.
    kinds: takes the counts of the records' types and versions.

    A page over 190,000 characters is `Dropped("too_long")`: the reference's length stage is here, so that such a page
    is never held.

    Raises: UserError for a parser that does not exist.
    """
    if parser not in WET_PARSERS:
        raise UserError(f"there is no WET parser {parser!r}; one of {', '.join(WET_PARSERS)}")
    name = file_name or (Path(source).name if isinstance(source, str | os.PathLike) else "")
    with open(source, "rb") if isinstance(source, str | os.PathLike) else nullcontext(source) as stream:
        yield from WET_PARSERS[parser](
            read_blocks(stream, name), name, compat.needs_timestamp, Counter() if kinds is None else kinds
        )
