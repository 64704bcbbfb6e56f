"""The kinds of records in WET files. They are counted while a file is read, and its beginning is checked before.

A WET file has one `warcinfo` record and many `conversion` records. Each begins with a line `WARC/1.0`. The other files
of the same crawl look alike from outside: WARC files (the servers' responses) and WAT files (metadata).
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from c4pipe.corpus.wet.blocks import OTHER_COMPRESSION, BrokenFile, read_blocks
from c4pipe.corpus.wet.compression import compression_of, format_not_read

# The keys of the counts are `TYPE + record type` and `VERSION + version`.
TYPE, VERSION = "type:", "version:"
LINES = "tfds"
_EXPECTED = ("conversion", "warcinfo")
_HEADER_BYTES = 8 << 10
_MOST_BLANKS = 64
_LOOKED_AT_BYTES = 1 << 20
_TYPE = re.compile(rb"WARC-Type:[ \t]*([A-Za-z_-]{1,40})")
_VERSION = re.compile(rb"(WARC/[0-9]{1,2}\.[0-9]{1,2})[ \t]*(?=[\r\n]|$)")
_VERSION_OF_LINES = "WARC/1.0"

Kinds = Counter[str]


def count_record(kinds: Kinds, data: bytes, is_beginning: bool = True) -> None:
    """Count the type that a record's header names, and the lines that name a version other than `WARC/1.0`.

    data: whole lines of one record, as the reference's parser separates records. is_beginning: whether they contain its
    header.
    """
    if is_beginning and (first := next(_at_line_starts(_TYPE, data, _HEADER_BYTES), "")):
        kinds[TYPE + first.lower()] += 1
    # Nearly always there is only the line that begins the record, so the last place is the first. Finding it takes half
    # the time of counting.
    last = data.rfind(b"WARC/")
    if last > 0 or (last == 0 and not data.startswith(b"WARC/1.0")):
        for version in _at_line_starts(_VERSION, data, len(data)):
            if version != _VERSION_OF_LINES:
                kinds[VERSION + version] += 1


def _at_line_starts(expression: re.Pattern[bytes], data: bytes, end: int) -> Iterator[str]:
    """The matches of the expression in `data[:end]` that have only blanks before them on their line."""
    for match in expression.finditer(data, 0, end):
        start = match.start()
        before = data[max(start - _MOST_BLANKS, 0) : start].rstrip(b" \t")
        if before[-1:] in (b"", b"\n", b"\r"):
            yield match[1].decode()


def notices(kinds: Mapping[str, int], wet_parser: str) -> list[str]:
    """What a user should know about the kinds of records that were read, one sentence each. Mostly empty."""
    types = {name.removeprefix(TYPE): count for name, count in kinds.items() if name.startswith(TYPE)}
    versions = {name.removeprefix(VERSION): count for name, count in kinds.items() if name.startswith(VERSION)}
    found = []
    others = {name: count for name, count in types.items() if name not in _EXPECTED}
    if num_others := sum(others.values()):
        named = ", ".join(f"{count:,} {name}" for name, count in sorted(others.items()))
        notice = f"{num_others:,} of {sum(types.values()):,} records are not conversion records ({named})"
        if num_others > types.get("conversion", 0):
            notice += f": this looks like {_file_kind(others)}"
        if wet_parser == LINES:
            notice += ", and the reference's parser reads their text as pages; --wet_parser=warc leaves them out"
        else:
            notice += "; they were left out"
        found.append(notice)
    if versions and wet_parser == LINES:
        named = " or ".join(sorted(versions))
        count = sum(versions.values())
        found.append(
            f"{count:,} {'line says' if count == 1 else 'lines say'} {named}, which the reference's parser reads as "
            "text; --wet_parser=warc reads such records"
        )
    return found


def _file_kind(types: Mapping[str, int]) -> str:
    return "a WARC file" if "response" in types or "request" in types else "a WAT file"


def fault_of_beginning(source: BinaryIO, file_name: str, wet_parser: str) -> str:
    """Why a file should not be read as WET, judged by its first records; empty if nothing speaks against it.

    A file is at fault if all its first records are of other types, if its compression cannot be read, or, for the
    parser `tfds`, if all its first records are of other versions.
    """
    beginning = b""
    try:
        for block in read_blocks(source, file_name):
            beginning += block
            if len(beginning) >= _LOOKED_AT_BYTES:
                break
    except BrokenFile as error:
        if error.reason == OTHER_COMPRESSION:
            return f"cannot be read: {error.detail}"
        if not beginning:
            hint = "copy it again, or rename it if it is not compressed"
            return f"cannot be read from its first byte ({error.detail}); {hint}"
    inner = compression_of(beginning, "")
    if name := inner.name if inner else format_not_read(beginning):
        return f"has a file of the kind {name} inside of its compression; unpack it once"
    if beginning.startswith(b"filedesc://"):
        return "looks like an ARC file, not a WET file"
    types = Counter(name.lower() for name in _at_line_starts(_TYPE, beginning, len(beginning)))
    versions = Counter(_at_line_starts(_VERSION, beginning, len(beginning)))
    others = sorted(set(types) - set(_EXPECTED))
    if others and not types["conversion"]:
        kind = _file_kind(types)
        return f"looks like {kind}, not a WET file: its first records are {', '.join(others)}, none is conversion"
    if wet_parser == LINES and versions and not versions[_VERSION_OF_LINES]:
        named = " or ".join(sorted(versions))
        return f"has records of {named}, which the reference's parser reads as text; --wet_parser=warc reads them"
    return ""
