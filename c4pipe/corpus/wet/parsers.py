"""Reads WET files: from the bytes of a file to pages, one outcome per record.

There are two parsers: `tfds` reads line by line, as the reference does; `warc` uses Content-Length. Both work on a
stream: small records (`_HOLD_BYTES`) are kept in memory, and of a larger record only as much as a page can have.
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
from c4pipe.corpus.wet.language_header import LanguageHeader
from c4pipe.corpus.wet.line_parser import read_by_lines
from c4pipe.corpus.wet.warc_parser import read_by_length
from c4pipe.errors import UserError
from c4pipe.records import Dropped, Page, Quarantined

Outcome = Page | Dropped | Quarantined

WET_PARSERS: dict[str, Callable[[Iterator[bytes], str, bool, Kinds, LanguageHeader | None], Iterator[Outcome]]] = {
    "tfds": read_by_lines,
    "warc": read_by_length,
}


def read_records(
    source: str | os.PathLike | BinaryIO,
    parser: str = "tfds",
    file_name: str = "",
    compat: Compat = COMPATS["tfds-3.1.0"],
    kinds: Kinds | None = None,
    language_header: LanguageHeader | None = None,
) -> Iterator[Outcome]:
    """Yield the outcome of each record of a WET file, in order. A record's number is the index of its outcome.

    source: an open binary file, or a local path. file_name: the name for quarantine rows; if not given, the path's base
    name. If it ends in `.gz`, `.xz`, `.bz2` or `.zst`, the file must be compressed that way. kinds: gets the counts of
    the records' types and versions. language_header: decides which records are skipped by the header that names their
    language.

    A page of more than 190,000 characters is `Dropped("too_long")`: the reference's length stage is here, so that such
    a page never lies in memory.

    Raises: UserError if there is no such parser.
    """
    if parser not in WET_PARSERS:
        raise UserError(f"there is no WET parser {parser!r}; use one of {', '.join(WET_PARSERS)}")
    name = file_name or (Path(source).name if isinstance(source, str | os.PathLike) else "")
    with open(source, "rb") if isinstance(source, str | os.PathLike) else nullcontext(source) as stream:
        yield from WET_PARSERS[parser](
            read_blocks(stream, name),
            name,
            compat.needs_timestamp,
            Counter() if kinds is None else kinds,
            language_header,
        )
